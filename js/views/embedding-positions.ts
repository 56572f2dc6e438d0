// How positions are told apart, as a map: cosines between position vectors, the angles of rotary pairs, or
// a bias by distance. In: one encoding. Out: a map, its legend, and one cell in a sentence.

import { colour, type Theme } from "../charts/colour";
import { plain } from "../charts/format";
import type { LegendScene } from "../charts/legend";
import type { PositionScene } from "../charts/position-map";
import type {
  Encoding,
  PositionVectorsJson,
  RelativeBiasJson,
  RotaryJson,
} from "../wire/embedding";
import { angleWords } from "./embedding-words";

export interface EncodingPicture {
  readonly map: Omit<PositionScene, "lit" | "selected">;
  readonly legend: Omit<LegendScene, "theme">;
  /** The token that a column stands for; null where it stands for a distance. */
  tokenOf(column: number): number | null;
}

export function pictureOf(one: Encoding, tokens: readonly string[], theme: Theme): EncodingPicture {
  if (one.kind === "vectors") return ofVectors(one, theme);
  return one.kind === "rotary" ? ofRotary(one, tokens, theme) : ofBias(one, theme);
}

function ofVectors(one: PositionVectorsJson, theme: Theme): EncodingPicture {
  const n = one.cosines.shape[1] ?? 0;
  const name = (at: number): string => String(at * one.every);
  return {
    map: {
      label: "Cosine between position vectors: positions down and across",
      theme,
      rows: named(n, name),
      columns: names(n, name),
      tick: name,
      slanted: false,
      fill: (row, column) => colour(one.cosines.at(row, column), 1, "diverging", theme),
      describe: (row, column) =>
        `Positions ${name(row)} and ${name(column)}: cosine ${plain(one.cosines.at(row, column))}`,
      stamp: [one],
    },
    legend: ends("−1", "+1", "Cosine between two position vectors"),
    tokenOf: (column) => column * one.every,
  };
}

function ofRotary(one: RotaryJson, tokens: readonly string[], theme: Theme): EncodingPicture {
  const [pairs = 0, n = 0] = one.angles.shape;
  const name = (at: number): string => String(at * one.every);
  return {
    map: {
      label: "Rotary angles: pairs of numbers down, positions across",
      theme,
      rows: named(pairs, String),
      columns: names(n, (at) => tokens[at * one.every] ?? ""),
      tick: name,
      slanted: true,
      fill: (row, column) => colour(Math.cos(one.angles.at(row, column)), 1, "diverging", theme),
      describe: (row, column) => angleWords(one, row, column),
      stamp: [one],
    },
    legend: ends("−1", "+1", "Cosine of the angle by which a pair is turned"),
    tokenOf: (column) => column * one.every,
  };
}

function ofBias(one: RelativeBiasJson, theme: Theme): EncodingPicture {
  const [heads = 0, n = 0] = one.bias.shape;
  const max = one.bias.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const name = (at: number): string => plain(one.distances[at] ?? 0).replace(".00", "");
  return {
    map: {
      label: "Bias of the scores: heads down, key minus query across",
      theme,
      rows: named(heads, (head) => `head ${head}`),
      columns: names(n, name),
      tick: name,
      slanted: false,
      fill: (row, column) => colour(one.bias.at(row, column), max, "diverging", theme),
      describe: (row, column) =>
        `Head ${row}, a key ${name(column)} from its query: ${plain(one.bias.at(row, column))} is added to the score`,
      stamp: [one],
    },
    legend: ends(`−${plain(max)}`, `+${plain(max)}`, "What is added to a score before the softmax"),
    tokenOf: () => null,
  };
}

const named = (n: number, name: (at: number) => string) =>
  Array.from({ length: n }, (_, at) => ({ label: name(at) }));

const names = (n: number, name: (at: number) => string): string[] =>
  Array.from({ length: n }, (_, at) => name(at));

const ends = (low: string, high: string, label: string): Omit<LegendScene, "theme"> => ({
  scale: "diverging",
  from: -1,
  to: 1,
  low,
  high,
  label,
});
