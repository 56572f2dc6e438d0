// The numbers of one head's attention: which pattern is on show and, while a newer one is on its way,
// the last one of the same head (or its baseline), so that nothing goes blank meanwhile. Short raw
// patterns are here whole (patterns.ts); all others come at the resolution of the picture
// (pattern-values.ts).

import type { AxisTokenJson, SessionState } from "../types";
import type { Moment, Weight } from "../wire/patterns";
import type { HeadAddress, Pattern } from "../wire/session-client";
import type { Patterns } from "./patterns";

export type { Moment, Weight } from "../wire/patterns";

/** Tokens up to which a whole pattern is fetched: a few dozen kilobytes. */
export const WHOLE = 256;

export interface AttentionValues {
  moment: Moment;
  weight: Weight;
  /** What the picture depends on; null while there is nothing to draw. */
  picture: readonly unknown[] | null;
  waiting: boolean;
  refusal: string;
  /** Before and after are the same, as far as both are known. */
  unchanged: boolean;
  max: number;
  /** What stands along each side, and whether that is the prompt. */
  queries: Side;
  keys: Side;
  /** No query looks ahead, before or after. */
  triangle: boolean;
  /** How many tokens share one number: of a square of them the largest is known. */
  factor: number;
  /** What the numbers leave out. */
  note: string;
  value(query: number, key: number): number;
}

export interface Side {
  tokens: readonly AxisTokenJson[];
  prompt: boolean;
}

// A change smaller than one step of the 8-bit wire is none.
export const STEP = 1.5 / 255;

export const isEdited = (state: SessionState): boolean =>
  state.interventions.some((item) => item.enabled);

export function attentionValues(
  patterns: Patterns,
  state: SessionState,
  address: HeadAddress,
  wish: Moment,
): AttentionValues {
  const edited = isEdited(state);
  const moment = edited ? wish : "before";
  const before = patterns.get(state, address, false);
  // The edited pattern is asked for once its run is done: a click must not wait for a picture.
  const current = state.outcome?.revision === state.revision;
  const after = !edited ? before : current ? patterns.get(state, address, true) : null;
  const late = edited && !after ? (patterns.last(state, address) ?? before) : after;
  const wanted = moment === "before" ? before : late;
  const complete = moment === "change" ? (before && late ? late : null) : wanted;
  const pattern = fits(complete, state) ? complete : null;
  const comparable = edited && before && late && fits(before, state) && fits(late, state);
  const largest = comparable ? largestChange(before, late) : 0;
  const drawn = moment === "change" ? [before, late] : [pattern];
  const value = (query: number, key: number): number => {
    const now = pattern ? read(pattern, query, key) : 0;
    return moment === "change" && before ? now - read(before, query, key) : now;
  };
  return {
    moment,
    weight: "pattern",
    picture: pattern && [pattern, moment],
    waiting: !pattern || (moment !== "before" && edited && !after),
    refusal: patterns.refusal(state, address, moment !== "before"),
    unchanged: largest <= STEP,
    max: moment === "change" ? Math.max(0.05, largest) : 1,
    queries: sideOf(pattern?.queries, state),
    keys: sideOf(pattern?.keys, state),
    triangle: drawn.every((one) => one?.pattern.layout === "tril"),
    factor: 1,
    note: "",
    value,
  };
}

/** Read tens of thousands of times per picture, so straight from the values. */
function read({ pattern }: Pattern, query: number, key: number): number {
  if (pattern.layout === "tril") {
    return key > query ? 0 : (pattern.values[(query * (query + 1)) / 2 + key] ?? 0);
  }
  return pattern.values[query * (pattern.shape[1] ?? 0) + key] ?? 0;
}

export const sideOf = (
  tokens: readonly AxisTokenJson[] | null | undefined,
  state: SessionState,
): Side => ({ tokens: tokens ?? state.tokens, prompt: !tokens });

/** Is this pattern one of the prompt that is on show? */
function fits(pattern: Pattern | null, state: SessionState): boolean {
  if (pattern === null) return false;
  const { queries, keys } = pattern;
  const [rows, columns] = pattern.pattern.shape;
  return (
    rows === sideOf(queries, state).tokens.length && columns === sideOf(keys, state).tokens.length
  );
}

let compared: { before: Pattern; after: Pattern; largest: number } | null = null;

function largestChange(before: Pattern, after: Pattern): number {
  if (compared?.before === before && compared.after === after) return compared.largest;
  // An edit may look ahead where the baseline does not.
  const alike = before.pattern.layout === after.pattern.layout;
  const [old, now] = alike
    ? [before.pattern.values, after.pattern.values]
    : [before.pattern.dense(), after.pattern.dense()];
  let largest = 0;
  for (let i = 0; i < old.length; i++) {
    const size = Math.abs((now[i] ?? 0) - (old[i] ?? 0));
    if (size > largest) largest = size;
  }
  compared = { before, after, largest };
  return largest;
}
