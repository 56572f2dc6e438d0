// Arrays on the page: a header that came as JSON and bytes that came beside it become one `Frame`.
// Sizes are never trusted: a header has to fit its bytes exactly, or it is refused.

import { MAX_ANSWER_BYTES, MAX_FRAMES, MAX_RANK } from "./limits";

export type Dtype = "u8" | "f16" | "f32";
export type Layout = "dense" | "tril";

export interface FrameHeader {
  dtype: Dtype;
  shape: number[];
  layout: Layout;
  /** Of `u8` only: value = byte / 255 * scale + offset. */
  scale: number;
  offset: number;
}

/** A decoded array. */
export interface Frame {
  readonly dtype: Dtype;
  readonly layout: Layout;
  /** The shape of the whole array, also for `tril`. */
  readonly shape: readonly number[];
  /** The decoded values as they were sent: row after row; `tril` has q + 1 entries in row q. */
  readonly values: Float32Array;
  /** One value; 0 above the diagonal of a `tril` frame. Throws RangeError outside the shape. */
  at(...index: number[]): number;
  /** The last axis at the given leading index, without copying. Row q of `tril` has q + 1 entries. */
  row(...index: number[]): Float32Array;
  /** Every value, row-major over `shape`, zeros above the diagonal of a `tril` frame. */
  dense(): Float32Array;
}

/** A frame that cannot be right; the message says why. */
export class FrameError extends Error {
  override name = "FrameError";
}

const ITEM_BYTES: Record<Dtype, number> = { u8: 1, f16: 2, f32: 4 };

/** Checks a header that came from outside. */
export function readHeader(value: unknown): FrameHeader {
  if (typeof value !== "object" || value === null) throw new FrameError("a header is an object");
  const { dtype, shape, layout, scale = 1, offset = 0 } = value as Record<string, unknown>;
  if (dtype !== "u8" && dtype !== "f16" && dtype !== "f32") throw new FrameError("unknown dtype");
  if (layout !== "dense" && layout !== "tril") throw new FrameError("unknown layout");
  if (!Array.isArray(shape) || shape.length < 1 || shape.length > MAX_RANK) {
    throw new FrameError(`a shape has 1 to ${MAX_RANK} sides`);
  }
  if (!shape.every((side) => Number.isSafeInteger(side) && side >= 0)) {
    throw new FrameError("a side is a whole number that is not negative");
  }
  if (layout === "tril" && (shape.length < 2 || shape.at(-1) !== shape.at(-2))) {
    throw new FrameError("tril needs two equal last sides");
  }
  // `dense()` of a small tril frame is about twice as large: count that.
  if (4 * product(shape) > MAX_ANSWER_BYTES) throw new FrameError("larger than any answer");
  if (!Number.isFinite(scale) || !Number.isFinite(offset)) {
    throw new FrameError("scale and offset are finite numbers");
  }
  return { dtype, shape: [...shape], layout, scale: Number(scale), offset: Number(offset) };
}

/** All headers of one message. */
export function readHeaders(value: unknown): FrameHeader[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > MAX_FRAMES) {
    throw new FrameError(`frames is a list of at most ${MAX_FRAMES}`);
  }
  const headers = value.map(readHeader);
  if (headers.reduce((sum, header) => sum + frameBytes(header), 0) > MAX_ANSWER_BYTES) {
    throw new FrameError("larger than any answer");
  }
  return headers;
}

/** The bytes that a frame with this header has. */
export function frameBytes({ dtype, shape, layout }: FrameHeader): number {
  return ITEM_BYTES[dtype] * entries(shape, layout);
}

/** Decodes one frame; the result does not share memory with the message. */
export function decodeFrame(header: FrameHeader, bytes: Uint8Array): Frame {
  if (bytes.byteLength !== frameBytes(header)) {
    throw new FrameError(
      `shape ${header.shape.join("×")} (${header.dtype}, ${header.layout}) needs ` +
        `${frameBytes(header)} bytes, not ${bytes.byteLength}`,
    );
  }
  return new DecodedFrame(header, decodeValues(header, bytes));
}

/** A frame of values that are on the page already: for fakes, recorded sessions and tests. */
export function frameOf(values: Float32Array | number[], shape: number[]): Frame {
  const header = readHeader({ dtype: "f32", shape, layout: "dense" });
  if (values.length !== product(shape)) throw new FrameError("the values do not fit the shape");
  return new DecodedFrame(header, Float32Array.from(values));
}

class DecodedFrame implements Frame {
  readonly dtype: Dtype;
  readonly layout: Layout;
  readonly shape: readonly number[];
  readonly values: Float32Array;

  constructor({ dtype, layout, shape }: FrameHeader, values: Float32Array) {
    this.dtype = dtype;
    this.layout = layout;
    this.shape = shape;
    this.values = values;
  }

  at(...index: number[]): number {
    if (index.length !== this.shape.length) throw new RangeError("one index per axis");
    const last = index.at(-1) as number;
    const side = this.shape.at(-1) as number;
    if (!Number.isInteger(last) || last < 0 || last >= side) throw new RangeError("outside");
    const row = this.row(...index.slice(0, -1));
    return row[last] ?? 0;
  }

  row(...index: number[]): Float32Array {
    if (index.length !== this.shape.length - 1) throw new RangeError("one index per leading axis");
    let flat = 0;
    index.forEach((at, axis) => {
      const side = this.shape[axis] as number;
      if (!Number.isInteger(at) || at < 0 || at >= side) throw new RangeError("outside the shape");
      flat = flat * side + at;
    });
    const side = this.shape.at(-1) as number;
    if (this.layout === "dense") return this.values.subarray(flat * side, (flat + 1) * side);
    const query = index.at(-1) as number;
    const triangle = (flat - query) / side;
    const start = triangle * triangular(side) + triangular(query);
    return this.values.subarray(start, start + query + 1);
  }

  dense(): Float32Array {
    if (this.layout === "dense") return this.values.slice();
    const side = this.shape.at(-1) as number;
    const full = new Float32Array(product(this.shape));
    let from = 0;
    for (let row = 0; row * side < full.length; row++) {
      const length = (row % side) + 1;
      full.set(this.values.subarray(from, from + length), row * side);
      from += length;
    }
    return full;
  }
}

function decodeValues(header: FrameHeader, bytes: Uint8Array): Float32Array {
  if (header.dtype === "u8") {
    const { scale, offset } = header;
    return Float32Array.from(bytes, (byte) => (byte / 255) * scale + offset);
  }
  // A copy: typed arrays need an aligned start, and the message may be much larger than this frame.
  const { buffer } = bytes.slice();
  if (header.dtype === "f32") return new Float32Array(buffer);
  return Float32Array.from(new Uint16Array(buffer), fromHalf);
}

/** IEEE 754 binary16 → number. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function entries(shape: readonly number[], layout: Layout): number {
  if (layout === "dense") return product(shape);
  return product(shape.slice(0, -2)) * triangular(shape.at(-1) as number);
}

function product(sides: readonly number[]): number {
  return sides.reduce((all, side) => all * side, 1);
}

function triangular(n: number): number {
  return (n * (n + 1)) / 2;
}
