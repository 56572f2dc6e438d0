// What the two drawings of a head map (elements for small ones, a canvas for large ones) share:
// the scene that they draw and where each cell lies. Rows are layers, columns heads, and the last
// column is the MLP, set a little apart.

import type { Geometry, GridEvents, Rect } from "./canvas-grid";
import type { Cell, GridShape } from "./grid-keys";

/** What a person did to a cell: ablated all of it or a part (positions, neurons), edited it in some
 * other way, or has switched that off. */
export type Mark = "whole" | "part" | "edit" | "off";

/** One colour each, the same everywhere: what is taken out, brought in from another run, or moved;
 * ink where there are several. */
export type Tone = "ablate" | "patch" | "steer" | "mixed";

export interface HeadCell {
  /** Ramp level, -1 where the number is not known. */
  level: number;
  mark: Mark | null;
  tone: Tone | null;
  /** The kind of edit as one character; none for an ablation, which is a strike. */
  glyph: string;
  pending: boolean;
  locked: boolean;
  lit: boolean;
}

export interface HeadScene {
  label: string;
  shape: GridShape;
  heads: number;
  size: number;
  ramp: readonly string[];
  cell(row: number, column: number): HeadCell;
  /** All of a cell in words. */
  describe(cell: Cell): string;
  /** The value as it is printed in a cell with room for it, and a colour that reads on its fill. */
  print(cell: Cell): { text: string; ink: string };
}

export interface HeadChart {
  readonly el: HTMLElement;
  draw(scene: HeadScene): void;
}

export type HeadEvents = GridEvents;

export const MOST_ELEMENTS = 2500;
const MLP_GAP = 8;

export const gap = (size: number): number => (size >= 12 ? 2 : size >= 6 ? 1 : 0);

export const mlpWidth = (size: number): number =>
  Math.max(18, Math.min(44, Math.round(size * 1.4)));

/** The cell size that fills the room without growing past what reads well. */
export function cellSize(
  room: { width: number; height: number },
  rows: number,
  heads: number,
): number {
  // The MLP column is a good head wide, up to its own limit.
  const across = Math.max(
    (room.width - MLP_GAP) / (heads + 1.5),
    (room.width - MLP_GAP - mlpWidth(48)) / Math.max(1, heads),
  );
  const down = room.height / Math.max(1, rows);
  return Math.max(3, Math.min(48, Math.floor(Math.min(across, down))));
}

/** The name by which tests and people's scripts find a cell. */
export const cellName = (row: number, column: number, heads: number): string =>
  column < heads ? `mw-cell-${row}-${column}` : `mw-mlp-${row}`;

export function headGeometry(scene: Pick<HeadScene, "shape" | "heads" | "size">): Geometry {
  const { shape, heads, size } = scene;
  const inset = gap(size);
  const mlpLeft = heads * size + (heads > 0 ? MLP_GAP : 0);
  const rect = (row: number, column: number): Rect => ({
    x: column < heads ? column * size : mlpLeft,
    y: row * size,
    width: (column < heads ? size : mlpWidth(size)) - inset,
    height: size - inset,
  });
  const hit = (x: number, y: number): Cell | null => {
    const row = Math.floor(y / size);
    const column = x >= mlpLeft ? heads : Math.min(heads - 1, Math.floor(x / size));
    const inside = row >= 0 && row < shape.rows && x >= 0 && x < mlpLeft + mlpWidth(size);
    return inside && column >= 0 && shape.exists(row, column) ? { row, column } : null;
  };
  return { width: mlpLeft + mlpWidth(size), height: shape.rows * size, rect, hit };
}
