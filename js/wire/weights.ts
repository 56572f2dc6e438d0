// What the kernel says of a model's weights: circuits of a head from token to token, composition
// between heads, norms, tokens that lie near one another. None of it depends on the prompt. A shape
// that cannot be what was asked for is an error here.

import type { HeadPlace } from "../store/session-store";
import { fields, list, number, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";
import type { Asking, Progress, SessionClient } from "./session-client";

export interface WeightToken {
  readonly id: number;
  readonly text: string;
}

export interface RankedToken extends WeightToken {
  readonly value: number;
}

/** What the circuits of a head make of one token; null where there is no such circuit. */
export interface HeadCircuit {
  readonly token: WeightToken;
  readonly vocabulary: number;
  readonly distance: number;
  /** Do queries and keys depend on how far apart they stand? */
  readonly rotates: boolean;
  /** What caps the scores; 0 for nothing. */
  readonly cap: number;
  readonly copying: number | null;
  readonly keys: readonly RankedToken[] | null;
  readonly queries: readonly RankedToken[] | null;
  readonly raised: readonly RankedToken[] | null;
  readonly suppressed: readonly RankedToken[] | null;
  readonly qkReason: string;
  readonly ovReason: string;
}

export interface TokenPair {
  readonly first: WeightToken;
  readonly second: WeightToken;
  readonly value: number;
}

export interface TokenPairs {
  readonly looked: number;
  readonly pairs: readonly TokenPair[];
}

export interface NearestTokens {
  readonly token: WeightToken;
  readonly length: number;
  readonly nearest: readonly RankedToken[];
}

export type CompositionKind = "q" | "k" | "v";
export type CircuitName = "qk" | "ov";

export interface HeadEdge {
  readonly from: HeadPlace;
  readonly to: HeadPlace;
  readonly score: number;
}

export interface Reason {
  readonly layer: number;
  readonly reason: string;
}

export interface Composition {
  readonly kind: CompositionKind;
  /** Of each row and column of the matrix, where that is by heads. */
  readonly heads: readonly HeadPlace[];
  /** Is an entry of the matrix a pair of heads, or the largest of two layers' pairs? */
  readonly by: "head" | "layer";
  /** The layers that have heads; the rows and columns by layer. */
  readonly layers: readonly number[];
  /** About what maps score that have nothing to do with one another. */
  readonly chance: number;
  /** The strongest first; all of them, or as many as travel. */
  readonly edges: readonly HeadEdge[];
  readonly reasons: readonly Reason[];
  /** [writer, reader]; NaN = none, or not known yet. */
  readonly matrix: Frame;
}

export interface WeightNorms {
  /** [layer, head]; NaN = none, or not known yet. */
  readonly qk: Frame;
  readonly ov: Frame;
  /** [layer]. */
  readonly mlp: Frame;
  readonly reasons: readonly Reason[];
}

type HeadAsk = HeadPlace & { distance: number; k: number };

export async function askHeadCircuit(
  client: SessionClient,
  { layer, head, distance, k, token }: HeadAsk & { token: number },
  options: Asking = {},
): Promise<HeadCircuit> {
  const { result } = await client.ask("head_circuit", { layer, head, token, k, distance }, options);
  const told = fields(result);
  return {
    token: tokenOf(told.token),
    vocabulary: number(told.vocabulary),
    distance: number(told.distance),
    rotates: told.rotates === true,
    cap: number(told.cap),
    copying: typeof told.copying === "number" ? told.copying : null,
    keys: ranked(told.keys),
    queries: ranked(told.queries),
    raised: ranked(told.raised),
    suppressed: ranked(told.suppressed),
    qkReason: text(told.qk_reason),
    ovReason: text(told.ov_reason),
  };
}

export async function askPairs(
  client: SessionClient,
  { layer, head, distance, k, circuit }: HeadAsk & { circuit: CircuitName },
  options: Asking = {},
): Promise<TokenPairs> {
  const args = { layer, head, circuit, k, distance };
  const { result } = await client.ask("head_pairs", args, options);
  const told = fields(result);
  const pairs = list(told.pairs).map((one) => {
    const pair = fields(one);
    return { first: tokenOf(pair.first), second: tokenOf(pair.second), value: number(pair.value) };
  });
  return { looked: number(told.looked_at), pairs };
}

export async function askNearest(
  client: SessionClient,
  token: number,
  k: number,
  options: Asking = {},
): Promise<NearestTokens> {
  const { result } = await client.ask("token_neighbours", { token, k }, options);
  const told = fields(result);
  const nearest = ranked(told.nearest) ?? [];
  return { token: tokenOf(told.token), length: number(told.length), nearest };
}

export async function askComposition(
  client: SessionClient,
  kind: CompositionKind,
  signal: AbortSignal,
  partly: (known: Composition, progress: Progress) => void,
): Promise<Composition> {
  const onPartial: Asking["onPartial"] = (partial, progress) => {
    if (partial.frames.length > 0) partly(readComposition(partial, kind), progress);
  };
  return readComposition(await client.ask("composition", { kind }, { signal, onPartial }), kind);
}

export async function askNorms(
  client: SessionClient,
  signal: AbortSignal,
  partly: (known: WeightNorms, progress: Progress) => void,
): Promise<WeightNorms> {
  const onPartial: Asking["onPartial"] = (partial, progress) => {
    if (partial.frames.length > 0) partly(readNorms(partial), progress);
  };
  return readNorms(await client.ask("weight_norms", {}, { signal, onPartial }));
}

function readComposition({ result, frames }: Answer<unknown>, kind: CompositionKind): Composition {
  const told = fields(result);
  const heads = list(told.heads).map((one): HeadPlace => {
    const [layer, head] = list(one);
    return { layer: number(layer), head: number(head) };
  });
  const layers = [...new Set(heads.map(({ layer }) => layer))];
  const by = told.by === "layer" ? "layer" : "head";
  const [matrix, table] = frames;
  const side = by === "head" ? heads.length : layers.length;
  if (matrix?.shape.length !== 2 || matrix.shape[0] !== side || matrix.shape[1] !== side) {
    throw unreadable("scores have a row and a column for each head");
  }
  if (table?.shape.length !== 2 || (table.shape[0] !== 0 && table.shape[1] !== 3)) {
    throw unreadable("an edge is two heads and a score");
  }
  const edges = Array.from({ length: table.shape[0] ?? 0 }, (_, at): HeadEdge => {
    const [writer, reader, score] = table.values.subarray(3 * at, 3 * at + 3);
    const [from, to] = [heads[writer ?? -1], heads[reader ?? -1]];
    if (!from || !to) throw unreadable("an edge is of a head that is not there");
    return { from, to, score: score ?? Number.NaN };
  });
  const reasons = reasonsOf(told.reasons);
  return { kind, heads, layers, by, chance: number(told.chance), edges, reasons, matrix };
}

function readNorms({ result, frames }: Answer<unknown>): WeightNorms {
  const [qk, ov, mlp] = frames;
  if (!qk || !ov || !mlp || qk.shape.length !== 2 || String(qk.shape) !== String(ov.shape)) {
    throw unreadable("norms have a row for each layer");
  }
  if (mlp.shape[0] !== qk.shape[0]) throw unreadable("each layer has a norm of its MLP");
  return { qk, ov, mlp, reasons: reasonsOf(fields(result).reasons) };
}

const reasonsOf = (value: unknown): Reason[] =>
  list(value).map((one) => {
    const { layer, reason } = fields(one);
    return { layer: number(layer), reason: text(reason) };
  });

function tokenOf(value: unknown): WeightToken {
  const { id, text: shown } = fields(value);
  if (typeof id !== "number" || typeof shown !== "string") throw unreadable("a token is missing");
  return { id, text: shown };
}

const ranked = (value: unknown): RankedToken[] | null =>
  Array.isArray(value)
    ? value.map((one) => ({ ...tokenOf(one), value: number(fields(one).value) }))
    : null;
