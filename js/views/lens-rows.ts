// The rows and columns of the lens in words: what each row's stream is called, which positions of A
// and B share a column, and which cells the interventions of a session touch.

import type { InterventionJson, PartJson, SessionState } from "../types";
import type { Cone, Depth, LensRow, Side } from "../wire/lens";
import { kindOf, type Tone } from "./marks";

/** Which position of each prompt stands in a column. */
export interface Column {
  readonly a: number | null;
  readonly b: number | null;
}

export type DepthName = "layers" | "sublayers" | `every ${number}`;

const DEEP = 33; // layers that no longer stand in one pane
const STEPS = [2, 4, 8, 16];

export const depthOf = (name: DepthName): Depth => ({
  sublayers: name === "sublayers",
  every: name.startsWith("every ") ? Number(name.slice(6)) : 1,
});

/** What a person may choose from: deep models have steps too. */
export function depthChoices(nLayers: number): [name: DepthName, text: string][] {
  const steps = STEPS.filter((step) => nLayers / step >= 6);
  return [
    ["layers", "every layer"],
    ["sublayers", "attention and MLP"],
    ...steps.map((step): [DepthName, string] => [
      `every ${step}`,
      `every ${step}${suffix(step)} layer`,
    ]),
  ];
}

const suffix = (step: number): string => (step === 2 ? "nd" : "th");

/** Thinned until it stands in one pane. */
export function usualDepth(nLayers: number): DepthName {
  if (nLayers < DEEP) return "layers";
  const step = STEPS.find((each) => nLayers / each < DEEP) ?? 16;
  return `every ${step}`;
}

/** On the axis: "emb", "3", "3 attn". */
export function rowText({ layer, end }: LensRow, sublayers: boolean): string {
  if (end === "pre") return layer === 0 ? "embed" : `in ${layer}`;
  if (!sublayers) return String(layer);
  return end === "mid" ? `${layer} attn` : `${layer} mlp`;
}

/** In a sentence: "after layer 3", "after attention 3". */
export function rowWords({ layer, end }: LensRow): string {
  if (end === "pre") return layer === 0 ? "the embedding" : `before layer ${layer}`;
  return end === "mid" ? `after attention ${layer}` : `after layer ${layer}`;
}

/** Columns in the order of the prompt; with B, its tokens stand under those that they match. */
export function columnsOf(state: SessionState, withOther: boolean, of: Side): Column[] {
  const { tokens, other } = state;
  if (other && withOther) return other.pairs.map(([a, b]) => ({ a, b }));
  const partner = new Map(other?.pairs.map(([a, b]) => (of === "a" ? [a, b] : [b, a])) ?? []);
  const length = (of === "a" ? tokens : (other?.tokens ?? [])).length;
  return Array.from({ length }, (_, position) => {
    const matched = partner.get(position) ?? null;
    return of === "a" ? { a: position, b: matched } : { a: matched, b: position };
  });
}

/** The row of a stream, where it is shown: the stream before a layer is the one after the last. */
export function rowOf(rows: readonly LensRow[], part: PartJson): number {
  if (part.type !== "residual") return -1;
  const { layer, end = "pre" } = part;
  const same = rows.findIndex((row) => row.layer === layer && row.end === end);
  if (same >= 0 || end !== "pre") return same;
  return rows.findIndex((row) => row.layer === layer - 1 && row.end === "post");
}

export interface StreamMark {
  readonly row: number;
  /** Null: all of them. */
  readonly positions: readonly number[] | null;
  readonly tone: Tone;
  readonly enabled: boolean;
  readonly words: string;
}

/** What is done to the stream itself, among the rows that are shown. */
export function streamMarks(
  rows: readonly LensRow[],
  interventions: readonly InterventionJson[],
): StreamMark[] {
  return interventions.flatMap((item) => {
    const { component, align, enabled } = item;
    const row = component ? rowOf(rows, component) : -1;
    if (!component || row < 0) return [];
    const named = "positions" in component ? component.positions : undefined;
    const positions = align?.map(([here]) => here) ?? named ?? null;
    const { tone, did } = kindOf(item);
    return [{ row, positions, tone, enabled, words: enabled ? did : `${did}, switched off` }];
  });
}

/** A cone on a grid: the corners of the region that a change of a cell can reach, in cells. */
export function coneCorners(
  cone: Cone,
  row: number,
  column: number,
  size: { rows: number; columns: number },
): [x: number, y: number][] {
  const left = cone.both_ways ? 0 : column;
  const { spread } = cone;
  if (spread >= size.rows) {
    return [
      [column, row],
      [column + 1, row],
      [column + 1, size.rows],
      [column, size.rows],
    ];
  }
  const wide: [number, number][] = [
    [size.columns, spread],
    [size.columns, size.rows],
    [left, size.rows],
    [left, spread],
  ];
  if (spread <= row) return wide;
  return [[column, row], [column + 1, row], [column + 1, spread], ...wide, [column, spread]];
}
