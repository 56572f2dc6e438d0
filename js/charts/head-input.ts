// What a person does on a head map, with pointer or keys, made into words: point, press, paint a
// range, ask for the menu, zoom, walk. In: events of a chart's element. Out: `HeadEvents`, the same
// for both drawings of the map.

import { type Cell, type GridShape, move } from "./grid-keys";
import { type HeadEvents, type HeadScene, sameCell } from "./head-grid";

export interface InputOf {
  readonly el: HTMLElement;
  scene(): HeadScene | null;
  /** The cell at a point of the window. */
  hit(x: number, y: number): Cell | null;
  /** The cell that an event came to, where that is an element of its own. */
  cellOf(target: EventTarget | null): Cell | null;
  at(): Cell;
  place(cell: Cell, focus: boolean): void;
}

const JUMP_MS = 1200;
const LONG_PRESS_MS = 500;

/** Cells on the way from one to another, so that a quick hand skips none. */
export function crossed(from: Cell, to: Cell, shape: GridShape): Cell[] {
  const steps = Math.max(Math.abs(to.row - from.row), Math.abs(to.column - from.column));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const share = steps === 0 ? 0 : i / steps;
    return {
      row: Math.round(from.row + (to.row - from.row) * share),
      column: Math.round(from.column + (to.column - from.column) * share),
    };
  }).filter(({ row, column }) => shape.exists(row, column));
}

/** All cells of the rectangle between two. */
export function between(one: Cell, other: Cell, shape: GridShape): Cell[] {
  const cells: Cell[] = [];
  const [top, bottom] = [Math.min(one.row, other.row), Math.max(one.row, other.row)];
  const [left, right] = [Math.min(one.column, other.column), Math.max(one.column, other.column)];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      if (shape.exists(row, column)) cells.push({ row, column });
    }
  }
  return cells;
}

/** Where "5.3" leads: head 3 of layer 5; "5" to the same column of layer 5. */
export function jump(typed: string, at: Cell, scene: HeadScene): Cell | null {
  const found = /^(\d+)(?:\.(\d*))?$/.exec(typed);
  if (!found) return null;
  const row = Number(found[1]);
  const head = found[2] ? Number(found[2]) : null;
  const column =
    head === null
      ? at.column
      : scene.columns.findIndex((one) => one.kind === "head" && one.head === head);
  return scene.shape.exists(row, column) ? { row, column } : null;
}

export class HeadInput {
  #hovered: Cell | null = null;
  /** A drag: where it began, where it is, what it has crossed. */
  #drag: { from: Cell; last: Cell; cells: Map<string, Cell>; pointer: number } | null = null;
  #anchor: Cell | null = null;
  #swallow = false;
  #typed = "";
  #jumping: ReturnType<typeof setTimeout> | undefined;
  #pressing: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly of: InputOf,
    private readonly events: HeadEvents,
    signal: AbortSignal,
  ) {
    const { el } = of;
    el.addEventListener("pointerdown", (event) => this.#down(event));
    el.addEventListener("pointermove", (event) => this.#move(event));
    el.addEventListener("pointerup", () => this.#up());
    el.addEventListener("pointercancel", () => this.#giveUp());
    el.addEventListener("pointerleave", () => this.#hover(null));
    el.addEventListener("click", (event) => this.#click(event));
    el.addEventListener("contextmenu", (event) => this.#menu(event));
    el.addEventListener("keydown", (event) => this.#key(event));
    el.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    el.addEventListener("focusout", ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node && el.contains(relatedTarget))) this.#dropRange();
    });
    // While the button is down the keyboard may be anywhere on the page.
    const stop = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || !this.#drag) return;
      event.stopPropagation();
      event.preventDefault();
      this.#giveUp();
    };
    globalThis.addEventListener?.("keydown", stop, { capture: true, signal });
    signal.addEventListener("abort", () => {
      clearTimeout(this.#jumping);
      clearTimeout(this.#pressing);
    });
  }

  #cellAt(event: MouseEvent): Cell | null {
    return this.of.cellOf(event.target) ?? this.of.hit(event.clientX, event.clientY);
  }

  #down(event: PointerEvent): void {
    clearTimeout(this.#pressing);
    this.#swallow = false;
    const cell = this.#cellAt(event);
    if (!cell || event.button !== 0) return;
    if (event.pointerType === "touch") {
      const at = { x: event.clientX, y: event.clientY };
      this.#pressing = setTimeout(() => {
        this.#swallow = true;
        this.events.menu(cell, at);
      }, LONG_PRESS_MS);
      return;
    }
    if (event.shiftKey || event.ctrlKey || event.metaKey) return;
    const cells = new Map([[nameOf(cell), cell]]);
    this.#drag = { from: cell, last: cell, cells, pointer: event.pointerId };
  }

  #move(event: PointerEvent): void {
    clearTimeout(this.#pressing);
    const drag = this.#drag;
    if (drag && (event.buttons & 1) === 0) {
      this.#giveUp();
      return;
    }
    const cell = drag ? this.of.hit(event.clientX, event.clientY) : this.#cellAt(event);
    this.#hover(cell);
    const scene = this.of.scene();
    if (!drag || !cell || !scene || sameCell(cell, drag.last)) return;
    if (drag.cells.size === 1) this.of.el.setPointerCapture?.(drag.pointer);
    for (const one of crossed(drag.last, cell, scene.shape)) drag.cells.set(nameOf(one), one);
    drag.last = cell;
    this.events.range([...drag.cells.values()]);
  }

  #up(): void {
    clearTimeout(this.#pressing);
    const drag = this.#drag;
    this.#drag = null;
    if (!drag || drag.cells.size < 2) return;
    // The click that follows belongs to the drag.
    this.#swallow = true;
    this.of.place(drag.last, true);
    this.events.commit();
  }

  #giveUp(): void {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag) return;
    this.#swallow = drag.cells.size > 1;
    this.events.range([]);
  }

  #hover(cell: Cell | null): void {
    if (sameCell(cell, this.#hovered)) return;
    this.#hovered = cell;
    if (cell) this.events.enter(cell);
    else this.events.leave();
  }

  #click(event: MouseEvent): void {
    if (this.#swallow) {
      this.#swallow = false;
      return;
    }
    const cell = this.#cellAt(event);
    if (!cell) return;
    this.of.place(cell, true);
    this.events.press(cell, event);
  }

  #menu(event: MouseEvent): void {
    event.preventDefault();
    event.stopPropagation(); // JupyterLab would open its own menu too, and take the focus
    this.#giveUp();
    const cell = this.#cellAt(event);
    if (cell) this.events.menu(cell, { x: event.clientX, y: event.clientY });
  }

  #wheel(event: WheelEvent): void {
    // A pinch comes as a wheel with Ctrl; a wheel alone scrolls.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.events.zoom(event.deltaY < 0 ? 1 : -1, { x: event.clientX, y: event.clientY });
  }

  #key(event: KeyboardEvent): void {
    const scene = this.of.scene();
    if (!scene) return;
    if (this.#does(event, scene)) event.preventDefault();
  }

  /** Does what a key says; false when it says nothing here. */
  #does(event: KeyboardEvent, scene: HeadScene): boolean {
    const { key } = event;
    const at = this.of.at();
    if (key === "ContextMenu" || (key === "F10" && event.shiftKey)) return this.#menuAt(at);
    if (key === "Enter" || key === " ") return this.#press(event, at);
    if (key === "Escape" && this.#anchor) {
      event.stopPropagation();
      this.#dropRange();
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return this.#walk(event, at, scene);
    if (key === "+" || key === "=" || key === "-") {
      this.events.zoom(key === "-" ? -1 : 1, null);
      return true;
    }
    if (/^[\d.]$/.test(key)) return this.#jump(key, at, scene);
    return this.#walk(event, at, scene);
  }

  #walk(event: KeyboardEvent, at: Cell, scene: HeadScene): boolean {
    const next = move(event, at, scene.shape);
    if (next === undefined) return false;
    if (!next) return true;
    const ranging = event.shiftKey && event.key.startsWith("Arrow");
    if (ranging) this.#anchor ??= at;
    else this.#dropRange();
    this.#go(next);
    if (ranging && this.#anchor) this.events.range(between(this.#anchor, next, scene.shape));
    return true;
  }

  #go(cell: Cell): void {
    this.events.walk(cell);
    this.of.place(cell, true);
    this.events.enter(cell);
  }

  #press(event: KeyboardEvent, at: Cell): boolean {
    // A held key would ablate and restore at the keyboard's repeat rate.
    if (event.repeat) return true;
    if (this.#anchor) {
      this.#anchor = null;
      this.events.commit();
    } else this.events.press(at, event);
    // A button clicks by itself when the space bar comes up.
    this.#swallow = event.key === " ";
    if (this.#swallow) {
      const up = (): void => {
        setTimeout(() => {
          this.#swallow = false;
        }, 0);
      };
      this.of.el.addEventListener("keyup", up, { once: true });
    }
    return true;
  }

  #menuAt(cell: Cell): boolean {
    const scene = this.of.scene();
    const target = this.of.el.querySelector("[tabindex='0']");
    const box = (target ?? this.of.el).getBoundingClientRect();
    if (scene) this.events.menu(cell, { x: box.left + box.width / 2, y: box.bottom });
    return true;
  }

  #jump(key: string, at: Cell, scene: HeadScene): boolean {
    clearTimeout(this.#jumping);
    this.#jumping = setTimeout(() => {
      this.#typed = "";
    }, JUMP_MS);
    const typed = this.#typed + key;
    const cell = jump(typed, at, scene) ?? jump(key, at, scene);
    this.#typed = jump(typed, at, scene) || /^\d+\.?$/.test(typed) ? typed : key;
    if (cell) {
      this.#dropRange();
      this.#go(cell);
    }
    return true;
  }

  #dropRange(): void {
    if (!this.#anchor) return;
    this.#anchor = null;
    this.events.range([]);
  }
}

const nameOf = ({ row, column }: Cell): string => `${row}.${column}`;
