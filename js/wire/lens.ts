// What the residual stream says, asked of the kernel and checked: blocks of the lens, one cell of it,
// how far a change of each row can reach, and the map of patches. In: a client. Out: arrays in the
// words of the field; an answer that cannot be right is an error here.

import type { ComponentJson } from "../types";
import { unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";
import type { Asking, Progress, SessionClient } from "./session-client";

export type StreamEnd = "pre" | "mid" | "post";

/** One row: the stream before, inside or after a layer. */
export interface LensRow {
  readonly layer: number;
  readonly end: StreamEnd;
}

export const MEASURE_NAMES = [
  "probability",
  "final_probability",
  "final_rank",
  "entropy",
  "kl",
  "answer_probability",
  "answer_rank",
  "logit_diff",
] as const;
export type MeasureName = (typeof MEASURE_NAMES)[number];

export type Side = "a" | "b";

export interface Depth {
  readonly sublayers: boolean;
  /** One layer in so many. */
  readonly every: number;
}

export interface LensAsk extends Depth {
  readonly of: Side;
  readonly edited: boolean;
  readonly first: number;
  readonly count: number;
  readonly measure: MeasureName;
}

/** The lens at some positions. */
export interface LensBlock {
  readonly rows: readonly LensRow[];
  readonly first: number;
  readonly count: number;
  readonly vocabulary: number;
  readonly measure: MeasureName;
  /** By row and position (of the prompt): the likeliest token, its probability, the measure. */
  token(row: number, position: number): { id: number; text: string };
  probability(row: number, position: number): number;
  value(row: number, position: number): number;
}

export interface CellToken {
  readonly id: number;
  readonly text: string;
  readonly logit: number;
  readonly probability: number;
  readonly rank: number;
  /** An answer token, told of wherever it ranks. */
  readonly followed: boolean;
  readonly before: null | { logit: number; probability: number; rank: number };
}

export interface CellPart {
  readonly component: ComponentJson;
  readonly value: number;
  /** What the attention wrote beside its heads. */
  readonly bias: boolean;
}

/** Direct attribution, in logits. */
export interface Wrote {
  readonly parts: readonly CellPart[];
  readonly others: number;
  readonly others_value: number;
  readonly embed: number;
  readonly constant: number;
  readonly rest: number;
  readonly total: number;
  readonly note: string;
}

export interface LensCell extends LensRow {
  readonly position: number;
  readonly tokens: readonly CellToken[];
  readonly entropy: number;
  readonly kl: number;
  readonly toward: readonly [string, string];
  readonly wrote: Wrote | null;
  /** Why there is none. */
  readonly refusal: string;
}

/** How far a change of a row can reach: its own position, from row `spread` on others too. */
export interface Cone {
  readonly spread: number;
  readonly both_ways: boolean;
}

export interface Cones {
  readonly rows: readonly LensRow[];
  readonly cones: readonly Cone[];
}

/** What each patch from B does to the metric, [row, position]; NaN = not known yet, or none. */
export interface PatchingMap {
  readonly rows: readonly LensRow[];
  readonly unit: string;
  readonly label: string;
  readonly metric_a: number;
  readonly metric_b: number;
  readonly effects: Frame;
}

export async function askLens(
  client: SessionClient,
  ask: LensAsk,
  options: Asking = {},
): Promise<LensBlock> {
  return readBlock(await client.ask("lens", ask, options), ask);
}

export async function askCell(
  client: SessionClient,
  ask: LensRow & { of: Side; edited: boolean; position: number; k: number; toward: string },
  options: Asking = {},
): Promise<LensCell> {
  const { result } = await client.ask("lens_cell", ask, options);
  const cell = result as LensCell;
  if (!Array.isArray(cell?.tokens) || !Array.isArray(cell.toward)) throw unreadable("no cell");
  return cell;
}

export async function askCones(
  client: SessionClient,
  { sublayers, every }: Depth,
  options: Asking = {},
): Promise<Cones> {
  const { result } = await client.ask("lens_cones", { sublayers, every }, options);
  const cones = result as Cones;
  if (!Array.isArray(cones?.cones)) throw unreadable("there are no cones");
  return cones;
}

export async function askPatchingMap(
  client: SessionClient,
  { sublayers, every }: Depth,
  signal: AbortSignal,
  partly: (map: PatchingMap, progress: Progress) => void,
): Promise<PatchingMap> {
  const onPartial: Asking["onPartial"] = (partial, progress) => {
    if (partial.frames.length > 0) partly(readMap(partial), progress);
  };
  const asked = client.ask("patching_map", { sublayers, every }, { signal, onPartial });
  return readMap(await asked);
}

function readBlock({ result, frames }: Answer<unknown>, ask: LensAsk): LensBlock {
  const { rows, first, vocabulary, ids, texts } = (result ?? {}) as {
    rows: LensRow[];
    first: number;
    vocabulary: number;
    ids: number[];
    texts: string[];
  };
  const [index, probability] = frames;
  const value = ask.measure === "probability" ? probability : frames[2];
  if (!index || !probability || !value || !Array.isArray(rows) || !Array.isArray(texts)) {
    throw unreadable("a part of the lens is missing");
  }
  const count = index.shape[1] ?? 0;
  for (const frame of [index, probability, value]) {
    if (frame.shape.length !== 2 || frame.shape[0] !== rows.length || frame.shape[1] !== count) {
      throw unreadable("the parts of the lens have different shapes");
    }
  }
  const read = (frame: Frame, row: number, position: number): number =>
    frame.values[row * count + position - first] ?? Number.NaN;
  return {
    rows,
    first,
    count,
    vocabulary,
    measure: ask.measure,
    token: (row, position) => {
      const at = read(index, row, position);
      return { id: ids[at] ?? -1, text: texts[at] ?? "" };
    },
    probability: (row, position) => read(probability, row, position),
    value: (row, position) => read(value, row, position),
  };
}

function readMap({ result, frames }: Answer<unknown>): PatchingMap {
  const map = result as Omit<PatchingMap, "effects">;
  const [effects] = frames;
  if (effects?.shape.length !== 2 || effects.shape[0] !== map?.rows?.length) {
    throw unreadable("a patching map has a row per stream");
  }
  return { ...map, effects };
}
