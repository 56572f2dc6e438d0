import { describe, expect, it } from "vitest";
import { pictureHeight, squareSize, thinned } from "../../charts/attention-matrix";
import { ZERO_LEVEL } from "../../charts/colour";
import { denseLevels, type MatrixScene, reach } from "../../charts/matrix-paint";

const ROOM = { width: 520, height: 480 };

describe("the size of a square", () => {
  it("fits the room for 3, 15, 300 and 3000 tokens and never grows past what reads well", () => {
    for (const n of [1, 3, 15, 60]) {
      const size = squareSize(n, n, ROOM);
      expect(Number.isInteger(size)).toBe(true);
      expect(size).toBeLessThanOrEqual(28);
      expect(n * size).toBeLessThanOrEqual(ROOM.width);
    }
    expect(squareSize(300, 300, ROOM) * 300).toBeCloseTo(420, 5);
    expect(squareSize(3000, 3000, ROOM)).toBeGreaterThan(0);
  });

  it("leaves room for both sides of a rectangle", () => {
    for (const [rows, columns] of [
      [3, 64],
      [64, 3],
      [1, 200],
      [40, 41],
    ] as const) {
      const size = squareSize(rows, columns, ROOM);
      expect(columns * size).toBeLessThan(ROOM.width - 76 + 1e-6);
      expect(pictureHeight(rows, columns, ROOM)).toBeLessThanOrEqual(ROOM.height);
    }
  });
});

describe("labels", () => {
  it("are thinned so that they do not touch", () => {
    const shown = thinned(300, 1.4, null, 13);
    for (let i = 1; i < shown.length; i++) {
      expect(((shown[i] as number) - (shown[i - 1] as number)) * 1.4).toBeGreaterThanOrEqual(13);
    }
    expect(thinned(15, 20, null, 13)).toHaveLength(15);
  });

  it("always show the one that is looked at, and make room for it", () => {
    const shown = thinned(300, 1.4, 151, 13);
    expect(shown).toContain(151);
    for (const i of shown)
      if (i !== 151) expect(Math.abs(i - 151) * 1.4).toBeGreaterThanOrEqual(13);
  });
});

describe("a matrix with more cells than pixels", () => {
  const n = 400;
  const scene = (size: number, change: Partial<MatrixScene> = {}): MatrixScene => ({
    rows: n,
    columns: n,
    triangle: true,
    size,
    scale: "ink",
    theme: "light",
    max: 1,
    value: (query, key) => (query === 301 && key === 57 ? 1 : 0),
    ...change,
  });
  const levels = (side: number) => denseLevels(scene(side / n), side, side);

  it("keeps its one bright cell", () => {
    expect(levels(120).filter((at) => at === 254)).toHaveLength(1);
    expect(levels(800).filter((at) => at === 254)).toHaveLength(4);
  });

  it("leaves everything above the diagonal empty", () => {
    const side = 100;
    const drawn = levels(side);
    const wrong: [number, number][] = [];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const at = drawn[y * side + x];
        if (x > y ? at !== 255 : (at ?? 0) < ZERO_LEVEL || at === 255) wrong.push([x, y]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("fills all of a rectangle, and keeps a bright cell ahead of its query", () => {
    const [width, height] = [90, 120];
    const ahead = scene(0.3, {
      columns: 300,
      triangle: false,
      value: (query, key) => (query === 7 && key === 280 ? 1 : 0),
    });
    const drawn = denseLevels(ahead, width, height);
    expect(drawn.filter((at) => at === 255)).toHaveLength(0);
    const bright = [...drawn.keys()].filter((at) => drawn[at] === 254);
    expect(bright).toEqual([Math.floor(7 * 0.3) * width + Math.floor(280 * 0.3)]);
  });
});

describe("how far a query reaches", () => {
  it("is itself in a triangle, every key in a rectangle", () => {
    for (const [query, triangle, whole] of [
      [0, 1, 5],
      [3, 4, 5],
      [4, 5, 5],
    ] as const) {
      expect(reach({ triangle: true, columns: 5 }, query)).toBe(triangle);
      expect(reach({ triangle: false, columns: 5 }, query)).toBe(whole);
    }
  });
});
