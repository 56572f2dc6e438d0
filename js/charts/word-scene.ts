// What a grid of words is given to draw, and what it tells: the words between word-grid.ts and whoever
// fills it.

import type { Cell } from "./grid-keys";

export interface WordCell {
  readonly text: string;
  /** CSS colours; an empty fill is one that is not known. */
  readonly fill: string;
  readonly ink: string;
  /** All of it in words. */
  readonly label: string;
  readonly strong: boolean;
  readonly changed: boolean;
  readonly tone: string | null;
  readonly off: boolean;
}

export interface WordColumn {
  readonly text: string;
  readonly title: string;
  readonly special: boolean;
  readonly lit: boolean;
}

export interface WordRow {
  readonly text: string;
  readonly title: string;
}

/** A line around cells, corners counted in cells. */
export interface Outline {
  readonly corners: readonly (readonly [x: number, y: number])[];
  readonly tone: string;
}

export interface WordScene {
  readonly label: string;
  /** Which of several grids this is; empty where there is one. */
  readonly corner: string;
  readonly rows: readonly WordRow[];
  readonly columns: readonly (WordColumn | null)[];
  readonly selected: Cell | null;
  /** Where a drag would drop. */
  readonly target: Cell | null;
  readonly outlines: readonly Outline[];
  readonly height: number;
  /** What the cells depend on: equal stamps, equal cells. */
  readonly stamp: readonly unknown[];
  cell(row: number, column: number): WordCell;
}

export interface WordEvents {
  enter(cell: Cell): void;
  leave(): void;
  press(cell: Cell): void;
  /** A key that is not the grid's own; true when it was used. */
  key(cell: Cell, event: KeyboardEvent): boolean;
  scrolled(): void;
}

export interface Window {
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
}
