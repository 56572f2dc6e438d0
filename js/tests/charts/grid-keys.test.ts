import { describe, expect, it } from "vitest";
import { firstCell, type GridShape, move } from "../../charts/grid-keys";

const triangle: GridShape = { rows: 5, columns: 5, exists: (row, column) => column <= row };
// Layer 1 has no heads at all, only the MLP in the last column.
const holes: GridShape = {
  rows: 3,
  columns: 4,
  exists: (row, column) => row !== 1 || column === 3,
};
const press = (key: string, shape: GridShape, row: number, column: number, ctrlKey = false) =>
  move({ key, ctrlKey }, { row, column }, shape);

describe("keys on a grid", () => {
  it("step to the neighbour and stop at the edge", () => {
    expect(press("ArrowDown", triangle, 1, 1)).toEqual({ row: 2, column: 1 });
    expect(press("ArrowLeft", triangle, 1, 1)).toEqual({ row: 1, column: 0 });
    expect(press("ArrowLeft", triangle, 1, 0)).toBeNull();
  });

  it("never enter what does not exist", () => {
    expect(press("ArrowRight", triangle, 2, 2)).toBeNull();
    expect(press("ArrowUp", triangle, 2, 2)).toBeNull();
    expect(press("ArrowDown", holes, 0, 1)).toEqual({ row: 2, column: 1 });
    expect(press("ArrowDown", holes, 0, 3)).toEqual({ row: 1, column: 3 });
  });

  it("go to the ends of the row and, with Ctrl, of the grid", () => {
    expect(press("End", triangle, 3, 1)).toEqual({ row: 3, column: 3 });
    expect(press("Home", holes, 1, 3)).toEqual({ row: 1, column: 3 });
    expect(press("Home", triangle, 3, 1, true)).toEqual({ row: 0, column: 0 });
    expect(press("End", triangle, 3, 1, true)).toEqual({ row: 4, column: 4 });
  });

  it("page within the grid, landing on something", () => {
    expect(press("PageDown", triangle, 1, 0)).toEqual({ row: 4, column: 0 });
    expect(press("PageUp", triangle, 4, 3)).toEqual({ row: 3, column: 3 });
  });

  it("leave other keys alone", () => {
    expect(press("a", triangle, 0, 0)).toBeUndefined();
    expect(press("ArrowDown", triangle, 0, 0, true)).toBeUndefined();
  });

  it("start at the first cell that exists", () => {
    expect(firstCell({ rows: 2, columns: 2, exists: (row) => row === 1 })).toEqual({
      row: 1,
      column: 0,
    });
    expect(firstCell({ rows: 2, columns: 2, exists: () => false })).toBeNull();
  });
});
