// The cache as the kernel tells of it: what every layer keeps, and the norms of keys or values. A shape
// that cannot be what was asked for is an error here.

import type { ContinuationWish } from "../store/session-store";
import { fields, list, numbers, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Listening, SessionClient } from "./session-client";

export type CachePart = "keys" | "values";

export interface CachedLayer {
  readonly layer: number;
  readonly cross: boolean;
  readonly kind: string;
  readonly kvHeads: number;
  readonly heads: number;
  readonly dtype: string;
  /** The first position that is still held. */
  readonly first: number;
  readonly window: number | null;
  /** How long a key and a value are. */
  readonly widths: readonly number[];
  readonly states: readonly { name: string; shape: readonly number[] }[];
  readonly bytes: number;
  readonly bytesPerToken: number;
}

export interface CacheRow {
  readonly layer: number;
  readonly cross: boolean;
  /** Null: all heads of the layer together. */
  readonly head: number | null;
}

export interface CacheContents {
  readonly layers: readonly CachedLayer[];
  readonly rows: readonly CacheRow[];
  /** The tokens that were read after the prompt. */
  readonly later: readonly string[];
  readonly bytes: number;
  readonly bytesPerToken: number;
  /** Norms `[row, pos]`; the last two only while an edit is on. */
  readonly before: Frame;
  readonly after: Frame | null;
  readonly change: Frame | null;
}

/** What is read after the prompt: so many tokens, written as the continuation writes them. */
export type Written = Pick<ContinuationWish, "tokens" | "temperature" | "top_p" | "seed" | "on">;

export async function askCache(
  client: SessionClient,
  part: CachePart,
  layer: number | null,
  { tokens, ...how }: Written,
  options: Listening,
): Promise<CacheContents> {
  const args = { part, layer, new_tokens: tokens, ...how };
  const { result, frames } = await client.ask("cache", args, options);
  const about = fields(result);
  const rows = list(about.rows).map(readRow);
  const [before, after = null, change = null] = frames;
  const fits = (frame: Frame | null): boolean =>
    frame === null || (frame.shape.length === 2 && frame.shape[0] === rows.length);
  if (!before || !fits(before) || !fits(after) || !fits(change)) {
    throw unreadable("the map of a cache has a line for each row");
  }
  return {
    layers: list(about.layers).map(readLayer),
    rows,
    later: list(about.later).map(text),
    bytes: Number(about.n_bytes),
    bytesPerToken: Number(about.bytes_per_token),
    before,
    after,
    change,
  };
}

function readRow(value: unknown): CacheRow {
  const [layer, cross, head] = list(value);
  if (typeof layer !== "number") throw unreadable("a row of a cache has a layer");
  return { layer, cross: cross === true, head: typeof head === "number" ? head : null };
}

function readLayer(value: unknown): CachedLayer {
  const one = fields(value);
  return {
    layer: Number(one.layer),
    cross: one.cross === true,
    kind: text(one.kind),
    kvHeads: Number(one.kv_heads),
    heads: Number(one.heads),
    dtype: text(one.dtype),
    first: Number(one.first),
    window: typeof one.window === "number" ? one.window : null,
    widths: numbers(one.widths),
    states: list(one.states).map((state) => {
      const [name, shape] = list(state);
      return { name: text(name), shape: numbers(shape) };
    }),
    bytes: Number(one.n_bytes),
    bytesPerToken: Number(one.bytes_per_token),
  };
}
