// The numbers that colour the head map: effects of ablating each component (they arrive layer by
// layer) or a score of each head. Asked for once per prompt and metric, cancelled when those
// change, asked again when the kernel comes back.

import type { ScoreName, SessionState } from "../types";
import type { Effects, Progress, Scores, SessionClient } from "../wire/session-client";

export type Choice = "effect" | ScoreName;

export const CHOICES: Record<Choice, string> = {
  effect: "effect when ablated",
  induction: "induction score",
  previous_token: "attention to the previous token",
  duplicate_token: "attention to the same token before",
  first_token: "attention to the first token",
};

export const SHORT_CHOICES: Record<Choice, string> = {
  effect: "effect when ablated",
  induction: "induction score",
  previous_token: "previous-token score",
  duplicate_token: "duplicate-token score",
  first_token: "attention to the first token",
};

// Until an effect has come, a score is better than an empty map; but not for the blink of an eye.
const PATIENCE_MS = 700;

/** Prompt, metric and weights: what effects and scores depend on. Interventions are not among it. */
export function questionOf(state: SessionState): string {
  const ids = [...(state.encoder ?? []), ...state.tokens].map((token) => token.id).join(",");
  const version = state.outcome?.model_version ?? null;
  return `${state.session} ${ids} ${JSON.stringify([state.metric?.spec ?? null, version])}`;
}

export class MapValues {
  choice: Choice = "effect";
  effects: Effects | null = null;
  progress: Progress | null = null;
  /** Why there are no effects. */
  refusal = "";
  readonly scores = new Map<ScoreName, Scores>();
  #question = "";
  #asked = new Set<Choice>();
  #asking = new AbortController();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #impatient = false;

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#stop());
  }

  /** What the map shows: the choice, or a score while no effect has come for a while. */
  get shown(): Choice {
    const waiting =
      this.choice === "effect" && !this.#hasEffect() && (this.#impatient || this.refusal);
    return waiting && this.scores.has("induction") ? "induction" : this.choice;
  }

  /** Why the map, or a part of it, has no numbers, in the kernel's words. */
  get reason(): string {
    const { shown } = this;
    return shown === "effect" ? this.refusal : (this.scores.get(shown)?.reason ?? "");
  }

  /** Is there any number to colour the map with? */
  get known(): boolean {
    const { shown } = this;
    if (shown === "effect") return this.#hasEffect();
    return this.scores.get(shown)?.values.values.some((value) => !Number.isNaN(value)) ?? false;
  }

  choose(choice: Choice): void {
    this.choice = choice;
    this.onChange();
  }

  /** The number of a cell as the map shows it; the column past the last head is the MLP. */
  at(layer: number, column: number, choice: Choice = this.shown): number {
    if (choice === "effect") return this.effect(layer, column);
    const values = this.scores.get(choice)?.values;
    if (!values || column >= (values.shape[1] ?? 0)) return Number.NaN;
    return values.at(layer, column);
  }

  effect(layer: number, column: number): number {
    const values = this.effects?.values;
    if (!values || layer >= (values.shape[0] ?? 0) || column >= (values.shape[1] ?? 0))
      return Number.NaN;
    return values.at(layer, column);
  }

  /** Asks for what `state` needs and is not on its way. */
  follow(state: SessionState): void {
    const question = questionOf(state);
    if (question !== this.#question) {
      this.#stop();
      this.#question = question;
      this.effects = null;
      this.progress = null;
      this.refusal = "";
      this.scores.clear();
      this.#asked.clear();
    }
    // The first answer of the model comes before two hundred more of them.
    if (this.client.status !== "live" || !state.outcome || state.tokens.length === 0) return;
    this.#askEffects();
    if (this.choice !== "effect") this.#askScore(this.choice);
    else if (this.#impatient || this.refusal) this.#askScore("induction");
  }

  #hasEffect(): boolean {
    return this.effects?.values.values.some((value) => !Number.isNaN(value)) ?? false;
  }

  #stop(): void {
    this.#asking.abort();
    this.#asking = new AbortController();
    clearTimeout(this.#patience);
    this.#impatient = false;
  }

  #askEffects(): void {
    if (this.#asked.has("effect") || this.signal.aborted) return;
    this.#asked.add("effect");
    const { signal } = this.#asking;
    const take = (effects: Effects, progress: Progress | null): void => {
      if (signal.aborted) return;
      this.effects = effects;
      this.progress = progress;
      this.onChange();
    };
    this.#patience = setTimeout(() => {
      if (this.#hasEffect()) return;
      this.#impatient = true;
      this.onChange();
    }, PATIENCE_MS);
    this.client
      .effects({ signal, onPartial: take })
      .then((effects) => take(effects, null))
      .catch((error: unknown) => this.#failed("effect", error, signal));
  }

  #askScore(name: ScoreName): void {
    if (this.#asked.has(name) || this.signal.aborted) return;
    this.#asked.add(name);
    const { signal } = this.#asking;
    this.client
      .scores(name, { signal })
      .then((scores) => {
        if (signal.aborted) return;
        this.scores.set(name, scores);
        this.onChange();
      })
      .catch((error: unknown) => this.#failed(name, error, signal));
  }

  #failed(choice: Choice, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    // Lost with the kernel: ask again when it is back. Refused: once is enough.
    if (this.client.status !== "live") this.#asked.delete(choice);
    else if (choice === "effect")
      this.refusal = error instanceof Error ? error.message : String(error);
    this.onChange();
  }
}
