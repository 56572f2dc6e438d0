// Attributions as the kernel tells of them: direct terms by layer and part, the neurons of a layer,
// gradients along a path, and exact effects while they are measured. A shape that cannot be what was
// asked for is an error here.

import type { ComponentJson } from "../types";
import { fields, list, numbers, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";
import type { Listening, Progress, SessionClient } from "./session-client";

/** The terms of one run outside its layers, in logits; NaN where they cannot be told apart. */
export interface Ends {
  readonly token: number;
  /** What is added to the token's embedding before layer 0. */
  readonly place: number;
  readonly embed: number;
  readonly normBias: number;
  readonly unembedBias: number;
  readonly total: number;
  readonly metric: number;
}

/** What is attributed. */
export interface Target {
  /** Where the logits are read. */
  readonly position: number;
  /** The token, and the one that it is held against if any. */
  readonly tokens: readonly string[];
  /** Why it is not the metric; empty where it is. */
  readonly reason: string;
}

export interface DirectTerms extends Target {
  readonly note: string;
  readonly layers: number;
  readonly heads: number;
  /** How many neurons a layer has. */
  readonly neurons: readonly number[];
  /** Without edits and, where some are on, with. */
  readonly runs: readonly Ends[];
  /** The term of a part: columns are the heads, then attention, MLP and other writes. */
  term(run: number, layer: number, column: number): number;
}

export interface NeuronTerm {
  readonly index: number;
  readonly before: number;
  readonly after: number;
}

export interface LayerNeurons {
  readonly layer: number;
  readonly top: readonly NeuronTerm[];
  /** Of all neurons of the layer: without edits, and with. */
  readonly sums: readonly number[];
}

export type Method = "gradient" | "integrated";
export type Of = "components" | "tokens";

export interface PathRun {
  readonly value: number;
  /** The metric at the start of the path, and the error of the integral; NaN of a gradient. */
  readonly start: number;
  readonly gap: number;
}

export interface GradientTerms extends Target {
  readonly method: Method;
  readonly of: Of;
  readonly steps: number;
  readonly runs: readonly PathRun[];
  /** By part, as `DirectTerms.term` without other writes. */
  term(run: number, layer: number, column: number): number;
  /** By input token. */
  token(run: number, position: number): number;
}

/** A component, or the position of an input token. */
export type Cell = ComponentJson | number;

/** Measured effects in the order of the cells; NaN where it is not known (yet). */
export type Effects = readonly number[];

export async function askDirect(client: SessionClient, options: Listening): Promise<DirectTerms> {
  const { result, frames } = await client.ask("attribution", {}, options);
  const about = fields(result);
  const { heads } = about;
  const [runs, neurons] = [list(about.runs).map(endsOf), numbers(about.neurons)];
  const [terms] = frames;
  const [n, layers, columns] = terms?.shape ?? [];
  if (!terms || n !== runs.length || n < 1 || layers !== neurons.length) {
    throw unreadable("a run has a row of terms for each layer");
  }
  if (typeof heads !== "number" || columns !== heads + 3) {
    throw unreadable("a layer has a term for each head, and three more");
  }
  return {
    ...targetOf(about),
    note: text(about.note),
    layers,
    heads,
    neurons,
    runs,
    term: (run, layer, column) => terms.row(run, layer)[column] ?? Number.NaN,
  };
}

export async function askNeuronTerms(
  client: SessionClient,
  args: { layers: readonly number[]; k: number; order: "value" | "change" },
  options: Listening,
): Promise<readonly LayerNeurons[]> {
  const { result, frames } = await client.ask("attribution_neurons", args, options);
  const about = fields(result);
  const [layers, sums] = [numbers(about.layers), list(about.sums).map(numbers)];
  const [table] = frames;
  const [rows, k = 0, columns] = table?.shape ?? [];
  if (!table || rows !== layers.length || columns !== 3) {
    throw unreadable("neurons have an index and two terms");
  }
  return layers.map((layer, row) => ({
    layer,
    sums: sums.map((side) => side[row] ?? Number.NaN),
    top: Array.from({ length: k }, (_, at) => {
      const [index = -1, before = 0, after = 0] = table.row(row, at);
      return { index, before, after };
    }).filter(({ index }) => index >= 0),
  }));
}

export async function askGradient(
  client: SessionClient,
  args: { method: Method; of: Of; steps: number },
  options: Listening & { onProgress?: (progress: Progress) => void },
): Promise<GradientTerms> {
  const { onProgress, ...listening } = options;
  const { result, frames } = await client.ask("attribution_gradient", args, {
    ...listening,
    onPartial: (_, progress) => onProgress?.(progress),
  });
  const about = fields(result);
  const runs = list(about.runs).map((one) => {
    const { value, start, gap } = fields(one);
    return { value: number(value), start: number(start), gap: number(gap) };
  });
  const [terms] = frames;
  if (!terms || terms.shape[0] !== runs.length || runs.length < 1) {
    throw unreadable("each run has its own terms");
  }
  if (terms.shape.length !== (args.of === "tokens" ? 2 : 3)) {
    throw unreadable("terms are by token, or by layer and part");
  }
  return {
    ...targetOf(about),
    ...args,
    runs,
    term: (run, layer, column) => terms.row(run, layer)[column] ?? Number.NaN,
    token: (run, position) => terms.row(run)[position] ?? Number.NaN,
  };
}

export async function askExact(
  client: SessionClient,
  cells: readonly Cell[],
  options: Listening & { onPartial: (effects: Effects, progress: Progress) => void },
): Promise<Effects> {
  const { signal, onPartial } = options;
  const read = ({ frames }: Answer<unknown>): Effects => {
    const values: Frame | undefined = frames[0];
    if (values?.shape.length !== 1 || values.shape[0] !== cells.length) {
      throw unreadable("there is an effect for each cell");
    }
    return Array.from(values.row());
  };
  const answer = await client.ask(
    "attribution_exact",
    { cells },
    {
      signal,
      onPartial: (partial, progress) => {
        if (partial.frames.length > 0) onPartial(read(partial), progress);
      },
    },
  );
  return read(answer);
}

function targetOf({ position, tokens, reason }: Record<string, unknown>): Target {
  if (typeof position !== "number") throw unreadable("a position is missing");
  return { position, tokens: list(tokens).map(text), reason: text(reason) };
}

function endsOf(value: unknown): Ends {
  const { token, place, embed, norm_bias, unembed_bias, total, metric } = fields(value);
  return {
    token: number(token),
    place: number(place),
    embed: number(embed),
    normBias: number(norm_bias),
    unembedBias: number(unembed_bias),
    total: number(total),
    metric: number(metric),
  };
}

const number = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);
