// Arrays arrive as Python saw them, and nothing that does not fit its header is drawn.

import { describe, expect, it } from "vitest";
import { toBytes } from "../../wire/bytes";
import {
  decodeFrame,
  FrameError,
  frameOf,
  fromHalf,
  readHeader,
  readHeaders,
} from "../../wire/frames";
import fixture from "./frames.json";

interface Fixture {
  frames: { name: string; header: unknown; data: string; dense: (number | string)[] }[];
}

// Written by tests/wire/test_page_side.py.
const { frames } = fixture as Fixture;

const bytesOf = (text: string) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

function numberOf(value: number | string): number {
  if (typeof value === "number") return value;
  if (value === "nan") return Number.NaN;
  if (value === "-0.0") return -0; // JSON modules lose the sign
  return value === "inf" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

describe("what Python encodes", () => {
  it.each(frames.map((one) => [JSON.stringify(one.header), one.name, one] as const))(
    "%s is read as Python reads it (%s)",
    (_header, _name, { header, data, dense }) => {
      const frame = decodeFrame(readHeader(header), bytesOf(data));
      expect([...frame.dense()]).toEqual(dense.map(numberOf));
    },
  );

  it("has at() and row() agree with dense()", () => {
    for (const { header, data } of frames) {
      const frame = decodeFrame(readHeader(header), bytesOf(data));
      const dense = frame.dense();
      let flat = 0;
      for (const index of indices(frame.shape)) {
        expect(frame.at(...index)).toBe(dense[flat]);
        const row = frame.row(...index.slice(0, -1));
        const last = index.at(-1) as number;
        if (last < row.length) expect(row[last]).toBe(dense[flat]);
        flat += 1;
      }
      expect(flat).toBe(dense.length);
    }
  });
});

function* indices(shape: readonly number[]): Generator<number[]> {
  const [side, ...rest] = shape;
  if (side === undefined) yield [];
  else for (let i = 0; i < side; i++) for (const inner of indices(rest)) yield [i, ...inner];
}

describe("half floats", () => {
  it("follows IEEE 754 for every pattern of bits", () => {
    const view = new DataView(new ArrayBuffer(4));
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromHalf(bits);
      const exponent = (bits >> 10) & 0x1f;
      // Widened by hand to a float32 with the same meaning.
      if (exponent !== 0 && exponent !== 0x1f) {
        const sign = (bits & 0x8000) << 16;
        view.setUint32(0, (sign | ((exponent + 112) << 23) | ((bits & 0x3ff) << 13)) >>> 0);
        expect(value).toBe(view.getFloat32(0));
      } else if (exponent === 0x1f && bits & 0x3ff) {
        expect(value).toBeNaN();
      }
    }
    expect(fromHalf(0x0001)).toBe(2 ** -24);
    expect(fromHalf(0x7c00)).toBe(Number.POSITIVE_INFINITY);
    expect(Object.is(fromHalf(0x8000), -0)).toBe(true);
  });
});

describe("buffers of every host", () => {
  const header = readHeader({ dtype: "f32", shape: [2], layout: "dense" });
  const message = new Uint8Array(16);
  new Float32Array(message.buffer, 4, 2).set([1.5, -2]);
  // 13 bytes before: an odd offset, as inside a websocket message.
  const odd = new Uint8Array(32);
  odd.set(message.subarray(4, 12), 13);

  it.each([
    ["JupyterLab: DataView", new DataView(message.buffer, 4, 8)],
    ["Colab: Uint8Array", message.subarray(4, 12)],
    ["an ArrayBuffer", message.slice(4, 12).buffer],
    ["a DataView at an odd offset", new DataView(odd.buffer, 13, 8)],
    ["a Uint8Array at an odd offset", odd.subarray(13, 21)],
  ])("%s", (_host, buffer) => {
    const bytes = toBytes(buffer);
    expect(bytes?.byteLength).toBe(8);
    expect([...decodeFrame(header, bytes as Uint8Array).values]).toEqual([1.5, -2]);
  });

  it("keeps no memory of the message alive", () => {
    const { values } = decodeFrame(header, message.subarray(4, 12));
    expect(values.buffer.byteLength).toBe(8);
  });

  it.each([[null], [undefined], ["text"], [[1, 2]], [{ byteLength: 8 }], [8]])(
    "%s is not binary data",
    (value) => expect(toBytes(value)).toBeNull(),
  );
});

describe("headers are never trusted", () => {
  const good = { dtype: "u8", shape: [2, 2], layout: "dense", scale: 1, offset: 0 };

  it.each([
    [{ dtype: "f64" }],
    [{ dtype: "toString" }],
    [{ layout: "triu" }],
    [{ shape: [] }],
    [{ shape: [2, -2] }],
    [{ shape: [2, 2.5] }],
    [{ shape: ["2", "2"] }],
    [{ shape: [1, 1, 1, 1, 1] }],
    [{ shape: { length: 2 } }],
    [{ shape: [2 ** 40, 2 ** 40] }],
    [{ shape: [2 ** 26] }],
    [{ shape: [2, 3], layout: "tril" }],
    [{ shape: [4], layout: "tril" }],
    [{ scale: Number.NaN }],
    [{ scale: "1" }],
    [{ offset: Number.POSITIVE_INFINITY }],
  ])("%j is refused", (change) => {
    expect(() => readHeader({ ...good, ...change })).toThrow(FrameError);
  });

  it.each([[null], [undefined], [3], ["u8"], [[]]])("%j is no header", (value) => {
    expect(() => readHeader(value)).toThrow(FrameError);
  });

  it("refuses bytes that are too few or too many", () => {
    const header = readHeader(good);
    for (const length of [0, 3, 5, 400]) {
      expect(() => decodeFrame(header, new Uint8Array(length))).toThrow(/needs 4 bytes/);
    }
  });

  it("refuses many frames that are large together", () => {
    const large = { dtype: "f32", shape: [2 ** 23], layout: "dense" };
    expect(() => readHeaders([large, large, large])).toThrow(/larger/);
    expect(() => readHeaders(Array(65).fill(good))).toThrow(/at most/);
    expect(() => readHeaders({ length: 1 })).toThrow(FrameError);
    expect(readHeaders(undefined)).toEqual([]);
  });

  it("has no value outside the shape", () => {
    const frame = frameOf([1, 2, 3, 4], [2, 2]);
    expect(frame.at(1, 0)).toBe(3);
    for (const index of [[2, 0], [0, 2], [-1, 0], [0.5, 0], [0], [0, 0, 0]]) {
      expect(() => frame.at(...index)).toThrow(RangeError);
    }
  });
});
