// The rows of the attribution view: terms in the order in which they are written, each layer openable
// to its heads and its MLP to neurons, with the running sum; or all of them ranked. In: what the
// kernel has told. Out: rows, ready to be drawn.

import { short } from "../charts/token-text";
import type { ComponentJson } from "../types";
import type { DirectTerms, GradientTerms, LayerNeurons } from "../wire/attribution";

/** A number without the edits, and with them. */
export type Pair = readonly [before: number, after: number];

export type Order = "layers" | "largest" | "change";

export interface Term {
  /** One name per row. */
  readonly key: string;
  readonly name: string;
  readonly title: string;
  readonly level: number;
  /** What a click is about; null of biases, embeddings and sums. */
  readonly component: ComponentJson | null;
  /** The input token that it is of. */
  readonly token: number | null;
  readonly value: Pair;
  /** Where its bar starts; null: at zero. */
  readonly from: Pair | null;
  /** Does it have parts that can be seen? Then whether they are. */
  readonly open: boolean | null;
  /** A sum of what stands above it: its bar starts at zero. */
  readonly sum: boolean;
}

type Part = Pick<Term, "key" | "name" | "value"> & Partial<Term>;

const ROUNDING = 5e-5;

const term = (part: Part): Term => ({
  title: "",
  level: 1,
  component: null,
  token: null,
  from: null,
  open: null,
  sum: false,
  ...part,
});

const plus = (one: Pair, other: Pair): Pair => [one[0] + other[0], one[1] + other[1]];
const minus = (one: Pair, other: Pair): Pair => [one[0] - other[0], one[1] - other[1]];
const nothing = (pair: Pair): boolean => pair.every((value) => !(Math.abs(value) > ROUNDING));
/** What is not there adds nothing. */
const known = (pair: Pair): Pair => [pair[0] || 0, pair[1] || 0];
const missing = (pair: Pair): boolean => pair.every(Number.isNaN);

type Columns = (layer: number, column: number) => Pair;

/** What the parts of a layer are, of any method. */
interface Layered {
  readonly layers: number;
  readonly heads: number;
  readonly at: Columns;
  readonly neurons: readonly number[];
}

const pairOf = (runs: number, value: (run: number) => number): Pair => [value(0), value(runs - 1)];

/** The parts of one layer: heads and what else its attention wrote, the MLP, other writes. */
function partsOf(of: Layered, layer: number, direct: boolean): Part[] {
  const { heads, at } = of;
  const [attention, mlp] = [at(layer, heads), at(layer, heads + 1)];
  const parts: Part[] = [];
  let left = known(attention);
  for (let head = 0; head < heads; head++) {
    const value = at(layer, head);
    if (missing(value)) continue;
    left = minus(left, value);
    const component = { type: "head", layer, head } as const;
    parts.push({ key: `head ${layer}.${head}`, name: `head ${layer}.${head}`, value, component });
  }
  const whole = parts.length === 0;
  if (!missing(attention) && whole) {
    const component = { type: "attention", layer } as const;
    parts.push({ key: `attention ${layer}`, name: `attention ${layer}`, value: left, component });
  } else if (direct && !nothing(left)) {
    const title = "What the output projection's bias adds, which is no head's";
    parts.push({ key: `bias ${layer}`, name: `attention bias ${layer}`, value: left, title });
  }
  if (!missing(mlp)) {
    const component = { type: "mlp", layer } as const;
    parts.push({ key: `mlp ${layer}`, name: `MLP ${layer}`, value: mlp, component });
  }
  const rest = direct ? known(at(layer, heads + 2)) : ([0, 0] as const);
  if (!nothing(rest)) {
    const title = "Biases that no module makes, other mixers, edits of the stream itself";
    parts.push({ key: `rest ${layer}`, name: `other writes ${layer}`, value: rest, title });
  }
  return parts;
}

/** The neurons of an MLP that stand out, and all the others as their sum, its bias with them. */
function neuronParts(told: LayerNeurons, mlp: Pair): Part[] {
  const { layer, top } = told;
  const parts: Part[] = top.map(({ index, before, after }) => ({
    key: `neuron ${layer}.${index}`,
    name: `neuron ${layer}.${index}`,
    value: [before, after],
    component: { type: "neuron", layer, index },
  }));
  const shown = parts.reduce<Pair>((sum, { value }) => plus(sum, value), [0, 0]);
  const sums: Pair = [told.sums[0] ?? 0, told.sums.at(-1) ?? 0];
  const others = minus(sums, shown);
  const bias = minus(known(mlp), sums);
  parts.push({ key: `others ${layer}`, name: `other neurons ${layer}`, value: others });
  if (!nothing(bias)) {
    parts.push({ key: `mlp bias ${layer}`, name: `MLP bias ${layer}`, value: bias });
  }
  return parts;
}

/** What stands before the first layer. */
function embeddings(told: DirectTerms): Part[] {
  const ends = (name: "token" | "place" | "embed"): Pair =>
    pairOf(told.runs.length, (run) => told.runs[run]?.[name] ?? Number.NaN);
  const [token, place, embed] = [ends("token"), ends("place"), ends("embed")];
  if (missing(token)) {
    const title = "The stream before layer 0; token and position cannot be told apart here";
    return [{ key: "embed", name: "embedding", value: embed, title }];
  }
  const parts: Part[] = [
    {
      key: "token",
      name: "token embedding",
      value: token,
      title: "The embedding of the token at this position, as the stream has it",
    },
  ];
  if (!nothing(place)) {
    const title = "What is added to the token's embedding before layer 0";
    parts.push({ key: "place", name: "position embedding", value: place, title });
  }
  const edits = minus(embed, plus(token, place));
  if (!nothing(edits)) parts.push({ key: "edits", name: "edits before layer 0", value: edits });
  return parts;
}

function biases(told: DirectTerms): Part[] {
  const ends = (name: "normBias" | "unembedBias"): Pair =>
    pairOf(told.runs.length, (run) => told.runs[run]?.[name] ?? 0);
  return [
    { key: "norm bias", name: "final norm bias", value: ends("normBias") },
    { key: "unembed bias", name: "unembedding bias", value: ends("unembedBias") },
  ].filter(({ value }) => !nothing(value));
}

export interface Wish {
  readonly order: Order;
  /** The keys of the rows whose parts are to be seen. */
  readonly open: ReadonlySet<string>;
  /** Neurons in the place of MLPs, where they are ranked. */
  readonly asNeurons: boolean;
  readonly neurons: ReadonlyMap<number, LayerNeurons>;
}

/** The terms of direct attribution. */
export function directRows(told: DirectTerms, wish: Wish): Term[] {
  const n = told.runs.length;
  const of: Layered = {
    ...told,
    at: (layer, column) => pairOf(n, (run) => told.term(run, layer, column)),
  };
  const total = pairOf(n, (run) => told.runs[run]?.total ?? Number.NaN);
  const ends = { first: embeddings(told), last: biases(told) };
  if (wish.order !== "layers") return ranked(of, wish, ends, true);
  return waterfall(of, wish, ends, { key: "total", name: "total", value: total }, true);
}

/** Gradients by component: of integrated ones the sum is told, others have none. */
export function gradientRows(told: GradientTerms, shape: DirectShape, wish: Wish): Term[] {
  const n = told.runs.length;
  const at: Columns = (layer, column) => pairOf(n, (run) => told.term(run, layer, column));
  const of: Layered = { ...shape, neurons: [], at };
  const ends = { first: [] as Part[], last: [] as Part[] };
  if (wish.order !== "layers") return ranked(of, wish, ends, false);
  const start = pairOf(n, (run) => told.runs[run]?.start ?? Number.NaN);
  if (missing(start)) return waterfall(of, wish, ends, null, false);
  const title = "The metric with every head's z and every MLP at zero";
  ends.first.push({ key: "start", name: "without any of them", value: start, title });
  const gap = pairOf(n, (run) => -(told.runs[run]?.gap ?? 0));
  if (!nothing(gap)) {
    const why = `The error of the integral over ${told.steps} steps`;
    ends.last.push({ key: "gap", name: "error of the integral", value: gap, title: why });
  }
  const value = pairOf(n, (run) => told.runs[run]?.value ?? Number.NaN);
  return waterfall(of, wish, ends, { key: "total", name: "total", value }, false);
}

export interface DirectShape {
  readonly layers: number;
  readonly heads: number;
}

/** Gradients by input token, in their order or ranked. */
export function tokenRows(
  told: GradientTerms,
  texts: readonly string[],
  order: Order,
): readonly Term[] {
  const rows = texts.map((text, token) =>
    term({
      key: `token ${token}`,
      name: `${short(text, 12)} (${token})`,
      value: pairOf(told.runs.length, (run) => told.token(run, token)),
      token,
    }),
  );
  return order === "layers" ? rows : sorted(rows, order);
}

interface Outside {
  readonly first: readonly Part[];
  readonly last: readonly Part[];
}

/** One after the other, each bar where the one before it ends. */
function waterfall(
  of: Layered,
  wish: Wish,
  ends: Outside,
  total: Part | null,
  direct: boolean,
): Term[] {
  const rows: Term[] = [];
  let sum: Pair = [0, 0];
  const add = (part: Part, level: number, open: boolean | null = null, inParts = false): void => {
    rows.push(term({ ...part, level, open, from: total ? sum : null }));
    if (!inParts) sum = plus(sum, known(part.value));
  };
  for (const part of ends.first) add(part, 1);
  for (let layer = 0; layer < of.layers; layer++) {
    const parts = partsOf(of, layer, direct);
    if (parts.length === 0) continue;
    const value = parts.reduce<Pair>((all, one) => plus(all, known(one.value)), [0, 0]);
    const key = `layer ${layer}`;
    const open = wish.open.has(key);
    add({ key, name: key, value, component: { type: "layer", layer } }, 1, open, open);
    if (!open) continue;
    for (const part of parts) {
      const splits = direct && part.component?.type === "mlp" && (of.neurons[layer] ?? 0) > 0;
      const told = wish.neurons.get(layer);
      const opened = splits ? wish.open.has(part.key) : null;
      const inner = opened && told ? neuronParts(told, part.value) : [];
      add(part, 2, opened, inner.length > 0);
      for (const one of inner) add(one, 3);
    }
  }
  for (const part of ends.last) add(part, 1);
  if (total) rows.push(term({ ...total, from: [0, 0], sum: true }));
  return rows;
}

function ranked(of: Layered, wish: Wish, ends: Outside, direct: boolean): Term[] {
  const parts = [...ends.first, ...ends.last];
  for (let layer = 0; layer < of.layers; layer++) {
    for (const part of partsOf(of, layer, direct)) {
      const told = wish.neurons.get(layer);
      if (wish.asNeurons && told && part.component?.type === "mlp") {
        parts.push(...neuronParts(told, part.value));
      } else parts.push(part);
    }
  }
  return sorted(parts.map(term), wish.order);
}

/** By size, so that holding the baseline moves nothing; or by what the edits changed. */
function sorted(rows: readonly Term[], order: Order): Term[] {
  const size = ({ value: [before, after] }: Term): number =>
    order === "change"
      ? Math.abs(after - before)
      : Math.max(Math.abs(before) || 0, Math.abs(after) || 0);
  return [...rows].sort((one, other) => size(other) - size(one));
}
