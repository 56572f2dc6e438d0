// What the two drawings of a head map (elements for small ones, canvases for large ones) share: the
// scene that they draw and where each cell lies. Rows are layers; columns the residual stream as a
// lane, the heads, and a little apart the wholes (attention, MLP, layer).

import type { Geometry, Rect } from "./canvas-grid";
import type { Cell, GridShape } from "./grid-keys";

/** What a person did to a cell: ablated all of it or a part (positions, neurons), edited it in some
 * other way, or has switched that off. */
export type Mark = "whole" | "part" | "edit" | "off";

/** One colour each, the same everywhere: what is taken out, brought in from another run, or moved;
 * ink where there are several. */
export type Tone = "ablate" | "patch" | "steer" | "mixed";

export type ColumnKind = "residual" | "head" | "attention" | "mlp" | "layer";

export interface MapColumn {
  readonly kind: ColumnKind;
  readonly head: number;
  /** Heads of one group share keys and values, and stand closer together. */
  readonly group: number;
}

export interface HeadCell {
  /** Ramp level, -1 where the number is not known. */
  level: number;
  mark: Mark | null;
  tone: Tone | null;
  /** The kind of edit as one character; none for an ablation, which is a strike. */
  glyph: string;
  pending: boolean;
  /** In the range that is being painted. */
  painted: boolean;
}

export interface HeadScene {
  label: string;
  shape: GridShape;
  columns: readonly MapColumn[];
  size: number;
  /** How much of the map is to be seen at once. */
  view: { width: number; height: number };
  ramp: readonly string[];
  /** Equal stamps make equal pictures, but for what is lit and locked. */
  stamp: readonly unknown[];
  lit: Cell | null;
  locked: Cell | null;
  prints: boolean;
  cell(row: number, column: number): HeadCell;
  /** All of a cell in words. */
  describe(cell: Cell): string;
  /** The value as it is printed in a cell with room for it, and a colour that reads on its fill. */
  print(cell: Cell): { text: string; ink: string };
}

/** What a person does on a map, with pointer or keys. */
export interface HeadEvents {
  enter(cell: Cell): void;
  leave(): void;
  /** The keyboard goes there: it has to be seen. */
  walk(cell: Cell): void;
  press(cell: Cell, event: MouseEvent | KeyboardEvent): void;
  /** The cells that a drag has crossed, or that Shift and arrows have taken in; none: given up. */
  range(cells: readonly Cell[]): void;
  /** The range is to be edited. */
  commit(): void;
  menu(cell: Cell, at: { x: number; y: number }): void;
  /** Closer, or further away, around a point of the window. */
  zoom(direction: 1 | -1, at: { x: number; y: number } | null): void;
}

export interface HeadChart {
  readonly el: HTMLElement;
  draw(scene: HeadScene): void;
  /** Moves the keyboard's place there; with the focus where it is wanted. */
  place(cell: Cell, focus: boolean): void;
  /** The map was scrolled. */
  scrolled(): void;
}

export const MOST_ELEMENTS = 1200;
export const ROOM_FOR_TEXT = 38;
export const LARGEST = 48;
export const SMALLEST = 3;

export const gap = (size: number): number => (size >= 12 ? 2 : size >= 6 ? 1 : 0);

const sectionGap = (size: number): number => (size >= 12 ? 8 : 4);
const groupGap = (size: number): number => (size >= 12 ? 4 : size >= 5 ? 2 : 1);

function widthOf(kind: ColumnKind, size: number): number {
  if (kind === "head") return size;
  if (kind === "residual") return Math.max(7, Math.min(14, Math.round(size * 0.4)));
  return Math.max(9, Math.min(38, Math.round(size * 0.82)));
}

/** Where each column begins, and where the last one ends. */
function edges(columns: readonly MapColumn[], size: number): { lefts: number[]; width: number } {
  const lefts: number[] = [];
  let x = 0;
  columns.forEach((column, i) => {
    const before = columns[i - 1];
    if (before) {
      const apart = before.kind !== column.kind && (isLane(before) || before.kind === "head");
      if (apart) x += sectionGap(size);
      else if (before.group !== column.group) x += groupGap(size);
    }
    lefts.push(x);
    x += widthOf(column.kind, size);
  });
  return { lefts, width: x };
}

const isLane = ({ kind }: MapColumn): boolean => kind === "residual";

/** The cell size that fills the room without growing past what reads well. */
export function cellSize(
  room: { width: number; height: number },
  rows: number,
  columns: readonly MapColumn[],
): number {
  for (let size = LARGEST; size > SMALLEST; size--) {
    if (rows * size <= room.height && edges(columns, size).width <= room.width) return size;
  }
  return SMALLEST;
}

const NAMES: Record<ColumnKind, string> = {
  residual: "mw-stream",
  head: "mw-cell",
  attention: "mw-attn",
  mlp: "mw-mlp",
  layer: "mw-layer",
};

/** The name by which tests and people's scripts find a cell. */
export function cellName({ row, column }: Cell, columns: readonly MapColumn[]): string {
  const { kind, head } = columns[column] ?? { kind: "head", head: 0 };
  return kind === "head" ? `${NAMES.head}-${row}-${head}` : `${NAMES[kind]}-${row}`;
}

type Shown = Pick<HeadScene, "shape" | "columns" | "size">;

export function headGeometry({ shape, columns, size }: Shown): Geometry {
  const inset = gap(size);
  const { lefts, width } = edges(columns, size);
  const rect = (row: number, column: number): Rect => {
    const kind = columns[column]?.kind ?? "head";
    const lane = kind === "residual";
    return {
      x: lefts[column] ?? 0,
      y: row * size,
      width: widthOf(kind, size) - (lane ? 0 : inset),
      height: size - inset,
    };
  };
  const hit = (x: number, y: number): Cell | null => {
    const row = Math.floor(y / size);
    let column = lefts.length - 1;
    while (column > 0 && x < (lefts[column] ?? 0)) column--;
    const inside = row >= 0 && row < shape.rows && x >= 0 && x < width;
    return inside && shape.exists(row, column) ? { row, column } : null;
  };
  return { width, height: shape.rows * size, rect, hit };
}

/** The first cell that a person comes to with the keyboard: the first head, where there is one. */
export function startOf({ shape, columns }: Pick<HeadScene, "shape" | "columns">): Cell {
  const order = columns.map((column, at) => ({ at, lane: isLane(column) }));
  for (const lane of [false, true]) {
    for (let row = 0; row < shape.rows; row++) {
      const found = order.find((one) => one.lane === lane && shape.exists(row, one.at));
      if (found) return { row, column: found.at };
    }
  }
  return { row: 0, column: 0 };
}

export const sameCell = (one: Cell | null, other: Cell | null): boolean =>
  one?.row === other?.row && one?.column === other?.column;

/** Layers that have no heads where others do: gaps in the map, by design. */
export function gapRows({ shape, columns }: Pick<HeadScene, "shape" | "columns">): number[] {
  const first = columns.findIndex(({ kind }) => kind === "head");
  if (first < 0) return [];
  return Array.from({ length: shape.rows }, (_, row) => row).filter(
    (row) => !shape.exists(row, first),
  );
}

export function sameStamp(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, i) => Object.is(value, other[i]));
}
