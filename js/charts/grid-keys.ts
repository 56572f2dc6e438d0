// Where the arrow keys lead on a grid that may have holes: a pure function from a key and a cell
// to the next cell, shared by the head map and the attention matrix.

export interface Cell {
  row: number;
  column: number;
}

export interface GridShape {
  rows: number;
  columns: number;
  exists(row: number, column: number): boolean;
}

const STEPS: Record<string, readonly [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

const PAGE = 10;

/** The first cell that exists, walking from `at` (inclusive) by `step` until the edge. */
function walk(shape: GridShape, at: Cell, step: readonly [number, number]): Cell | null {
  let { row, column } = at;
  while (row >= 0 && column >= 0 && row < shape.rows && column < shape.columns) {
    if (shape.exists(row, column)) return { row, column };
    row += step[0];
    column += step[1];
  }
  return null;
}

function page(shape: GridShape, at: Cell, direction: 1 | -1): Cell | null {
  const row = Math.max(0, Math.min(shape.rows - 1, at.row + direction * PAGE));
  return walk(shape, { row, column: at.column }, [-direction, 0]);
}

/** The cell that a key leads to, `null` when it leads nowhere, `undefined` when it is not ours. */
export function move(
  event: { key: string; ctrlKey?: boolean; metaKey?: boolean },
  at: Cell,
  shape: GridShape,
): Cell | null | undefined {
  const step = STEPS[event.key];
  const corner = event.ctrlKey || event.metaKey;
  if (step) {
    return corner
      ? undefined
      : walk(shape, { row: at.row + step[0], column: at.column + step[1] }, step);
  }
  switch (event.key) {
    case "Home":
      return corner ? firstCell(shape) : walk(shape, { row: at.row, column: 0 }, [0, 1]);
    case "End":
      return corner
        ? lastCell(shape)
        : walk(shape, { row: at.row, column: shape.columns - 1 }, [0, -1]);
    case "PageUp":
      return page(shape, at, -1);
    case "PageDown":
      return page(shape, at, 1);
    default:
      return undefined;
  }
}

export function firstCell(shape: GridShape): Cell | null {
  for (let row = 0; row < shape.rows; row++) {
    const cell = walk(shape, { row, column: 0 }, [0, 1]);
    if (cell) return cell;
  }
  return null;
}

function lastCell(shape: GridShape): Cell | null {
  for (let row = shape.rows - 1; row >= 0; row--) {
    const cell = walk(shape, { row, column: shape.columns - 1 }, [0, -1]);
    if (cell) return cell;
  }
  return null;
}
