// What a pane has fetched from the kernel: kept under a key that says all it depends on, while only
// the newest wish is on the wire. In: keys, and how to ask. Out: an answer, or null while it is on
// its way; the last one that was seen, to be drawn dimmed meanwhile; or why it was refused.

import type { SessionState } from "../types";
import type { Progress, SessionClient } from "../wire/session-client";

/** How to ask. `partly` may be told everything that is known so far. */
export type Ask<T> = (
  signal: AbortSignal,
  partly: (value: T, progress: Progress) => void,
) => Promise<T>;

interface Wish {
  readonly key: string;
  readonly controller: AbortController;
}

export interface Weight<T> {
  /** How much of `budget` a value takes. */
  of(value: T): number;
  readonly budget: number;
}

const ONE_EACH = { of: () => 1, budget: 32 };

export class Fetches<T> {
  readonly #kept = new Map<string, T>();
  readonly #refused = new Map<string, string>();
  #wish: Wish | null = null;
  #last: T | null = null;
  #partial: { key: string; value: T; progress: Progress } | null = null;

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    private readonly signal: AbortSignal,
    private readonly weight: Weight<T> = ONE_EACH,
  ) {
    signal.addEventListener("abort", () => this.cancel());
  }

  /** The answer if it is here, all of it; asks for it if it is not. */
  get(key: string, ask: Ask<T>): T | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) this.#ask(key, ask);
    else this.#last = kept;
    return kept ?? null;
  }

  /** The answer if it is here; asks for nothing. */
  kept(key: string): T | null {
    return this.#kept.get(key) ?? null;
  }

  /** What is known of it so far, of an answer that comes in parts. */
  partial(key: string): { value: T; progress: Progress } | null {
    return this.#partial?.key === key ? this.#partial : null;
  }

  /** The last answer that was looked at, whatever it was about. */
  get last(): T | null {
    return this.#last;
  }

  /** Why there is none, where the kernel refused; empty otherwise. */
  refusal(key: string): string {
    return this.#refused.get(key) ?? "";
  }

  /** Withdraws what is on the wire; the same wish may be had again. */
  cancel(): void {
    this.#wish?.controller.abort();
    this.#wish = null;
  }

  #ask(key: string, ask: Ask<T>): void {
    if (this.#wish?.key === key || this.#refused.has(key)) return;
    if (this.client.status !== "live" || this.signal.aborted) return;
    this.cancel();
    const wish = { key, controller: new AbortController() };
    this.#wish = wish;
    const { signal } = wish.controller;
    const partly = (value: T, progress: Progress): void => {
      if (signal.aborted) return;
      this.#partial = { key, value, progress };
      this.onChange();
    };
    ask(signal, partly)
      .then((value) => this.#keep(key, value))
      .catch((error: unknown) => {
        // Lost with the kernel: ask again when it is back. Refused: once is enough.
        if (signal.aborted || this.client.status !== "live") return;
        this.#refused.set(key, error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        if (this.#wish === wish) this.#wish = null;
        if (this.#partial?.key === key) this.#partial = null;
        if (!this.signal.aborted) this.onChange();
      });
  }

  #keep(key: string, value: T): void {
    this.#kept.delete(key);
    this.#kept.set(key, value);
    let weight = 0;
    for (const one of this.#kept.values()) weight += this.weight.of(one);
    for (const [oldest, one] of this.#kept) {
      if (oldest === key || weight <= this.weight.budget) break;
      weight -= this.weight.of(one);
      this.#kept.delete(oldest);
    }
  }
}

/** A key for what is read off the run with the edits: it is another one after every change. */
export const editedKey = ({ session, revision }: SessionState): string =>
  `${session} revision ${revision}`;

/** A key for what is read off the baseline: it stays while prompt and weights do. */
export function baselineKey(state: SessionState): string {
  // Weights may be changed by hand between two clicks; where nobody can say, every click counts.
  const { model_version, revision } = state.outcome ?? {};
  return `${promptKey(state)} baseline ${model_version ?? `at ${revision}`}`;
}

/** A key for what is of a prompt, whatever is edited. */
export function promptKey({ session, tokens, encoder }: SessionState): string {
  const ids = [encoder ?? [], tokens].map((part) => part.map(({ id }) => id));
  return `${session} tokens ${JSON.stringify(ids)}`;
}
