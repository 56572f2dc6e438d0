// The numbers that colour the head map: the score that a person has chosen, of the run without edits,
// with them, or the change between the two. In: the state, and the menu of scores that the kernel
// knows. Out: a number per cell, filling in as it arrives; only what is looked at is asked for.

import type { SessionState } from "../types";
import {
  askScore,
  askScores,
  type ScoreEntry,
  type ScoreNumbers,
  type ScoreStyle,
} from "../wire/scores";
import type { Effects, Progress, SessionClient } from "../wire/session-client";
import { editedKey, Fetches } from "./fetches";

export const EFFECT = "effect";
const UNTIL_THEN = "induction";

export type Moment = "before" | "after" | "change";

// Until an effect has come, a score is better than an empty map; but not for the blink of an eye.
const PATIENCE_MS = 700;

/** Prompt, metric and weights: what effects and scores depend on. Interventions are not among it. */
export function questionOf(state: SessionState): string {
  const ids = [...(state.encoder ?? []), ...state.tokens].map((token) => token.id).join(",");
  const version = state.outcome?.model_version ?? null;
  return `${state.session} ${ids} ${JSON.stringify([state.metric?.spec ?? null, version])}`;
}

/** What a score may depend on besides: prompt B, and which scores there are. */
const baseOf = (state: SessionState): string =>
  `${questionOf(state)} ${state.scores} ${(state.other?.tokens ?? []).map(({ id }) => id).join()}`;

type Frame = Effects["values"];

/** A number per cell: of one frame, or the second minus the first. */
export class MapNumbers {
  /** Is there any at all? */
  readonly known: boolean;
  readonly #largest = new Map<string, number>();

  constructor(
    readonly first: Frame | null,
    readonly second: Frame | null,
  ) {
    this.known = first?.values.some((value) => !Number.isNaN(value)) ?? false;
  }

  /** By layer and the column of the frame: the heads, then MLP, attention and layer. */
  at(layer: number, column: number): number {
    const one = valueIn(this.first, layer, column);
    return this.second ? valueIn(this.second, layer, column) - one : one;
  }

  /** The largest magnitude among some columns. */
  largest(from: number, to: number): number {
    const key = `${from} ${to}`;
    const known = this.#largest.get(key);
    if (known !== undefined) return known;
    let max = 0;
    for (let layer = 0; layer < (this.first?.shape[0] ?? 0); layer++) {
      for (let column = from; column < to; column++) {
        const size = Math.abs(this.at(layer, column));
        if (size > max) max = size;
      }
    }
    this.#largest.set(key, max);
    return max;
  }
}

export class MapValues {
  choice = EFFECT;
  /** Which run is looked at, of scores that say something else of the run with the edits. */
  moment: Moment = "before";
  readonly #effects: Fetches<Effects>;
  readonly #menu: Fetches<readonly ScoreEntry[]>;
  readonly #before: Fetches<ScoreNumbers>;
  readonly #after: Fetches<ScoreNumbers>;
  #question = "";
  #state: SessionState | null = null;
  #entries: readonly ScoreEntry[] = [];
  #patience: ReturnType<typeof setTimeout> | undefined;
  #impatient = false;
  #numbers = new MapNumbers(null, null);

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#effects = new Fetches(client, onChange, signal);
    this.#menu = new Fetches(client, onChange, signal);
    this.#before = new Fetches(client, onChange, signal);
    this.#after = new Fetches(client, onChange, signal);
    signal.addEventListener("abort", () => clearTimeout(this.#patience));
  }

  /** The scores that there are, in the kernel's order. */
  get entries(): readonly ScoreEntry[] {
    return this.#entries;
  }

  /** What the map shows: the choice, or a score while no effect has come for a while. */
  get shown(): string {
    const waiting =
      this.choice === EFFECT && !this.#hasEffect() && (this.#impatient || this.#refusal);
    return waiting && this.#scoreNow(UNTIL_THEN) ? UNTIL_THEN : this.choice;
  }

  get entry(): ScoreEntry | null {
    return this.#entries.find(({ name }) => name === this.shown) ?? null;
  }

  /** What ablating each part does, as far as it is known. */
  get effects(): Effects | null {
    const key = this.#question;
    return this.#effects.kept(key) ?? this.#effects.partial(key)?.value ?? null;
  }

  get progress(): Progress | null {
    const fetches = this.choice === EFFECT ? this.#effects : this.#before;
    const key = this.choice === EFFECT ? this.#question : this.#keyOf(this.choice, false);
    return fetches.partial(key)?.progress ?? null;
  }

  /** Does the choice say something else of the run with the edits, and are there any? */
  get follows(): boolean {
    const entry = this.#entries.find(({ name }) => name === this.choice);
    const edited = this.#state?.interventions.some(({ enabled }) => enabled) ?? false;
    return edited && (entry?.followsEdits ?? false);
  }

  /** The run that the numbers on show are of. */
  momentAt(baseline: boolean): Moment {
    return this.follows && !baseline ? this.moment : "before";
  }

  /** How the numbers are to be drawn. */
  get style(): ScoreStyle {
    const entry = this.entry;
    if (this.shown === EFFECT) {
      const unit = this.effects?.unit ?? entry?.unit ?? "logits";
      const label = this.effects?.label ?? "";
      return { unit, scale: unit === "nats" ? "sequential" : "diverging", range: null, label };
    }
    const plain: ScoreStyle = { unit: "", scale: "sequential", range: null, label: "" };
    return this.#scoreNow(this.shown)?.style ?? entry ?? plain;
  }

  /** Why the map, or a part of it, has no numbers, in the kernel's words. */
  get reason(): string {
    const { shown } = this;
    if (shown === EFFECT || (this.choice === EFFECT && this.#refusal)) return this.#refusal;
    return this.refused || (this.#scoreNow(shown)?.reason ?? "");
  }

  /** Why the kernel will not say the numbers; empty where it will. */
  get refused(): string {
    if (this.shown === EFFECT) return this.#refusal;
    return this.#refused(this.shown, false) || this.#refused(this.shown, true);
  }

  /** Is what was asked for still on its way, all of it? */
  waits(moment: Moment): boolean {
    const { shown } = this;
    if (shown === EFFECT) return !this.effects && !this.#refusal;
    const wanted = moment === "before" ? [false] : moment === "after" ? [true] : [false, true];
    return wanted.some((edited) => !this.#scoreNow(shown, edited) && !this.#refused(shown, edited));
  }

  /** Is there any number to colour the map with? */
  get known(): boolean {
    return this.numbers(this.momentAt(false)).known;
  }

  /** The numbers that are on show: the same ones for as long as they are. */
  numbers(moment: Moment): MapNumbers {
    const [first = null, second = null] = this.#frames(moment);
    const same = this.#numbers.first === first && this.#numbers.second === second;
    if (!same) this.#numbers = new MapNumbers(first, second);
    return this.#numbers;
  }

  choose(choice: string): void {
    this.choice = choice;
    this.onChange();
  }

  look(moment: Moment): void {
    this.moment = moment;
    this.onChange();
  }

  effect(layer: number, column: number): number {
    return valueIn(this.effects?.values, layer, column);
  }

  /** Asks for what `state` needs and is not on its way. */
  follow(state: SessionState): void {
    this.#state = state;
    const question = questionOf(state);
    if (question !== this.#question) {
      this.#question = question;
      this.#effects.cancel();
      clearTimeout(this.#patience);
      this.#patience = undefined;
      this.#impatient = false;
    }
    // The first answer of the model comes before two hundred more of them.
    if (this.client.status !== "live" || !state.outcome || state.tokens.length === 0) return;
    this.#askMenu(state);
    if (this.choice === EFFECT) {
      this.#askEffects();
      if (this.#impatient || this.#refusal) this.#askScore(UNTIL_THEN, false);
      return;
    }
    this.#effects.cancel();
    this.#askScore(this.choice, false);
    if (this.follows && this.moment !== "before") this.#askScore(this.choice, true);
  }

  #askMenu(state: SessionState): void {
    const key = `${state.session} ${state.scores} ${JSON.stringify([state.metric, !state.other])}`;
    const entries = this.#menu.get(key, (signal) => askScores(this.client, { signal }));
    if (entries) this.#entries = entries;
    const gone = entries && !entries.some(({ name }) => name === this.choice);
    if (gone) this.choice = EFFECT;
  }

  #askEffects(): void {
    const { client } = this;
    this.#patience ??= setTimeout(() => {
      if (this.#hasEffect()) return;
      this.#impatient = true;
      this.onChange();
    }, PATIENCE_MS);
    this.#effects.get(this.#question, (signal, partly) =>
      client.effects({ signal, onPartial: partly }),
    );
  }

  #askScore(name: string, edited: boolean): void {
    const fetches = edited ? this.#after : this.#before;
    fetches.get(this.#keyOf(name, edited), (signal, partly) =>
      askScore(this.client, name, edited, { signal, onPartial: partly }),
    );
  }

  #keyOf(name: string, edited: boolean): string {
    const state = this.#state;
    if (!state) return "";
    return `${name} ${baseOf(state)} ${edited ? editedKey(state) : "baseline"}`;
  }

  #refused(name: string, edited: boolean): string {
    return (edited ? this.#after : this.#before).refusal(this.#keyOf(name, edited));
  }

  get #refusal(): string {
    return this.#effects.refusal(this.#question);
  }

  #hasEffect(): boolean {
    return this.effects?.values.values.some((value) => !Number.isNaN(value)) ?? false;
  }

  #scoreNow(name: string, edited = false): ScoreNumbers | null {
    const fetches = edited ? this.#after : this.#before;
    const key = this.#keyOf(name, edited);
    return fetches.kept(key) ?? fetches.partial(key)?.value ?? null;
  }

  /** What was seen last of a score, to be shown until the new numbers are here. */
  #last(fetches: Fetches<ScoreNumbers>, name: string): ScoreNumbers | null {
    return fetches.last?.name === name ? fetches.last : null;
  }

  #frames(moment: Moment): Frame[] {
    const { shown } = this;
    if (shown === EFFECT) {
      const effects = this.effects ?? (this.#refusal ? null : this.#effects.last);
      return effects ? [effects.values] : [];
    }
    const of = (edited: boolean): Frame[] => {
      const fetches = edited ? this.#after : this.#before;
      const found = this.#scoreNow(shown, edited) ?? this.#last(fetches, shown);
      return found ? [found.values] : [];
    };
    if (moment === "before") return of(false);
    // Until the run with the edits has its numbers, those of the other are better than none.
    if (moment === "after") return [...of(true), ...of(false)].slice(0, 1);
    const [before, after] = [of(false), of(true)];
    return before.length > 0 && after.length > 0 ? [...before, ...after] : [];
  }
}

function valueIn(values: Frame | null | undefined, layer: number, column: number): number {
  const [rows = 0, columns = 0] = values?.shape ?? [];
  if (!values || layer < 0 || column < 0 || layer >= rows || column >= columns) return Number.NaN;
  return values.at(layer, column);
}
