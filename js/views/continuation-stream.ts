// The one continuation of a pane: what is written, what it is of, and whether more is coming. In: a
// wish and when to fulfil it. Out: the newest text; an older one goes on being shown, dimmed, until
// the first token of a newer one is there.

import type { SessionState } from "../types";
import { type Continuation, type Sampling, writeOn } from "../wire/continuation";
import { RpcError } from "../wire/rpc";
import type { SessionClient } from "../wire/session-client";

/** Edits follow one another: the text waits until they pause. */
const PAUSE_MS = 250;

export type Phase = "nothing" | "writing" | "written" | "stopped" | "refused";

/** All that a continuation depends on. */
export function questionOf(state: SessionState, sampling: Sampling): string {
  const ids = [state.encoder ?? [], state.tokens].map((part) => part.map(({ id }) => id));
  const edits = state.interventions.filter(({ enabled }) => enabled);
  const said = edits.map(({ id, strength, sentence }) => [id, strength, sentence]);
  const version = state.outcome?.model_version ?? null;
  return JSON.stringify([state.session, version, ids, said, sampling]);
}

export class ContinuationStream {
  /** What is written, of the question `key`. */
  text: Continuation | null = null;
  key = "";
  phase: Phase = "nothing";
  /** Why nothing could be written. */
  refusal = "";
  #asked = "";
  #asking: AbortController | null = null;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#withdraw());
  }

  /** The question that is being answered, or was last. */
  get asked(): string {
    return this.#asked;
  }

  /** Writes anew, now. */
  start(key: string, sampling: Sampling): void {
    this.#withdraw();
    if (this.signal.aborted) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.#asked = key;
    this.phase = "writing";
    this.refusal = "";
    const take = (text: Continuation): void => {
      if (asking.signal.aborted) return;
      this.text = text;
      this.key = key;
      this.onChange();
    };
    writeOn(this.client, sampling, asking.signal, take)
      .then((text) => {
        this.#ended(asking, "written");
        take(text);
      })
      .catch((error: unknown) => {
        if (asking.signal.aborted) return;
        this.#ended(asking, "refused");
        this.refusal = sentenceOf(error);
        // Lost with the kernel: what was written stays, and may be asked for again.
        if (this.client.status !== "live") this.phase = "stopped";
        this.onChange();
      });
    this.onChange();
  }

  /** Writes anew once edits pause, if this is not what was asked for already. */
  follow(key: string, sampling: Sampling): void {
    if (key === this.#asked) return;
    this.#asked = key;
    clearTimeout(this.#pause);
    // What is under way answers a question that nobody has any more.
    this.#asking?.abort();
    this.phase = "writing";
    this.#pause = setTimeout(() => this.start(key, sampling), PAUSE_MS);
  }

  /** Ends it; what is written stays. */
  stop(): void {
    if (this.phase !== "writing") return;
    this.#withdraw();
    this.phase = "stopped";
    this.onChange();
  }

  #ended(asking: AbortController, phase: Phase): void {
    if (this.#asking !== asking) return;
    this.#asking = null;
    this.phase = phase;
  }

  #withdraw(): void {
    clearTimeout(this.#pause);
    this.#asking?.abort();
    this.#asking = null;
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof RpcError) return [error.message, error.hint].filter(Boolean).join(" ");
  return error instanceof Error ? error.message : String(error);
}
