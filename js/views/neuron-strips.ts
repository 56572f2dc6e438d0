// Activations along the tokens of the neurons that are on screen: only what is missing is asked for,
// and while newer ones are on their way the older stay, to be drawn dimmed.

import type { NeuronAddress, Strips } from "../wire/neurons";
import { askStrips } from "../wire/neurons";
import type { SessionClient } from "../wire/session-client";
import { Fetches } from "./fetches";

export interface Strip {
  readonly before: Float32Array;
  readonly after: Float32Array | null;
  /** The largest size of either: the scale of this one neuron. */
  readonly max: number;
  /** The same without edits, which stays while an edit is tried. */
  readonly usual: number;
  /** What it is of: the same stamp, the same numbers. */
  readonly stamp: string;
}

const AT_ONCE = 64;

export const neuronName = ({ layer, index }: NeuronAddress): string => `${layer}.${index}`;

export class NeuronStrips {
  readonly #fetches: Fetches<Strips>;
  #base = "";
  #known = new Map<string, Strip>();
  #older = new Map<string, Strip>();

  constructor(
    private readonly client: SessionClient,
    onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#fetches = new Fetches(client, onChange, signal);
  }

  /** These are on screen; `base` says all that their numbers depend on. */
  want(base: string, neurons: readonly NeuronAddress[]): void {
    if (base !== this.#base) {
      if (this.#known.size > 0) this.#older = this.#known;
      this.#known = new Map();
      this.#base = base;
    }
    const missing = neurons.filter((one) => !this.#known.has(neuronName(one))).slice(0, AT_ONCE);
    if (missing.length === 0) return;
    const key = `${base} strips ${missing.map(neuronName).join()}`;
    const found = this.#fetches.get(key, (signal) => askStrips(this.client, missing, { signal }));
    if (!found) return;
    missing.forEach((neuron, row) => {
      const before = found.before.row(row);
      const after = found.after?.row(row) ?? null;
      const usual = largest(before);
      const max = Math.max(usual, after ? largest(after) : 0);
      const name = neuronName(neuron);
      this.#known.set(name, { before, after, max, usual, stamp: `${base} ${name}` });
    });
    this.want(base, neurons);
  }

  /** The strip of a neuron, or the last one that was known of it. */
  of(neuron: NeuronAddress): Strip | null {
    const name = neuronName(neuron);
    return this.#known.get(name) ?? this.#older.get(name) ?? null;
  }

  isNew(neuron: NeuronAddress): boolean {
    return this.#known.has(neuronName(neuron));
  }
}

function largest(values: Float32Array): number {
  let size = 0;
  for (const value of values) if (Math.abs(value) > size) size = Math.abs(value);
  return size;
}
