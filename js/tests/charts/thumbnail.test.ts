import { describe, expect, it } from "vitest";
import { levelColour, ZERO_LEVEL } from "../../charts/colour";
import { bitmap, thumbnail } from "../../charts/thumbnail";

const scene = {
  rows: 3,
  columns: 3,
  triangle: true,
  scale: "ink",
  theme: "light",
  max: 1,
  value: (row: number, column: number) => (row === 2 && column === 1 ? 1 : 0),
} as const;

describe("a picture of a head", () => {
  const bytes = bitmap(scene);
  const view = new DataView(bytes.buffer);
  const pixel = (row: number, column: number) => bytes[54 + 1024 + row * 4 + column];

  it("is a bitmap of as many pixels as entries, from the top down", () => {
    expect(String.fromCharCode(...bytes.subarray(0, 2))).toBe("BM");
    expect([view.getInt32(18, true), view.getInt32(22, true)]).toEqual([3, -3]);
    expect(view.getUint32(2, true)).toBe(bytes.length);
    expect(bytes.length).toBe(54 + 1024 + 3 * 4);
    expect(thumbnail(scene)).toMatch(/^data:image\/bmp;base64,Qk/);
  });

  it("has the level of every entry, and nothing above the diagonal", () => {
    expect([pixel(0, 0), pixel(0, 1), pixel(1, 2)]).toEqual([ZERO_LEVEL, 255, 255]);
    expect([pixel(2, 0), pixel(2, 1), pixel(2, 2)]).toEqual([ZERO_LEVEL, 254, ZERO_LEVEL]);
  });

  it("has the colours of the legend, blue first as bitmaps have it", () => {
    const [red, green, blue] = levelColour(254, "ink", "light");
    expect([...bytes.subarray(54 + 4 * 254, 54 + 4 * 254 + 3)]).toEqual([blue, green, red]);
  });
});
