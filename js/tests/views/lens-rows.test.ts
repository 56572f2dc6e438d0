import { describe, expect, it } from "vitest";
import { changeOf, printed, printedChange, shadingOf } from "../../views/lens-measures";
import { coneCorners, depthChoices, rowOf, usualDepth } from "../../views/lens-rows";
import { ROWS } from "./lens-kernel";

describe("measures", () => {
  it("prints every measure with its unit and has ranks on a log scale", () => {
    expect(printed("final_rank", 1234)).toBe("rank 1,234");
    expect(printed("entropy", 1.5)).toBe("1.50 nats");
    expect(printed("logit_diff", -2)).toBe("−2.00 logits");
    expect(printedChange("answer_rank", 100, 1)).toBe("rank 100 → 1");
    expect(changeOf("answer_rank", 100, 1)).toBeCloseTo(2);
    const { shade } = shadingOf("final_rank", 10_000, 1);
    expect([1, 100, 10_000].map(shade)).toEqual([1, 0.5, 0]);
    expect(shadingOf("kl", 1000, 1).shade(100)).toBe(1);
  });
});

describe("rows and cones", () => {
  it("thins deep models and offers the steps", () => {
    expect(usualDepth(12)).toBe("layers");
    expect(usualDepth(80)).toBe("every 4");
    expect(depthChoices(80).map(([name]) => name)).toContain("every 8");
    expect(depthChoices(4)).toHaveLength(2);
  });

  it("finds the stream before a layer after the last one", () => {
    expect(rowOf(ROWS, { type: "residual", layer: 1 })).toBe(1);
    expect(rowOf(ROWS, { type: "residual", layer: 0 })).toBe(0);
    expect(rowOf(ROWS, { type: "residual", layer: 0, end: "mid" })).toBe(-1);
    expect(rowOf(ROWS, { type: "mlp", layer: 0 })).toBe(-1);
  });

  it("draws what can change as corners", () => {
    const size = { rows: 3, columns: 4 };
    const area = (corners: [number, number][]): number =>
      Math.abs(
        corners.reduce((sum, [x, y], i) => {
          const [nx, ny] = corners[(i + 1) % corners.length] ?? [0, 0];
          return sum + (x * ny - nx * y) / 2;
        }, 0),
      );
    const cone = (spread: number, both_ways = false) => ({ spread, both_ways });
    expect(area(coneCorners(cone(2), 1, 1, size))).toBe(1 + 3);
    expect(area(coneCorners(cone(3), 1, 1, size))).toBe(2);
    expect(area(coneCorners(cone(1, true), 0, 2, size))).toBe(1 + 8);
    expect(area(coneCorners(cone(1), 1, 1, size))).toBe(6);
  });
});
