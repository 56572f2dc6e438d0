// An answer that takes long and comes in parts: fetched while somebody looks at it, it fills in as
// results arrive, can be stopped, and goes on where it stopped. In: keys, and how to ask. Out: all
// that is known now.

import type { Progress, SessionClient } from "../wire/session-client";
import { type Ask, Fetches, type Weight } from "./fetches";

export interface Sofar<T> {
  readonly value: T | null;
  /** All of it is there. */
  readonly whole: boolean;
  readonly progress: Progress | null;
  readonly refusal: string;
  /** Stopped by a person, with something left to do. */
  readonly stopped: boolean;
}

export class Stoppable<T> {
  readonly #fetches: Fetches<T>;
  #stopped = "";
  #partial: { key: string; value: T } | null = null;
  #key = "";

  constructor(
    client: SessionClient,
    private readonly onChange: () => void,
    signal: AbortSignal,
    weight?: Weight<T>,
  ) {
    this.#fetches = new Fetches(client, onChange, signal, weight);
  }

  /** The answer as far as it is known; goes on with it unless it was stopped. */
  now(key: string, ask: Ask<T>): Sofar<T> {
    this.#key = key;
    const whole =
      key === this.#stopped
        ? this.#fetches.kept(key)
        : this.#fetches.get(key, (signal, partly) =>
            ask(signal, (value, progress) => {
              this.#partial = { key, value };
              partly(value, progress);
            }),
          );
    const partial = this.#fetches.partial(key);
    const known = this.#partial?.key === key ? this.#partial.value : null;
    return {
      value: whole ?? partial?.value ?? known,
      whole: whole !== null,
      progress: whole ? null : (partial?.progress ?? null),
      refusal: this.#fetches.refusal(key),
      stopped: !whole && key === this.#stopped,
    };
  }

  /** Nobody looks at it any more: what is on its way is withdrawn. */
  rest(): void {
    if (this.#key) this.#fetches.cancel();
    this.#key = "";
  }

  stop(): void {
    this.#stopped = this.#key;
    this.#fetches.cancel();
    this.onChange();
  }

  goOn(): void {
    this.#stopped = "";
    this.onChange();
  }
}
