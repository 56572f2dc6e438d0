// Which part of a long pattern is on show: a square of tokens, moved and sized by wheel, buttons, drag
// and keys. Pure functions; null is all of it.

import type { Drawn } from "../charts/attention-matrix";

/** The first query, the first key, and how many tokens there are on a side. */
export interface Window {
  readonly query: number;
  readonly key: number;
  readonly span: number;
}

export interface Sides {
  readonly queries: number;
  readonly keys: number;
}

const LEAST = 8;

/** Half as many tokens on a side (or twice, or …), with the token under the pointer staying there. */
export function zoomed(
  window: Window | null,
  sides: Sides,
  by: number,
  at: { query: number; key: number },
): Window | null {
  const whole = Math.max(sides.queries, sides.keys);
  const old = window ?? { query: 0, key: 0, span: whole };
  const span = Math.max(Math.min(LEAST, whole), Math.round(old.span * by));
  if (span >= whole) return null;
  const share = span / old.span;
  return within(
    {
      query: at.query - (at.query - old.query) * share,
      key: at.key - (at.key - old.key) * share,
      span,
    },
    sides,
  );
}

/** So many tokens further down and to the right. */
export function moved(window: Window, sides: Sides, down: number, right: number): Window {
  return within({ query: window.query + down, key: window.key + right, span: window.span }, sides);
}

/** A window of this width with a token in its middle. */
export const around = (sides: Sides, query: number, key: number, span: number): Window | null =>
  span >= Math.max(sides.queries, sides.keys)
    ? null
    : within({ query: query - span / 2, key: key - span / 2, span }, sides);

function within({ query, key, span }: Window, { queries, keys }: Sides): Window {
  const inside = (first: number, count: number): number =>
    Math.round(Math.max(0, Math.min(first, count - span)));
  return { query: inside(query, queries), key: inside(key, keys), span };
}

/** The entries of a window when one stands for `factor` tokens a side; they begin at its multiples. */

export function drawn(window: Window | null, { queries, keys }: Sides, factor: number): Drawn {
  const query = Math.floor((window?.query ?? 0) / factor) * factor;
  const key = Math.floor((window?.key ?? 0) / factor) * factor;
  const last = (first: number | undefined, count: number): number =>
    window && first !== undefined ? Math.min(count, first + window.span) : count;
  return {
    query,
    key,
    rows: Math.ceil((last(window?.query, queries) - query) / factor),
    columns: Math.ceil((last(window?.key, keys) - key) / factor),
    factor,
  };
}

/** The least number of tokens per entry, a power of two, with which so many entries are enough. */
export function factorFor(span: number, most: number): number {
  let factor = 1;
  while (Math.ceil(span / factor) > most) factor *= 2;
  return factor;
}
