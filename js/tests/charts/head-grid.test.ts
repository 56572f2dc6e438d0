import { describe, expect, it } from "vitest";
import { cellSize, headGeometry, type MapColumn } from "../../charts/head-grid";
import { between, crossed } from "../../charts/head-input";

const columns = (heads: number, group = 4): MapColumn[] => [
  { kind: "residual", head: 0, group: 0 },
  ...Array.from({ length: heads }, (_, head) => ({
    kind: "head" as const,
    head,
    group: Math.floor(head / group),
  })),
  { kind: "mlp", head: 0, group: 0 },
  { kind: "layer", head: 0, group: 0 },
];
const shape = (rows: number, count: number) => ({ rows, columns: count, exists: () => true });

describe("where the cells lie", () => {
  it.each([3, 5, 12, 24, 48])("every cell is hit where it is drawn, at %i pixels", (size) => {
    const all = columns(8);
    const geometry = headGeometry({ shape: shape(5, all.length), columns: all, size });
    for (let row = 0; row < 5; row++) {
      for (let column = 0; column < all.length; column++) {
        const { x, y, width, height } = geometry.rect(row, column);
        expect(geometry.hit(x + width / 2, y + height / 2)).toEqual({ row, column });
        expect(x + width).toBeLessThanOrEqual(geometry.width);
      }
    }
    expect(geometry.hit(-1, 0)).toBeNull();
    expect(geometry.hit(0, geometry.height)).toBeNull();
  });

  it("cells do not lie over each other, and groups stand apart", () => {
    const all = columns(8, 4);
    const { rect } = headGeometry({ shape: shape(1, all.length), columns: all, size: 24 });
    const steps = all.slice(1).map((_, at) => rect(0, at + 1).x - rect(0, at).x);
    for (let at = 1; at < all.length; at++)
      expect(rect(0, at).x).toBeGreaterThanOrEqual(rect(0, at - 1).x + rect(0, at - 1).width);
    expect(steps[4]).toBeGreaterThan(steps[3] as number);
  });

  it("4 × 4 is large, 12 × 12 comfortable, 80 × 64 still fits", () => {
    const fit = (rows: number, heads: number, width: number) =>
      cellSize({ width, height: Math.max(320, rows * 5) }, rows, columns(heads, 8));
    expect(fit(4, 4, 330)).toBeGreaterThanOrEqual(38);
    expect(fit(12, 12, 410)).toBeGreaterThanOrEqual(20);
    expect(fit(80, 64, 430)).toBeGreaterThanOrEqual(4);
  });
});

describe("ranges", () => {
  it("a quick hand skips no row and no column", () => {
    const cells = crossed({ row: 0, column: 0 }, { row: 3, column: 9 }, shape(10, 10));
    expect(cells).toHaveLength(10);
    expect(cells.at(-1)).toEqual({ row: 3, column: 9 });
    cells.slice(1).forEach((cell, i) => {
      const before = cells[i] ?? cell;
      expect(Math.abs(cell.row - before.row)).toBeLessThanOrEqual(1);
      expect(cell.column - before.column).toBe(1);
    });
  });

  it("a rectangle has all of its cells that exist, from whichever corner", () => {
    const holed = { rows: 4, columns: 4, exists: (row: number) => row !== 1 };
    const cells = between({ row: 2, column: 3 }, { row: 0, column: 2 }, holed);
    expect(cells).toHaveLength(4);
  });
});
