// The embedding as the kernel tells of it: the parts of the first residual, one token's vectors and
// their neighbours, how positions are told apart, and a plane. A shape that cannot be right is an error.

import { fields, list, numbers, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Listening, SessionClient } from "./session-client";

export type EmbeddingPartKind = "token" | "position" | "constant" | "other";

export interface EmbeddingPart {
  readonly kind: EmbeddingPartKind;
  /** What made it; empty where that cannot be told. */
  readonly module: string;
  /** What it was multiplied by; null: a vector. */
  readonly factor: number | null;
  readonly learned: boolean;
}

export interface EmbeddingParts {
  readonly parts: readonly EmbeddingPart[];
  /** What happens to the sum before the first layer. */
  readonly steps: readonly string[];
  readonly width: number;
  /** Pairs of parts, and the cosine between them at each token. */
  readonly pairs: readonly (readonly number[])[];
  readonly norms: Frame;
  readonly shares: Frame;
  /** Norms of the sum and of the first residual. */
  readonly sums: Frame;
  readonly cosines: Frame;
}

export interface NearToken {
  readonly id: number;
  readonly text: string;
  readonly cosine: number;
}

export interface EmbeddedToken {
  readonly position: number;
  readonly width: number;
  /** A row per part, and their sum; the residual where a step follows. */
  readonly strips: Frame;
  readonly stream: Frame;
  readonly nearest: Readonly<Record<"token" | "sum", readonly NearToken[]>>;
  /** Why there are no neighbours. */
  readonly reason: string;
}

export interface RotaryJson {
  readonly kind: "rotary";
  readonly module: string;
  readonly layers: readonly number[];
  readonly scaling: number;
  readonly pairing: "halves" | "adjacent" | null;
  readonly first: number;
  readonly width: number;
  readonly headWidth: number;
  readonly error: number | null;
  readonly named: string;
  readonly every: number;
  /** `[pair, pos]` in radians, and radians per position. */
  readonly angles: Frame;
  readonly frequencies: Float32Array;
}

export interface PositionVectorsJson {
  readonly kind: "vectors";
  readonly module: string;
  readonly learned: boolean;
  readonly every: number;
  /** `[pos, pos]` */
  readonly cosines: Frame;
}

export interface RelativeBiasJson {
  readonly kind: "relative";
  readonly module: string;
  readonly layers: readonly number[];
  readonly distances: readonly number[];
  readonly slopes: readonly number[] | null;
  /** `[head, distance]` */
  readonly bias: Frame;
}

export type Encoding = RotaryJson | PositionVectorsJson | RelativeBiasJson;

export interface PositionEncodings {
  readonly encodings: readonly Encoding[];
  readonly reason: string;
}

export interface TokenPlane {
  readonly places: Frame;
  readonly explained: readonly [number, number];
  /** How many special tokens have no place. */
  readonly leftOut: number;
}

const isRows = (frame: Frame | undefined, rows: number): frame is Frame =>
  frame?.shape.length === 2 && frame.shape[0] === rows;

export async function askParts(client: SessionClient, options: Listening): Promise<EmbeddingParts> {
  const { result, frames } = await client.ask("embedding_parts", {}, options);
  const about = fields(result);
  const kinds = list(about.kinds).map(text) as EmbeddingPartKind[];
  const [modules, learned, factors] = [about.modules, about.learned, about.factors].map(list);
  const pairs = list(about.pairs).map(numbers);
  const [norms, shares, sums, cosines] = frames;
  if (
    !(isRows(norms, kinds.length) && isRows(shares, kinds.length)) ||
    !(isRows(sums, 2) && isRows(cosines, pairs.length))
  ) {
    throw unreadable("there is a row for each part");
  }
  return {
    parts: kinds.map((kind, at) => ({
      kind,
      module: text(modules?.[at]),
      learned: learned?.[at] === true,
      factor: typeof factors?.[at] === "number" ? (factors[at] as number) : null,
    })),
    steps: list(about.steps).map(text),
    width: Number(about.d_model),
    pairs,
    norms,
    shares,
    sums,
    cosines,
  };
}

export async function askEmbedded(
  client: SessionClient,
  position: number,
  options: Listening,
): Promise<EmbeddedToken> {
  const { result, frames } = await client.ask("embedding_token", { position }, options);
  const about = fields(result);
  const [strips, stream] = frames;
  if (strips?.shape.length !== 2 || !isRows(stream, 1)) throw unreadable("a vector is missing");
  const near = fields(about.nearest);
  return {
    position,
    width: Number(about.width),
    strips,
    stream,
    nearest: { token: list(near.token).map(readNear), sum: list(near.sum).map(readNear) },
    reason: text(about.reason),
  };
}

function readNear(value: unknown): NearToken {
  const { id, text: shown, cosine } = fields(value);
  if (typeof id !== "number" || typeof cosine !== "number") throw unreadable("a token is bare");
  return { id, text: text(shown), cosine };
}

export async function askPositions(
  client: SessionClient,
  options: Listening,
): Promise<PositionEncodings> {
  const { result, frames } = await client.ask("position_encoding", {}, options);
  const about = fields(result);
  const rest = [...frames];
  const next = (): Frame => {
    const frame = rest.shift();
    if (!frame) throw unreadable("a map of positions is missing");
    return frame;
  };
  const encodings: Encoding[] = [];
  if (about.vectors) {
    const { module, learned, every } = fields(about.vectors);
    const own = { module: text(module), learned: learned === true, every: Number(every) };
    encodings.push({ kind: "vectors", ...own, cosines: next() });
  }
  for (const one of list(about.rotary)) encodings.push(readRotary(fields(one), next(), next()));
  for (const one of list(about.relative)) encodings.push(readRelative(fields(one), next()));
  return { encodings, reason: text(about.reason) };
}

function readRotary(one: Record<string, unknown>, angles: Frame, frequencies: Frame): RotaryJson {
  const { pairing, error } = one;
  if (!isRows(angles, frequencies.values.length)) throw unreadable("a pair has a frequency");
  return {
    kind: "rotary",
    module: text(one.module),
    layers: numbers(one.layers),
    scaling: Number(one.scaling),
    pairing: pairing === "halves" || pairing === "adjacent" ? pairing : null,
    first: Number(one.first),
    width: Number(one.width),
    headWidth: Number(one.d_head),
    error: typeof error === "number" ? error : null,
    named: text(one.named),
    every: Number(one.every),
    angles,
    frequencies: frequencies.values,
  };
}

function readRelative(one: Record<string, unknown>, bias: Frame): RelativeBiasJson {
  const distances = numbers(one.distances);
  if (bias.shape.length !== 2 || bias.shape[1] !== distances.length) {
    throw unreadable("a bias has a number for each distance");
  }
  return {
    kind: "relative",
    module: text(one.module),
    layers: numbers(one.layers),
    distances,
    slopes: one.slopes === null ? null : numbers(one.slopes),
    bias,
  };
}

export async function askPlane(
  client: SessionClient,
  of: "token" | "resid_pre",
  options: Listening,
): Promise<TokenPlane> {
  const { result, frames } = await client.ask("token_plane", { of }, options);
  const { explained, left_out } = fields(result);
  const [first, second] = numbers(explained);
  const [places] = frames;
  if (places?.shape.length !== 2 || places.shape[1] !== 2 || second === undefined) {
    throw unreadable("a plane has two axes");
  }
  return { places, explained: [first ?? 0, second], leftOut: Number(left_out) };
}
