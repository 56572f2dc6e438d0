import { describe, expect, it } from "vitest";
import {
  colour,
  contrast,
  gradient,
  inkOn,
  LEVELS,
  level,
  levelColour,
  ramp,
  type Scale,
  type Theme,
  ZERO_LEVEL,
} from "../../charts/colour";

const THEMES: Theme[] = ["light", "dark"];
const SCALES: Scale[] = ["diverging", "sequential", "ink"];
const VALUES = Array.from({ length: 201 }, (_, i) => (i - 100) / 50);

describe.each(THEMES)("the ramps in the %s theme", (theme) => {
  it.each(SCALES)("show zero as the same neutral (%s)", (scale) => {
    expect(colour(0, 2, scale, theme)).toBe(colour(0, 2, "diverging", theme));
    expect(colour(-0, 2, scale, theme)).toBe(colour(0, 7, scale, theme));
  });

  it.each(SCALES)("leave the neutral further the larger a number is (%s)", (scale) => {
    const zero = levelColour(ZERO_LEVEL, scale, theme);
    for (const side of [1, -1]) {
      let before = 1;
      for (let step = 0; step <= ZERO_LEVEL; step++) {
        const now = contrast(levelColour(ZERO_LEVEL + side * step, scale, theme), zero);
        expect(now).toBeGreaterThanOrEqual(before - 0.02);
        before = now;
      }
      expect(before).toBeGreaterThan(3);
    }
  });

  it("tell a rise from a fall, also without red and green", () => {
    const blue = levelColour(0, "diverging", theme);
    const orange = levelColour(LEVELS - 1, "diverging", theme);
    expect(blue[2] - blue[0]).toBeGreaterThan(80);
    expect(orange[0] - orange[2]).toBeGreaterThan(80);
  });

  it("write values on their fill so that they can be read", () => {
    for (const value of VALUES) {
      const fill = levelColour(level(value, 2), "diverging", theme);
      const ink = (inkOn(value, 2, "diverging", theme).match(/\d+/g) ?? []).map(Number);
      expect(contrast(fill, ink as [number, number, number])).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("have a legend that starts, crosses zero and ends where the cells do", () => {
    const stops = gradient("diverging", theme, -2, 2).match(/rgb\([^)]*\)/g) ?? [];
    expect(stops[0]).toBe(colour(-2, 2, "diverging", theme));
    expect(stops[(stops.length - 1) / 2]).toBe(colour(0, 2, "diverging", theme));
    expect(stops.at(-1)).toBe(colour(2, 2, "diverging", theme));
  });
});

describe("levels", () => {
  it("are symmetric about zero, ordered, and stay on the ramp", () => {
    let before = -1;
    for (const value of VALUES) {
      const now = level(value, 1.3);
      expect(level(-value, 1.3)).toBe(2 * ZERO_LEVEL - now);
      expect(now).toBeGreaterThanOrEqual(before);
      expect(now).toBeLessThan(LEVELS);
      before = now;
    }
  });

  it("tell an unknown number from zero", () => {
    expect(level(Number.NaN, 1)).toBe(-1);
    expect(colour(Number.NaN, 1, "diverging", "light")).toBeNull();
    expect(level(0, 0)).toBe(ZERO_LEVEL);
  });

  it("make one ramp per scale and theme", () => {
    expect(ramp("ink", "dark")).toBe(ramp("ink", "dark"));
    expect(new Set(ramp("diverging", "light")).size).toBeGreaterThan(200);
  });
});
