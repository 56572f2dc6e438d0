// Neurons as the kernel tells of them: the top of each layer, their activations along the tokens,
// and the tokens that one speaks for. A shape that cannot be what was asked for is an error here.

import { fields, list, numbers, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Listening, SessionClient } from "./session-client";

export type NeuronOrder = "here" | "anywhere" | "change" | "effect";

export interface NeuronAddress {
  readonly layer: number;
  readonly index: number;
}

export interface RankedNeuron extends NeuronAddress {
  /** Where its activation was looked at. */
  readonly position: number;
  readonly before: number;
  readonly after: number;
  /** Direct effect on the metric in logits; NaN where there is none. */
  readonly effect: number;
  readonly effectBefore: number;
}

export interface NeuronRanking {
  readonly order: NeuronOrder;
  /** The top of each layer that has neurons, those that stand out most first. */
  readonly layers: readonly { layer: number; total: number; top: readonly RankedNeuron[] }[];
  /** Layers without neurons of their own, and why. */
  readonly without: readonly { layer: number; reason: string }[];
  /** Is a neuron a gate times a linear map? Null: nobody can tell. */
  readonly gated: boolean | null;
  /** What direct effects are on, where they are read, what has to be known; or why there are none. */
  readonly effectOf: string;
  readonly effectPosition: number | null;
  readonly reason: string;
  readonly note: string;
}

/** Activations `[neuron, pos]`; `after` is null where no edit is on. */
export interface Strips {
  readonly before: Frame;
  readonly after: Frame | null;
}

export interface ToldToken {
  readonly text: string;
  /** Logits per unit of activation. */
  readonly gain: number;
}

export interface NeuronTokens {
  readonly position: number;
  readonly promoted: readonly ToldToken[];
  readonly suppressed: readonly ToldToken[];
  readonly note: string;
}

const COLUMNS = 6;

export async function askNeurons(
  client: SessionClient,
  args: { order: NeuronOrder; position: number | null; k: number },
  options: Listening,
): Promise<NeuronRanking> {
  const { result, frames } = await client.ask("neurons", args, options);
  const about = fields(result);
  const [table] = frames;
  const [layers, totals] = [numbers(about.layers), numbers(about.totals)];
  const [rows, k, columns] = table?.shape ?? [];
  if (!table || rows !== layers.length || totals.length !== rows || columns !== COLUMNS) {
    throw unreadable("a table of neurons has a row for each layer");
  }
  const top = (row: number): RankedNeuron[] =>
    Array.from({ length: k ?? 0 }, (_, at) => {
      const [index, position, before, after, effectBefore, effect] = table.row(
        row,
        at,
      ) as unknown as number[];
      const read = { index, position, before, after, effectBefore, effect } as Omit<
        RankedNeuron,
        "layer"
      >;
      return { layer: layers[row] as number, ...read };
    }).filter(({ index }) => index >= 0);
  return {
    order: args.order,
    layers: layers.map((layer, row) => ({ layer, total: totals[row] as number, top: top(row) })),
    without: list(about.without).map((one) => {
      const { layer, reason } = fields(one);
      return { layer: Number(layer), reason: text(reason) };
    }),
    gated: typeof about.gated === "boolean" ? about.gated : null,
    effectOf: text(about.effect_of),
    effectPosition: typeof about.effect_position === "number" ? about.effect_position : null,
    reason: text(about.reason),
    note: text(about.note),
  };
}

export async function askStrips(
  client: SessionClient,
  neurons: readonly NeuronAddress[],
  options: Listening,
): Promise<Strips> {
  const named = neurons.map(({ layer, index }) => [layer, index]);
  const { frames } = await client.ask("neuron_strips", { neurons: named }, options);
  const [before, after = null] = frames;
  for (const side of [before, after]) {
    if (side === null) continue;
    if (side?.shape.length !== 2 || side.shape[0] !== neurons.length) {
      throw unreadable("there is a strip for each neuron");
    }
  }
  return { before: before as Frame, after };
}

export async function askNeuronTokens(
  client: SessionClient,
  args: NeuronAddress & { position: number },
  options: Listening,
): Promise<NeuronTokens> {
  const { result } = await client.ask("neuron_tokens", args, options);
  const { position, promoted, suppressed, note } = fields(result);
  if (typeof position !== "number") throw unreadable("a position is missing");
  return { position, promoted: told(promoted), suppressed: told(suppressed), note: text(note) };
}

function told(value: unknown): ToldToken[] {
  return list(value).map((one) => {
    const { text: shown, gain } = fields(one);
    if (typeof shown !== "string" || typeof gain !== "number") throw unreadable("a token is bare");
    return { text: shown, gain };
  });
}
