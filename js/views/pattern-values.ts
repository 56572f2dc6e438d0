// The numbers of one head at the resolution of the picture: all of it coarsely, and over that the parts
// in sight as finely as they are drawn. In: what is looked at, and which tokens are in sight. Out: a
// number for every query and key, and how many tokens share it.

import type { SessionState } from "../types";
import type { Frame } from "../wire/frames";
import type { HeadPictures, Look } from "../wire/patterns";
import { type AttentionValues, isEdited, STEP, sideOf } from "./attention-values";
import { PART, type PatternStore } from "./pattern-store";

/** Entries on a side of the picture of all of a head. */
export const ENTRIES = 512;

/** The tokens in sight, and how many of them may share a number there. */
export interface Sight {
  readonly query: number;
  readonly key: number;
  readonly queries: number;
  readonly keys: number;
  readonly factor: number;
}

export function pictureValues(
  store: PatternStore,
  state: SessionState,
  wish: Look,
  head: number,
  sight: Sight | null,
): AttentionValues {
  const look: Look = { ...wish, moment: isEdited(state) ? wish.moment : "before" };
  const { value: shown, late, refusal } = store.pictures(state, look, [head], ENTRIES);
  const base = shown && fits(shown, state) ? shown : null;
  const largest = base ? largestOf(base) : 0;
  const fine = base && sight && sight.factor < base.factor ? sight : null;
  const parts = base && fine ? partsOf(store, state, look, head, base, fine) : null;
  const triangle = base?.values.layout === "tril";
  const change = look.moment === "change";
  return {
    moment: look.moment,
    weight: look.weight,
    picture: base && [base, look.moment, ...(parts?.frames ?? [])],
    waiting: late || (parts?.late ?? false),
    refusal,
    unchanged: change && largest <= (look.weight === "pattern" ? STEP : 1e-6),
    max: maxOf(look, largest),
    queries: sideOf(base?.queries, state),
    keys: sideOf(base?.keys, state),
    triangle,
    factor: fine?.factor ?? base?.factor ?? 1,
    note: base?.note ?? "",
    value: (query, key) => {
      if (!base || (triangle && key > query + base.factor)) return 0;
      return parts?.read(query, key) ?? readPicture(base, 0, query, key);
    },
  };
}

/** One scale for what is on show: shares are of 1, all else of the largest. */
export function maxOf({ moment, weight }: Look, largest: number): number {
  if (weight === "value") return largest || 1;
  return moment === "change" ? Math.max(0.05, largest) : 1;
}

/** The number that a query and a key have in a picture of a layer. */
export function readPicture(
  { values, factor }: HeadPictures,
  nth: number,
  query: number,
  key: number,
): number {
  const [, rows = 0, columns = 0] = values.shape;
  const [row, column] = [Math.floor(query / factor), Math.floor(key / factor)];
  if (values.layout === "tril") {
    if (column > row) return 0;
    return values.values[(nth * rows * (rows + 1)) / 2 + (row * (row + 1)) / 2 + column] ?? 0;
  }
  return values.values[(nth * rows + row) * columns + column] ?? 0;
}

const sizes = new WeakMap<Frame, number>();

/** The largest size of any entry. */
export function largestOf({ values }: HeadPictures): number {
  let largest = sizes.get(values);
  if (largest === undefined) {
    largest = 0;
    for (const value of values.values) largest = Math.max(largest, Math.abs(value));
    sizes.set(values, largest);
  }
  return largest;
}

interface Parts {
  readonly frames: readonly (Frame | null)[];
  readonly late: boolean;
  read(query: number, key: number): number | null;
}

function partsOf(
  store: PatternStore,
  state: SessionState,
  look: Look,
  head: number,
  base: HeadPictures,
  { query, key, queries, keys, factor }: Sight,
): Parts {
  const width = PART * factor;
  const found = new Map<number, Frame>();
  const frames: (Frame | null)[] = [];
  const across = Math.ceil(base.nKeys / width);
  let late = false;
  const last = Math.min(query + queries, base.nQueries);
  for (let q = Math.floor(query / width); q * width < last; q++) {
    for (let k = Math.floor(key / width); k * width < Math.min(key + keys, base.nKeys); k++) {
      if (base.values.layout === "tril" && k > q) continue;
      const at = { query: q * width, key: k * width };
      const part = store.part(state, look, head, base, factor, at);
      late ||= part.late;
      frames.push(part.value?.values ?? null);
      if (part.value) found.set(q * across + k, part.value.values);
    }
  }
  return {
    frames,
    late,
    read(atQuery, atKey) {
      const [q, k] = [Math.floor(atQuery / width), Math.floor(atKey / width)];
      const frame = found.get(q * across + k);
      if (!frame) return null;
      const row = Math.floor((atQuery - q * width) / factor);
      const column = Math.floor((atKey - k * width) / factor);
      return frame.values[row * (frame.shape[1] ?? 0) + column] ?? 0;
    },
  };
}

/** Is this a picture of the prompt that is on show? */
function fits({ queries, keys, nQueries, nKeys }: HeadPictures, state: SessionState): boolean {
  return (
    sideOf(queries, state).tokens.length === nQueries && sideOf(keys, state).tokens.length === nKeys
  );
}
