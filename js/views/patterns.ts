// Attention patterns fetched for the head that is looked at: baseline ones are kept per prompt and
// version of the model, edited ones per revision, and of each only the newest wish is on the wire.

import type { SessionState } from "../types";
import type { HeadAddress, Pattern, SessionClient } from "../wire/session-client";
import { baselineKey, editedKey, Fetches, promptKey, type Weight } from "./fetches";

// Patterns of long prompts are megabytes each: keep a handful of those, and of short ones a model's.
const VALUES = 2_000_000;
const WEIGHT: Weight<Pattern> = {
  of: ({ pattern }) => Math.max(pattern.values.length, VALUES / 48),
  budget: VALUES,
};

function headKey({ layer, head, cross = false }: HeadAddress): string {
  return `head ${layer}.${head} ${cross}`;
}

const placeOf = (state: SessionState, address: HeadAddress): string =>
  `${promptKey(state)} ${headKey(address)}`;

function patternKey(state: SessionState, address: HeadAddress, edited: boolean): string {
  return `${edited ? editedKey(state) : baselineKey(state)} ${headKey(address)}`;
}

export class Patterns {
  readonly #before: Fetches<Pattern>;
  readonly #after: Fetches<Pattern>;
  #last: { readonly place: string; readonly pattern: Pattern } | null = null;

  constructor(
    private readonly client: SessionClient,
    onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#before = new Fetches(client, onChange, signal, WEIGHT);
    this.#after = new Fetches(client, onChange, signal, WEIGHT);
  }

  /** The pattern if it is here; asks for it if it is not. */
  get(state: SessionState, address: HeadAddress, edited: boolean): Pattern | null {
    const pattern = this.#of(edited).get(patternKey(state, address, edited), (signal) =>
      this.client.pattern(address, edited, { signal }),
    );
    if (pattern && edited) this.#last = { place: placeOf(state, address), pattern };
    return pattern;
  }

  /** The last edited pattern of a head for this prompt, whichever its revision. */
  last(state: SessionState, address: HeadAddress): Pattern | null {
    return this.#last?.place === placeOf(state, address) ? this.#last.pattern : null;
  }

  /** Why the pattern cannot be had, where the kernel refused it. */
  refusal(state: SessionState, address: HeadAddress, edited: boolean): string {
    return this.#of(edited).refusal(patternKey(state, address, edited));
  }

  #of(edited: boolean): Fetches<Pattern> {
    return edited ? this.#after : this.#before;
  }
}
