// How large the cells of the head map are: as large as its pane allows, or as a person wants them,
// and then the map scrolls in the same room. In: the room and the model. Out: a size and a window.

import type { Cell } from "../charts/grid-keys";
import { cellSize, headGeometry, LARGEST, ROOM_FOR_TEXT } from "../charts/head-grid";
import type { MapColumns } from "./map-columns";

const AXIS_WIDTH = 22;
const USUAL_WIDTH = 330;
const STEP = 1.5;
const COMFORTABLE = 34; // cells that need no zoom

/** How wide the map would like its column to be. */
export const wishedWidth = (heads: number): number =>
  Math.min(480, Math.max(340, heads * 22 + 150));

export class MapZoom {
  #columns: MapColumns | null = null;
  #fit = LARGEST;
  #wanted: number | null = null;
  #width = USUAL_WIDTH;
  #room = { width: USUAL_WIDTH, height: 320 };
  /** A point of the map that is to stay where it is in the window, as shares of the map. */
  #anchor: { across: number; down: number; x: number; y: number } | null = null;

  /** A few layers take large cells, a dozen comfortable ones, eighty what there is. */
  fit(width: number, columns: MapColumns): void {
    const { rows } = columns.shape;
    if (columns !== this.#columns) this.#wanted = null;
    this.#columns = columns;
    // While a host changes its theme, or hides the cell, nothing has a width: it keeps its last.
    if (width > 0) this.#width = width;
    this.#room = { width: this.#width - AXIS_WIDTH, height: Math.max(320, rows * 5) };
    this.#fit = cellSize(this.#room, rows, columns.columns);
  }

  get size(): number {
    return Math.max(this.#fit, Math.min(LARGEST, this.#wanted ?? this.#fit));
  }

  /** The window that the map is seen through: all of it at first, the same room afterwards. */
  get view(): { width: number; height: number } {
    const { width, height } = this.#geometry(this.size);
    const whole = this.#geometry(this.#fit);
    return {
      width: Math.min(width, Math.max(whole.width, this.#room.width - 16)),
      height: Math.min(height, Math.max(whole.height, Math.min(this.#room.height, 480))),
    };
  }

  get hasRoomForNumbers(): boolean {
    return this.size >= ROOM_FOR_TEXT;
  }

  makeRoomForNumbers(): void {
    this.#wanted = ROOM_FOR_TEXT + 2;
  }

  /** The size one step nearer or further; null where there is none. */
  step(direction: 1 | -1): number | null {
    const { size } = this;
    if (this.#fit >= COMFORTABLE && this.#wanted === null) return null;
    if (direction === 1) return size < LARGEST ? Math.min(LARGEST, Math.ceil(size * STEP)) : null;
    return size > this.#fit ? Math.max(this.#fit, Math.floor(size / STEP)) : null;
  }

  /** Goes one step; false where there is none. What is at the point stays there. */
  by(direction: 1 | -1, at: { x: number; y: number } | null, scroller: HTMLElement): boolean {
    const next = this.step(direction);
    if (next === null) return false;
    const box = scroller.getBoundingClientRect();
    const { width, height } = this.#geometry(this.size);
    const x = at ? at.x - box.left : scroller.clientWidth / 2;
    const y = at ? at.y - box.top : scroller.clientHeight / 2;
    const [across, down] = [(scroller.scrollLeft + x) / width, (scroller.scrollTop + y) / height];
    this.#anchor = { across, down, x, y };
    this.#wanted = next;
    return true;
  }

  /** Once the map has its new size: scrolls to where it was looked at. */
  settle(scroller: HTMLElement): void {
    const anchor = this.#anchor;
    if (!anchor) return;
    this.#anchor = null;
    const { width, height } = this.#geometry(this.size);
    scroller.scrollLeft = anchor.across * width - anchor.x;
    scroller.scrollTop = anchor.down * height - anchor.y;
  }

  /** Scrolls as little as it takes for all of a cell to be seen. */
  reveal(cell: Cell, scroller: HTMLElement): void {
    if (this.size === this.#fit || !this.#columns) return;
    const { x, y, width, height } = this.#geometry(this.size).rect(cell.row, cell.column);
    const view = { width: scroller.clientWidth, height: scroller.clientHeight };
    if (x < scroller.scrollLeft) scroller.scrollLeft = x - 2;
    else if (x + width > scroller.scrollLeft + view.width) {
      scroller.scrollLeft = x + width - view.width + 2;
    }
    if (y < scroller.scrollTop) scroller.scrollTop = y - 2;
    else if (y + height > scroller.scrollTop + view.height) {
      scroller.scrollTop = y + height - view.height + 2;
    }
  }

  #geometry(size: number): ReturnType<typeof headGeometry> {
    const { shape, columns } = this.#columns ?? EMPTY;
    return headGeometry({ shape, columns, size });
  }
}

const EMPTY = { shape: { rows: 0, columns: 0, exists: () => false }, columns: [] };
