// The numbers of the attribution view as they are now: asked for once, kept, and made into rows. In:
// the state and what a person has chosen. Out: rows with their convention, or why there are none.

import type { SessionState } from "../types";
import {
  askDirect,
  askGradient,
  askNeuronTerms,
  type DirectTerms,
  type GradientTerms,
  type LayerNeurons,
  type Target,
} from "../wire/attribution";
import type { Progress, SessionClient } from "../wire/session-client";
import type { AttributionControls } from "./attribution-controls";
import {
  directRows,
  gradientRows,
  type Order,
  type Term,
  tokenRows,
  type Wish,
} from "./attribution-rows";
import { directConvention, gradientConvention } from "./attribution-words";
import { Fetches } from "./fetches";

const NONE: ReadonlyMap<number, LayerNeurons> = new Map();
/** How many neurons of a layer are listed. */
const OPENED = 12;
export const RANKED = 8;

/** What there is to draw. */
export interface Reading {
  readonly rows: readonly Term[];
  /** All of them by size, for what is worth measuring. */
  readonly largest: readonly Term[];
  readonly convention: string;
  readonly target: Target;
}

export interface Found<T> {
  readonly value: T | null;
  readonly waiting: boolean;
  readonly refusal: string;
}

/** How far an integral is. */
export interface Underway {
  readonly halted: boolean;
  /** Null: nothing was heard of it yet. */
  readonly progress: Progress | null;
}

export class AttributionReadings {
  readonly #direct: Fetches<DirectTerms>;
  readonly #gradients: Fetches<GradientTerms>;
  readonly #told: Fetches<readonly LayerNeurons[]>;
  /** Integrations that a person has stopped. */
  readonly #halted = new Set<string>();
  #underway: { key: string; progress: Progress } | null = null;
  #gradientKey = "";

  constructor(
    private readonly client: SessionClient,
    private readonly wish: AttributionControls,
    /** The keys of the rows whose parts are to be seen. */
    private readonly open: ReadonlySet<string>,
    private readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#direct = new Fetches(client, onChange, signal);
    this.#gradients = new Fetches(client, onChange, signal);
    this.#told = new Fetches(client, onChange, signal);
  }

  /** Direct terms; `key` says what they depend on, empty while that is still to come. */
  direct(state: SessionState, key: string): Found<DirectTerms> {
    const now =
      key && state.tokens.length > 0
        ? this.#direct.get(key, (signal) => askDirect(this.client, { signal }))
        : null;
    const refusal = this.#direct.refusal(key);
    const value = now ?? (refusal ? null : this.#direct.last);
    return { value, waiting: !now && !refusal, refusal };
  }

  /** The rows of direct terms. */
  ofDirect({ value, waiting, refusal }: Found<DirectTerms>, key: string): Found<Reading> {
    if (!value) return { value: null, waiting, refusal };
    const neurons = this.#neurons(value, key);
    const wish = this.#asked(neurons.value ?? NONE);
    const reading = {
      rows: directRows(value, wish),
      largest: directRows(value, { ...wish, order: "largest" }),
      convention: directConvention(value),
      target: value,
    };
    return { value: reading, waiting: waiting || neurons.waiting, refusal };
  }

  /** The rows of gradients, by component or by input token. */
  ofGradients(state: SessionState, base: string): Found<Reading> {
    const { method, of } = this.wish;
    const integrated = method === "integrated";
    const steps = integrated ? this.wish.steps : 1;
    const args = { method: integrated ? "integrated" : "gradient", of, steps } as const;
    const key = base && `${base} ${JSON.stringify(args)}`;
    this.#gradientKey = key;
    const halted = this.#halted.has(key);
    const now =
      key && state.tokens.length > 0 && !halted
        ? this.#gradients.get(key, (signal) => this.#ask(key, args, signal))
        : null;
    const refusal = this.#gradients.refusal(key);
    const waiting = !now && !refusal && !halted;
    const shown = now ?? (waiting ? this.#likeLast(args) : null);
    if (!shown) return { value: null, waiting, refusal };
    const { model, tokens } = state;
    const shape = { layers: model.n_layers, heads: Math.max(0, ...model.heads) };
    const texts = tokens.map(({ text }) => text);
    const wish = this.#asked(NONE);
    const rowsOf = (order: Order): readonly Term[] =>
      of === "tokens"
        ? tokenRows(shown, texts, order)
        : gradientRows(shown, shape, { ...wish, order });
    const convention = gradientConvention(shown);
    const rows = { rows: rowsOf(wish.order), largest: rowsOf("largest"), convention };
    return { value: { ...rows, target: shown }, waiting, refusal };
  }

  /** How far what was asked for last is; null: it is not on its way. */
  get underway(): Underway | null {
    const key = this.#gradientKey;
    const halted = this.#halted.has(key);
    if (this.wish.method === "direct" || this.#gradients.kept(key)) return null;
    const progress = this.#underway?.key === key ? this.#underway.progress : null;
    return halted || progress ? { halted, progress } : null;
  }

  /** Stops it, or lets it go on: the kernel remembers the steps that are done. */
  pause(): void {
    const key = this.#gradientKey;
    if (!this.#halted.delete(key)) {
      this.#halted.add(key);
      this.#gradients.cancel();
    }
    this.onChange();
  }

  /** The last answer to the same question about another moment, to be drawn dimmed. */
  #likeLast({ method, of }: Pick<GradientTerms, "method" | "of">): GradientTerms | null {
    const { last } = this.#gradients;
    return last?.method === method && last.of === of ? last : null;
  }

  #asked(neurons: ReadonlyMap<number, LayerNeurons>): Wish {
    const { order, asNeurons } = this.wish;
    return { order, open: this.open, asNeurons, neurons };
  }

  /** The neurons of the MLPs that are opened, or of all where they are ranked. */
  #neurons(
    { layers, neurons }: DirectTerms,
    base: string,
  ): Found<ReadonlyMap<number, LayerNeurons>> {
    const ranked = this.wish.order !== "layers";
    const wanted = Array.from({ length: layers }, (_, layer) => layer).filter((layer) => {
      if (!neurons[layer]) return false;
      if (ranked) return this.wish.asNeurons;
      return this.open.has(`layer ${layer}`) && this.open.has(`mlp ${layer}`);
    });
    if (wanted.length === 0) return { value: NONE, waiting: false, refusal: "" };
    const order = this.wish.order === "change" ? "change" : "value";
    const args = { layers: wanted, k: ranked ? RANKED : OPENED, order } as const;
    const key = base && `${base} ${JSON.stringify(args)}`;
    const ask = (signal: AbortSignal): Promise<readonly LayerNeurons[]> =>
      askNeuronTerms(this.client, args, { signal });
    const now = key ? this.#told.get(key, ask) : null;
    const refusal = this.#told.refusal(key);
    const found = now ?? this.#told.last ?? [];
    const value = new Map(found.map((one) => [one.layer, one]));
    return { value, waiting: !now && !refusal, refusal };
  }

  #ask(
    key: string,
    args: Parameters<typeof askGradient>[1],
    signal: AbortSignal,
  ): Promise<GradientTerms> {
    const onProgress = (progress: Progress): void => {
      if (signal.aborted) return;
      this.#underway = { key, progress };
      this.onChange();
    };
    return askGradient(this.client, args, { signal, onProgress });
  }
}
