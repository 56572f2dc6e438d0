// The parts of the first residual along the tokens, as one map: norms on one scale, and under them
// cosines and shares with a true zero. In: parts. Out: a map, and one cell in a sentence.

import { colour, type Theme } from "../charts/colour";
import { percent, plain } from "../charts/format";
import type { PositionScene } from "../charts/position-map";
import { short } from "../charts/token-text";
import type { SessionState } from "../types";
import type { EmbeddingParts } from "../wire/embedding";
import { shortNames } from "./embedding-words";

interface Line {
  readonly label: string;
  readonly apart: boolean;
  readonly scale: "sequential" | "diverging";
  readonly max: number;
  value(token: number): number;
  words(value: number): string;
}

/** What stands at the end of the scale of norms; what is no number is none of it. */
export function largestNorm({ norms, sums }: EmbeddingParts): number {
  const known = [norms, sums].flatMap(({ values }) => Array.from(values).filter(Number.isFinite));
  return known.reduce((most, one) => Math.max(most, one), 0);
}

export function linesOf(parts: EmbeddingParts): Line[] {
  const names = shortNames(parts);
  const max = largestNorm(parts);
  const norm = (
    label: string,
    of: string,
    value: (token: number) => number,
    apart = false,
  ): Line => ({
    label: `‖${label}‖`,
    apart,
    scale: "sequential",
    max,
    value,
    words: (found) => `norm of ${of} ${plain(found)}`,
  });
  const lines = names.map((name, at) =>
    norm(name, `the ${parts.parts[at]?.kind} part`, (token) => parts.norms.at(at, token)),
  );
  const several = names.length > 1;
  if (several) lines.push(norm("sum", "the sum", (token) => parts.sums.at(0, token)));
  if (parts.steps.length > 0) {
    lines.push(norm("res", "the residual", (token) => parts.sums.at(1, token)));
  }
  parts.pairs.forEach(([one = 0, other = 0], at) => {
    const only = parts.pairs.length === 1;
    lines.push({
      label: only ? "cos" : `${names[one]?.[0]}·${names[other]?.[0]}`,
      apart: at === 0,
      scale: "diverging",
      max: 1,
      value: (token) => parts.cosines.at(at, token),
      words: (found) =>
        `cosine between ${parts.parts[one]?.kind} and ${parts.parts[other]?.kind} ${plain(found)}`,
    });
  });
  if (several) {
    names.forEach((name, at) => {
      lines.push({
        label: `${name} %`,
        apart: at === 0,
        scale: "diverging",
        max: 1,
        value: (token) => parts.shares.at(at, token),
        words: (found) => `the ${parts.parts[at]?.kind} part is ${shareText(found)} of the sum`,
      });
    });
  }
  return lines;
}

const shareText = (share: number): string =>
  share >= 0 && share <= 1 ? percent(share) : `${plain(100 * share)}%`;

export function partsScene(
  state: SessionState,
  parts: EmbeddingParts,
  theme: Theme,
): Omit<PositionScene, "lit" | "selected"> {
  const lines = linesOf(parts);
  return {
    label: "Parts of the first residual: norms, cosines and shares down, tokens across",
    theme,
    rows: lines,
    columns: state.tokens.map(({ text }) => text),
    tick: String,
    slanted: true,
    fill: (row, token) => {
      const line = lines[row];
      return line ? colour(line.value(token), line.max, line.scale, theme) : null;
    },
    describe: (row, token) => sentenceOf(state, lines, row, token),
    stamp: [parts],
  };
}

export function sentenceOf(
  state: SessionState,
  lines: readonly Line[],
  row: number,
  token: number,
): string {
  const line = lines[row];
  const place = `${short(state.tokens[token]?.text ?? "", 16)} (${token})`;
  return line ? `${place}: ${line.words(line.value(token))}` : place;
}
