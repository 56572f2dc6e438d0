// Large answers come in pieces; here they are put together again. In: messages of one request, in
// order. Out: the frames, once the last piece is there. A piece that does not continue what came
// before throws, and the request fails instead of showing half an array.

import { decodeFrame, type Frame, FrameError, type FrameHeader, frameBytes } from "./frames";

export interface Chunk {
  index: number;
  count: number;
}

/** Checks the `chunk` field of a message; null where it has none. */
export function readChunk(value: unknown): Chunk | null {
  if (value === undefined || value === null) return null;
  const { index, count } = value as Partial<Chunk>;
  const whole = Number.isSafeInteger(index) && Number.isSafeInteger(count);
  if (!whole || (index as number) < 0 || (index as number) >= (count as number)) {
    throw new FrameError("a chunk says its index and the count");
  }
  return { index: index as number, count: count as number };
}

/** The frames of a message that came in one piece. */
export function framesOf(headers: FrameHeader[], buffers: Uint8Array[]): Frame[] {
  if (headers.length !== buffers.length) throw new FrameError("one buffer per frame");
  return headers.map((header, i) => decodeFrame(header, buffers[i] as Uint8Array));
}

/** One large answer (or progress message) on its way; `message` is the envelope of its first piece. */
export class Assembly<M> {
  readonly message: M;
  readonly #headers: FrameHeader[];
  readonly #bytes: Uint8Array;
  readonly #count: number;
  #next = 0;
  #filled = 0;

  constructor(message: M, headers: FrameHeader[], count: number) {
    this.message = message;
    this.#headers = headers;
    this.#count = count;
    // Bounded: `readHeaders` refuses more than an answer may have.
    this.#bytes = new Uint8Array(headers.reduce((sum, header) => sum + frameBytes(header), 0));
  }

  /** Adds the next piece; true once it was the last. */
  add(chunk: Chunk, buffers: Uint8Array[]): boolean {
    if (chunk.index !== this.#next || chunk.count !== this.#count) {
      throw new FrameError("a piece of the answer is missing");
    }
    for (const piece of buffers) {
      if (this.#filled + piece.byteLength > this.#bytes.byteLength) {
        throw new FrameError("the pieces are larger than the frames");
      }
      this.#bytes.set(piece, this.#filled);
      this.#filled += piece.byteLength;
    }
    this.#next += 1;
    if (this.#next < this.#count) return false;
    if (this.#filled !== this.#bytes.byteLength) {
      throw new FrameError("the pieces are smaller than the frames");
    }
    return true;
  }

  frames(): Frame[] {
    let start = 0;
    return this.#headers.map((header) => {
      const end = start + frameBytes(header);
      const frame = decodeFrame(header, this.#bytes.subarray(start, end));
      start = end;
      return frame;
    });
  }
}
