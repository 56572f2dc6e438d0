// The blocks of the lens that are on the page: asked for where they are looked at, one after the
// other, the baseline kept while prompt and weights stay, and the last picture shown while a newer one
// is on its way.

import type { SessionState } from "../types";
import { askLens, type Depth, type LensBlock, type MeasureName, type Side } from "../wire/lens";
import type { SessionClient } from "../wire/session-client";
import { baselineKey, editedKey, Fetches } from "./fetches";

/** Which lens: A without the edits or with them, or B, which has none. */
export type Slot = "before" | "after" | "b";

export interface Wish extends Depth {
  readonly measure: MeasureName;
}

/** What is known of one position. */
export interface Known {
  readonly block: LensBlock;
  /** It is of an older state, and a newer one is on its way. */
  readonly old: boolean;
}

const BLOCK = 16; // positions that are asked for together
const BUDGET = 400_000; // cells
/** The first position of the block that a position is in; none where there is no position. */
export const blockOf = (position: number | null): number[] =>
  position === null ? [] : [position - (position % BLOCK)];

const SLOTS: readonly Slot[] = ["before", "after", "b"];

export class LensValues {
  readonly #fetches: Record<Slot, Fetches<LensBlock>>;
  /** Grows with everything that comes. */
  version = 0;
  readonly #last: Record<Slot, Map<string, LensBlock>>;

  constructor(
    private readonly client: SessionClient,
    onChange: () => void,
    signal: AbortSignal,
  ) {
    const weight = { of: ({ rows, count }: LensBlock) => rows.length * count, budget: BUDGET };
    const changed = (): void => {
      this.version += 1;
      onChange();
    };
    const made = SLOTS.map((slot) => [slot, new Fetches(client, changed, signal, weight)]);
    this.#fetches = Object.fromEntries(made) as Record<Slot, Fetches<LensBlock>>;
    this.#last = { before: new Map(), after: new Map(), b: new Map() };
  }

  /** Asks for the first block of these positions that is not here. True when all are. */
  want(state: SessionState, slot: Slot, wish: Wish, positions: readonly number[]): boolean {
    if (slot === "after" && state.outcome?.revision !== state.revision) return false;
    const firsts = [...new Set(positions.flatMap(blockOf))];
    const keys = firsts.map((first) => keyOf(state, slot, wish, first));
    const missing = keys.findIndex((key) => this.#fetches[slot].kept(key) === null);
    const first = firsts[missing];
    const key = keys[missing];
    if (first === undefined || key === undefined) return true;
    const { measure, sublayers, every } = wish;
    const of: Side = slot === "b" ? "b" : "a";
    const ask = { of, edited: slot === "after", first, count: BLOCK, measure, sublayers, every };
    this.#fetches[slot].get(key, (signal) => askLens(this.client, ask, { signal }));
    return false;
  }

  /** What is known at a position, if it is of this prompt and these rows. */
  at(state: SessionState, slot: Slot, wish: Wish, position: number): Known | null {
    const first = position - (position % BLOCK);
    const block = this.#fetches[slot].kept(keyOf(state, slot, wish, first));
    const place = placeOf(state, slot, wish, first);
    if (block) this.#remember(slot, place, block);
    const last = block ?? this.#last[slot].get(place) ?? null;
    return last && { block: last, old: !block };
  }

  /** Why the kernel has none, empty where it has. */
  refusal(state: SessionState, slot: Slot, wish: Wish, position: number): string {
    return this.#fetches[slot].refusal(keyOf(state, slot, wish, position - (position % BLOCK)));
  }

  #remember(slot: Slot, place: string, block: LensBlock): void {
    const last = this.#last[slot];
    if (last.get(place) === block) return;
    last.delete(place);
    last.set(place, block);
    for (const oldest of last.keys()) {
      if (last.size <= 32) break;
      last.delete(oldest);
    }
  }
}

/** What an old picture may stand in for. */
function placeOf(state: SessionState, slot: Slot, wish: Wish, first: number): string {
  const { sublayers, every } = wish;
  const tokens = (slot === "b" ? state.other?.tokens : state.tokens) ?? [];
  return `${state.session} ${sublayers} ${every} ${first} ${idsOf(tokens)}`;
}

/** All that a block depends on. */
function keyOf(state: SessionState, slot: Slot, wish: Wish, first: number): string {
  const { sublayers, every, measure } = wish;
  const place = `${sublayers} ${every} ${first} ${measure} ${JSON.stringify(state.metric?.spec)}`;
  if (slot === "after") return `${editedKey(state)} ${place}`;
  const other = slot === "b" ? `${idsOf(state.other?.tokens ?? [])}` : "";
  return `${baselineKey(state)} ${place} ${other}`;
}

const idsOf = (tokens: readonly { id: number }[]): string => tokens.map(({ id }) => id).join();
