// The attention of a session as the page keeps it: pictures of layers, parts of long patterns and the
// sums of rows, each asked for when it is drawn. In: a state and what is looked at. Out: numbers, the
// last ones while newer ones are on their way, or why there are none.

import type { SessionState } from "../types";
import {
  askPart,
  askPictures,
  askRows,
  type HeadPictures,
  type Look,
  type PatternPart,
  type PatternRows,
} from "../wire/patterns";
import type { SessionClient } from "../wire/session-client";
import { baselineKey, editedKey } from "./fetches";
import { Wanted } from "./wanted";

/** Numbers that are kept of pictures and of parts: sixteen megabytes each. */
const KEPT_NUMBERS = 4_000_000;
const KEPT_ROWS = 200_000;

/** Entries on a side of a part. */
export const PART = 128;

export interface Shown<T> {
  readonly value: T | null;
  /** Is it of an older state, while that of this one is on its way? */
  readonly late: boolean;
  readonly refusal: string;
}

export class PatternStore {
  readonly #pictures: Wanted<HeadPictures>;
  readonly #parts: Wanted<PatternPart>;
  readonly #rows: Wanted<PatternRows>;

  constructor(
    private readonly client: SessionClient,
    onChange: () => void,
    signal: AbortSignal,
  ) {
    const numbers = { budget: KEPT_NUMBERS };
    this.#pictures = new Wanted(client, onChange, signal, {
      ...numbers,
      of: ({ values }) => values.values.length,
    });
    this.#parts = new Wanted(client, onChange, signal, {
      ...numbers,
      of: ({ values }) => values.values.length,
    });
    this.#rows = new Wanted(client, onChange, signal, {
      budget: KEPT_ROWS,
      of: ({ total }) => 2 * total.length,
    });
  }

  pictures(
    state: SessionState,
    look: Look,
    heads: readonly number[] | null,
    most: number,
  ): Shown<HeadPictures> {
    const place = `${placeOf(state, look)} heads ${heads ?? "all"} ${most}`;
    return this.#shown(this.#pictures, state, look, place, (signal) =>
      askPictures(this.client, look, heads, most, signal),
    );
  }

  /** The part whose first entry stands for these tokens; both are multiples of its width. */
  part(
    state: SessionState,
    look: Look,
    head: number,
    { nQueries, nKeys }: Pick<HeadPictures, "nQueries" | "nKeys">,
    factor: number,
    at: { query: number; key: number },
  ): Shown<PatternPart> {
    const width = PART * factor;
    const queries = [at.query, Math.min(at.query + width, nQueries)] as const;
    const keys = [at.key, Math.min(at.key + width, nKeys)] as const;
    const place = `${placeOf(state, look)} head ${head} ${factor} at ${at.query} ${at.key}`;
    return this.#shown(this.#parts, state, look, place, (signal) =>
      askPart(this.client, look, head, queries, keys, factor, signal),
    );
  }

  rows(state: SessionState, look: Look, head: number): Shown<PatternRows> {
    const asked: Look = { ...look, weight: "pattern" };
    const place = `${placeOf(state, asked)} rows ${head}`;
    return this.#shown(this.#rows, state, asked, place, (signal) =>
      askRows(this.client, asked, head, signal),
    );
  }

  /** The frame is drawn. */
  settle(): void {
    for (const each of [this.#pictures, this.#parts, this.#rows]) each.settle();
  }

  #shown<T>(
    from: Wanted<T>,
    state: SessionState,
    look: Look,
    place: string,
    ask: (signal: AbortSignal) => Promise<T>,
  ): Shown<T> {
    const key = `${stateKey(state, look)} ${place}`;
    // What the edits did is asked for once their run is done: a click must not wait for a picture.
    const current = look.moment === "before" || state.outcome?.revision === state.revision;
    const value = current ? from.get(key, place, ask) : null;
    const refusal = from.refusal(key);
    return { value: value ?? from.last(place), late: value === null && !refusal, refusal };
  }
}

/** What is looked at without any word about how much was done to the model. */
function placeOf(state: SessionState, { layer, moment, weight, cross }: Look): string {
  return `${promptKey(state)} ${layer} ${moment} ${weight} ${cross}`;
}

// Made once per state: a prompt of a thousand tokens would be spelled out for every tile of a frame.
const keys = new WeakMap<SessionState, { prompt: string; baseline: string }>();

function keysOf(state: SessionState): { prompt: string; baseline: string } {
  let made = keys.get(state);
  if (!made) {
    const ids = [state.encoder ?? [], state.tokens].map((part) => part.map(({ id }) => id));
    made = { prompt: `${state.session} ${ids.join(" | ")}`, baseline: baselineKey(state) };
    keys.set(state, made);
  }
  return made;
}

const promptKey = (state: SessionState): string => keysOf(state).prompt;

const stateKey = (state: SessionState, { moment }: Look): string =>
  moment === "before" ? keysOf(state).baseline : editedKey(state);
