// Arrays on the page: a header that came as JSON and bytes that came beside it become one `Frame`.
// Sizes are never trusted: a header has to fit its bytes exactly, or it is refused.

export type Dtype = "u8" | "f16" | "f32";
export type Layout = "dense" | "tril";

export interface FrameHeader {
  dtype: Dtype;
  shape: number[];
  layout: Layout;
  scale?: number;
  offset?: number;
}

/** A decoded array. `tril` is unpacked on reading: entries above the diagonal are 0. */
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
