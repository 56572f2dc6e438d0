// Attention as it is drawn: many heads of a layer at once and small, or a part of one head, sharp. In:
// what is looked at. Out: entries that each stand for a square of tokens, or the kernel's refusal.

import type { AxisTokenJson } from "../types";
import { fields, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";
import type { HeadAddress, SessionClient } from "./session-client";

export type Moment = "before" | "after" | "change";

/** The pattern itself, or how long the vector is that each edge moves (‖pattern · v · W_O‖). */
export type Weight = "pattern" | "value";

export interface Look {
  readonly layer: number;
  readonly moment: Moment;
  readonly weight: Weight;
  readonly cross: boolean;
}

/** Heads of one layer, small. */
export interface HeadPictures {
  readonly heads: readonly number[];
  readonly nQueries: number;
  readonly nKeys: number;
  /** What stands along each side; null where that is the prompt. */
  readonly queries: readonly AxisTokenJson[] | null;
  readonly keys: readonly AxisTokenJson[] | null;
  /** How many tokens there are on a side of the square that an entry stands for. */
  readonly factor: number;
  /** [head, row, column]: of each square the entry furthest from zero. */
  readonly values: Frame;
  /** By head, the share on the first token and the share that goes to no key. */
  readonly first: readonly number[];
  readonly rest: readonly number[];
  /** Is a learned sink what takes that? */
  readonly sink: boolean;
  readonly note: string;
}

/** [row, column] of a part of one head. */
export interface PatternPart {
  readonly values: Frame;
}

/** Of every query the share on the first key, and on all keys together. */
export interface PatternRows {
  readonly first: Float32Array;
  readonly total: Float32Array;
  readonly sink: boolean;
}

type Span = readonly [from: number, to: number];

export async function askPictures(
  client: SessionClient,
  look: Look,
  heads: readonly number[] | null,
  most: number,
  signal: AbortSignal,
): Promise<HeadPictures> {
  const args = { ...look, ...(heads ? { heads } : {}), most };
  const answer = await client.ask("patterns", args, { signal });
  const said = fields(answer.result);
  const values = theFrame(answer, 3);
  const [count = 0, rows = 0, columns = 0] = values.shape;
  const factor = whole(said.factor);
  const [nQueries, nKeys] = [whole(said.n_queries), whole(said.n_keys)];
  const shown = numbers(said.heads, count);
  if (factor < 1 || rows !== Math.ceil(nQueries / factor) || columns !== Math.ceil(nKeys / factor))
    throw unreadable("the pictures have another size than their tokens");
  return {
    heads: shown,
    nQueries,
    nKeys,
    factor,
    values,
    queries: side(said.queries, nQueries),
    keys: side(said.keys, nKeys),
    first: numbers(said.first, count),
    rest: numbers(said.rest, count),
    sink: said.sink === true,
    note: typeof said.note === "string" ? said.note : "",
  };
}

export async function askPart(
  client: SessionClient,
  look: Look,
  head: number,
  queries: Span,
  keys: Span,
  factor: number,
  signal: AbortSignal,
): Promise<PatternPart> {
  const args = { ...look, head, queries, keys, factor };
  const values = theFrame(await client.ask("pattern_part", args, { signal }), 2);
  const sides = [queries, keys].map(([from, to]) => Math.ceil((to - from) / factor));
  if (values.shape.some((length, i) => length !== sides[i]))
    throw unreadable("a part has another size than was asked for");
  return { values };
}

export async function askRows(
  client: SessionClient,
  { layer, moment, cross }: Look,
  head: number,
  signal: AbortSignal,
): Promise<PatternRows> {
  const answer = await client.ask("pattern_rows", { layer, moment, cross, head }, { signal });
  const rows = theFrame(answer, 2);
  if (rows.shape[0] !== 2) throw unreadable("two numbers per query were expected");
  return { first: rows.row(0), total: rows.row(1), sink: fields(answer.result).sink === true };
}

/** Cuts several edges of one head as one change, or restores them where all are cut. */
export const cutEdges = (
  client: SessionClient,
  { layer, head, cross = false }: HeadAddress,
  edges: readonly (readonly [query: number, key: number])[],
): Promise<boolean> => client.act("knock_out", { layer, head, edges, ...(cross && { cross }) });

function theFrame({ frames }: Answer<unknown>, rank: number): Frame {
  const [frame] = frames;
  if (!frame || frames.length !== 1 || frame.shape.length !== rank)
    throw unreadable(`one frame with ${rank} axes was expected`);
  return frame;
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw unreadable("a count is missing");
  return value as number;
}

function numbers(value: unknown, count: number): number[] {
  const right = Array.isArray(value) && value.length === count;
  if (!right || !value.every((one) => typeof one === "number"))
    throw unreadable("a number per head was expected");
  return value;
}

function side(value: unknown, count: number): AxisTokenJson[] | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || value.length !== count)
    throw unreadable("a side of the pattern has another length than its tokens");
  return value.map((token: unknown) => {
    const { text, special } = fields(token);
    if (typeof text !== "string") throw unreadable("a token has no text");
    return { text, special: special === true };
  });
}
