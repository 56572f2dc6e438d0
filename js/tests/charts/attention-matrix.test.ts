import { describe, expect, it } from "vitest";
import { squareSize, thinned } from "../../charts/attention-matrix";
import { ZERO_LEVEL } from "../../charts/colour";
import { denseLevels } from "../../charts/matrix-paint";

const ROOM = { width: 520, height: 480 };

describe("the size of a square", () => {
  it("fits the room for 3, 15, 300 and 3000 tokens and never grows past what reads well", () => {
    for (const n of [1, 3, 15, 60]) {
      const size = squareSize(n, ROOM);
      expect(Number.isInteger(size)).toBe(true);
      expect(size).toBeLessThanOrEqual(28);
      expect(n * size).toBeLessThanOrEqual(ROOM.width);
    }
    expect(squareSize(300, ROOM) * 300).toBeCloseTo(420, 5);
    expect(squareSize(3000, ROOM)).toBeGreaterThan(0);
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
  const levels = (side: number) =>
    denseLevels(
      {
        n,
        size: side / n,
        scale: "ink",
        theme: "light",
        max: 1,
        value: (query, key) => (query === 301 && key === 57 ? 1 : 0),
      },
      side,
    );

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
});
