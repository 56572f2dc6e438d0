// One neuron as the kernel tells of it: which are worth a look, its activations along the prompt, what
// it reads and writes in tokens, and the contexts in which it is most active. A shape that cannot be
// what was asked for is an error here.

import type { ComponentJson } from "../types";
import { fields, list, number, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { ToldToken } from "./neurons";
import type { Answer } from "./rpc";
import type { Listening, Progress, SessionClient } from "./session-client";

/** A neuron of an MLP, or of an expert. */
export type NeuronPart = Extract<ComponentJson, { type: "neuron" | "expert_neuron" }>;

export interface Candidate {
  readonly neuron: NeuronPart;
  readonly activation: number;
  /** Direct effect on the metric in logits; null where there is none. */
  readonly effect: number | null;
}

export interface Candidates {
  readonly neurons: readonly Candidate[];
  readonly position: number;
  readonly effectOf: string;
  /** Why they are ranked by activation and not by effect. */
  readonly reason: string;
  /** Of each layer: how many neurons it has (each expert has), and how many experts, or 0. */
  readonly layers: readonly { neurons: number; experts: number }[];
}

export interface OnPrompt {
  readonly before: Float32Array;
  readonly after: Float32Array | null;
  /** Of an expert's neuron: how many experts there are, and `[pos, slot]` choice and weights. */
  readonly routing: { experts: number; choice: Frame; weights: Frame } | null;
}

/** Tokens at both ends of a list, with their numbers. */
export interface Ends {
  readonly most: readonly ToldToken[];
  readonly least: readonly ToldToken[];
}

export interface NeuronInput extends Ends {
  readonly name: string;
  readonly bias: number;
  readonly norm: number;
  /** Of the angle to what it writes. */
  readonly cosine: number | null;
}

export interface NeuronWeights {
  readonly inputs: readonly NeuronInput[];
  readonly normed: boolean;
  /** Why inputs or their tokens are missing; `note`: why those of the write are. */
  readonly why: string;
  readonly writes: Ends & { norm: number };
  readonly note: string;
}

export interface Context {
  readonly prompt: number;
  readonly position: number;
  readonly value: number;
  /** The window: its first token, its texts, and how many tokens the prompt has. */
  readonly first: number;
  readonly tokens: readonly string[];
  /** Which of them stand for no text, counted in the window. */
  readonly special: readonly number[];
  readonly length: number;
  readonly activations: Float32Array;
}

export interface Contexts {
  readonly looked: number;
  readonly total: number;
  readonly tokens: number;
  readonly fired: number;
  readonly mean: number | null;
  readonly cut: number;
  readonly skipped: number;
  readonly whySkipped: string;
  readonly note: string;
  readonly from: number;
  readonly to: number;
  readonly counts: Float32Array;
  readonly highest: readonly Context[];
  readonly lowest: readonly Context[];
}

export async function askCandidates(
  client: SessionClient,
  k: number,
  options: Listening,
): Promise<Candidates> {
  const { result } = await client.ask("neuron_candidates", { k }, options);
  const { neurons, position, effect_of, reason, layers } = fields(result);
  return {
    neurons: list(neurons).map((one) => {
      const { neuron, activation, effect } = fields(one);
      return {
        neuron: neuronPart(neuron),
        activation: number(activation),
        effect: effect === null ? null : number(effect),
      };
    }),
    position: number(position),
    effectOf: text(effect_of),
    reason: text(reason),
    layers: list(layers).map((one) => {
      const { neurons: n, experts } = fields(one);
      return { neurons: number(n), experts: number(experts) };
    }),
  };
}

export async function askOnPrompt(
  client: SessionClient,
  neuron: NeuronPart,
  options: Listening,
): Promise<OnPrompt> {
  const { result, frames } = await client.ask("neuron_on_prompt", { neuron }, options);
  const { edited, experts } = fields(result);
  const [before, ...rest] = frames;
  const after = edited === true ? rest.shift() : null;
  if (before?.shape.length !== 1 || after?.shape.length === 2 || after === undefined) {
    throw unreadable("a neuron has a number for each token");
  }
  const [choice, weights] = rest;
  const n = number(experts);
  if (n > 0 && (choice?.shape.length !== 2 || String(choice.shape) !== String(weights?.shape))) {
    throw unreadable("each token has experts, and each of those a weight");
  }
  const routing = n > 0 && choice && weights ? { experts: n, choice, weights } : null;
  return { before: before.values, after: after?.values ?? null, routing };
}

export async function askNeuronWeights(
  client: SessionClient,
  neuron: NeuronPart,
  options: Listening,
): Promise<NeuronWeights> {
  const { result } = await client.ask("neuron_weights", { neuron }, options);
  const { inputs, normed, why, writes, note } = fields(result);
  return {
    inputs: list(inputs).map((one) => {
      const { name, bias, norm, cosine } = fields(one);
      return {
        name: text(name),
        bias: number(bias),
        norm: number(norm),
        cosine: typeof cosine === "number" ? cosine : null,
        ...ends(one),
      };
    }),
    normed: normed === true,
    why: text(why),
    writes: { norm: number(fields(writes).norm), ...ends(writes) },
    note: text(note),
  };
}

export async function askContexts(
  client: SessionClient,
  neuron: NeuronPart,
  signal: AbortSignal,
  partly: (contexts: Contexts, progress: Progress) => void,
): Promise<Contexts> {
  const onPartial = (partial: Answer<unknown>, progress: Progress): void => {
    if (partial.frames.length > 0) partly(readContexts(partial), progress);
  };
  return readContexts(await client.ask("neuron_contexts", { neuron }, { signal, onPartial }));
}

export function readContexts({ result, frames }: Answer<unknown>): Contexts {
  const about = fields(result);
  const [along, counts] = frames;
  if (along?.shape.length !== 1 || counts?.shape.length !== 1) {
    throw unreadable("contexts come with activations and counts");
  }
  let start = 0;
  const context = (one: unknown): Context => {
    const { prompt, position, value, first, length, tokens, special } = fields(one);
    const texts = list(tokens).map(text);
    const from = start;
    start += texts.length;
    if (start > along.values.length) throw unreadable("a token of a context has no number");
    return {
      prompt: number(prompt),
      position: number(position),
      value: number(value),
      first: number(first),
      length: number(length),
      tokens: texts,
      special: list(special).map(number),
      activations: along.values.subarray(from, start),
    };
  };
  const highest = list(about.highest).map(context);
  const lowest = list(about.lowest).map(context);
  return {
    looked: number(about.looked),
    total: number(about.total),
    tokens: number(about.tokens),
    fired: number(about.fired),
    mean: about.mean === null ? null : number(about.mean),
    cut: number(about.cut),
    skipped: number(about.skipped),
    whySkipped: text(about.why_skipped),
    note: text(about.note),
    from: number(about.from),
    to: number(about.to),
    counts: counts.values,
    highest,
    lowest,
  };
}

function neuronPart(value: unknown): NeuronPart {
  const { type, layer, expert, index } = fields(value);
  if (type === "neuron") return { type, layer: number(layer), index: number(index) };
  if (type !== "expert_neuron") throw unreadable("a neuron was expected");
  return { type, layer: number(layer), expert: number(expert), index: number(index) };
}

function ends(value: unknown): Ends {
  const { most, least } = fields(value);
  return { most: told(most), least: told(least) };
}

const told = (value: unknown): ToldToken[] =>
  list(value).map((one) => {
    const { text: shown, gain } = fields(one);
    return { text: text(shown), gain: number(gain) };
  });
