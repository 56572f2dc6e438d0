// What a picture is made of, fetched as it comes into sight: a picture says in every frame which parts
// it wants; a few at a time are asked for, those that are no longer wanted are withdrawn, and what
// was fetched stays within a budget. In: keys, places, and how to ask. Out: answers; the last one
// of a place while a newer one is on its way; or why one was refused.

import type { SessionClient } from "../wire/session-client";

const MOST_AT_ONCE = 4;

interface Wish<T> {
  readonly key: string;
  readonly place: string;
  readonly ask: (signal: AbortSignal) => Promise<T>;
}

export interface Weight<T> {
  of(value: T): number;
  readonly budget: number;
}

export class Wanted<T> {
  readonly #kept = new Map<string, T>();
  readonly #places = new Map<string, string>();
  readonly #refused = new Map<string, string>();
  readonly #asking = new Map<string, AbortController>();
  #wishes = new Map<string, Wish<T>>();

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    private readonly signal: AbortSignal,
    private readonly weight: Weight<T>,
  ) {
    signal.addEventListener("abort", () => this.#withdraw(() => true));
  }

  /** How much is kept now. */
  get size(): number {
    let size = 0;
    for (const value of this.#kept.values()) size += this.weight.of(value);
    return size;
  }

  /** The answer if it is here; it is asked for at the end of the frame if it is not. */
  get(key: string, place: string, ask: Wish<T>["ask"]): T | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      if (!this.#refused.has(key)) this.#wishes.set(key, { key, place, ask });
      return null;
    }
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    this.#places.set(place, key);
    return kept;
  }

  /** The last answer for a place, whichever state it was of. */
  last(place: string): T | null {
    const key = this.#places.get(place);
    return (key !== undefined && this.#kept.get(key)) || null;
  }

  /** Why there is none, where the kernel refused; empty otherwise. */
  refusal(key: string): string {
    return this.#refused.get(key) ?? "";
  }

  /** The frame is drawn: ask for what it wanted, and for nothing else. */
  settle(): void {
    const wishes = this.#wishes;
    this.#wishes = new Map();
    this.#withdraw((key) => !wishes.has(key));
    if (this.client.status !== "live" || this.signal.aborted) return;
    for (const wish of wishes.values()) {
      if (this.#asking.size >= MOST_AT_ONCE) return;
      if (!this.#asking.has(wish.key)) this.#ask(wish);
    }
  }

  #withdraw(which: (key: string) => boolean): void {
    for (const [key, controller] of this.#asking) {
      if (!which(key)) continue;
      this.#asking.delete(key);
      controller.abort();
    }
  }

  #ask({ key, place, ask }: Wish<T>): void {
    const controller = new AbortController();
    this.#asking.set(key, controller);
    ask(controller.signal)
      .then((value) => this.#keep(key, place, value))
      .catch((error: unknown) => {
        // Lost with the kernel: ask again when it is back. Refused: once is enough.
        if (controller.signal.aborted || this.client.status !== "live") return;
        this.#refused.set(key, error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        if (this.#asking.get(key) === controller) this.#asking.delete(key);
        if (!this.signal.aborted) this.onChange();
      });
  }

  #keep(key: string, place: string, value: T): void {
    this.#kept.set(key, value);
    this.#places.set(place, key);
    let size = this.size;
    for (const [oldest, one] of this.#kept) {
      if (oldest === key || size <= this.weight.budget) break;
      size -= this.weight.of(one);
      this.#kept.delete(oldest);
    }
    for (const [where, kept] of this.#places) {
      if (!this.#kept.has(kept)) this.#places.delete(where);
    }
  }
}
