// Attention patterns fetched for the head that is looked at: baseline ones are kept per prompt and
// version of the model, edited ones per revision, and only the newest wish is on the wire.

import type { SessionState } from "../types";
import type { HeadAddress, Pattern, SessionClient } from "../wire/session-client";

const KEPT = 96;
// Patterns of long prompts are megabytes each: keep a handful.
const KEPT_VALUES = 4_000_000;

export function patternKey(state: SessionState, address: HeadAddress, edited: boolean): string {
  if (edited) return `${placeKey(state, address)} revision ${state.revision}`;
  // The weights may be changed by hand between two clicks; where nobody can say, every click counts.
  const { model_version, revision } = state.outcome ?? {};
  const version = model_version ?? `at ${revision}`;
  return `${placeKey(state, address)} baseline ${version}`;
}

function placeKey({ session, tokens, encoder }: SessionState, address: HeadAddress): string {
  const { layer, head, cross = false } = address;
  const ids = [encoder ?? [], tokens].map((part) => part.map((token) => token.id));
  return `${session} tokens ${JSON.stringify(ids)} head ${layer}.${head} ${cross}`;
}

export class Patterns {
  #kept = new Map<string, Pattern>();
  #refused = new Map<string, string>();
  #last = new Map<string, Pattern>();
  #asking = new Map<boolean, { key: string; controller: AbortController }>();

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => {
      for (const { controller } of this.#asking.values()) controller.abort();
    });
  }

  /** The pattern if it is here; asks for it if it is not. */
  get(state: SessionState, address: HeadAddress, edited: boolean): Pattern | null {
    const key = patternKey(state, address, edited);
    const kept = this.#kept.get(key);
    if (!kept) this.#ask(key, address, edited);
    else if (edited) this.#last = new Map([[placeKey(state, address), kept]]);
    return kept ?? null;
  }

  /** The last edited pattern of a head for this prompt, whichever its revision. */
  last(state: SessionState, address: HeadAddress): Pattern | null {
    return this.#last.get(placeKey(state, address)) ?? null;
  }

  /** Why the pattern cannot be had, where the kernel refused it. */
  refusal(state: SessionState, address: HeadAddress, edited: boolean): string {
    return this.#refused.get(patternKey(state, address, edited)) ?? "";
  }

  #ask(key: string, address: HeadAddress, edited: boolean): void {
    const before = this.#asking.get(edited);
    if (before?.key === key || this.#refused.has(key)) return;
    if (this.client.status !== "live" || this.signal.aborted) return;
    before?.controller.abort();
    const controller = new AbortController();
    this.#asking.set(edited, { key, controller });
    this.client
      .pattern(address, edited, { signal: controller.signal })
      .then((pattern) => this.#keep(key, pattern))
      .catch((error: unknown) => {
        if (controller.signal.aborted || this.client.status !== "live") return;
        this.#refused.set(key, error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        if (this.#asking.get(edited)?.controller === controller) this.#asking.delete(edited);
        if (!this.signal.aborted) this.onChange();
      });
  }

  #keep(key: string, pattern: Pattern): void {
    this.#kept.delete(key);
    this.#kept.set(key, pattern);
    let values = 0;
    for (const { pattern: frame } of this.#kept.values()) values += frame.values.length;
    for (const [oldest, { pattern: frame }] of this.#kept) {
      if (oldest === key || (this.#kept.size <= KEPT && values <= KEPT_VALUES)) break;
      values -= frame.values.length;
      this.#kept.delete(oldest);
    }
  }
}
