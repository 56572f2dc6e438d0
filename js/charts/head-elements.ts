// A head map of real buttons: one per head and MLP, a roving tab stop, values printed where there
// is room. For maps up to a few thousand cells; larger ones are drawn by head-canvas.ts.

import type { Rect } from "./canvas-grid";
import { element, focusedIn, setAttributes, setText } from "./dom";
import { type Cell, firstCell, move } from "./grid-keys";
import {
  cellName,
  type HeadCell,
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
} from "./head-grid";

const ROOM_FOR_TEXT = 38;

interface Drawn {
  button: HTMLButtonElement;
  was: HeadCell | null;
  fill: string;
  label: string;
}

export class HeadElements implements HeadChart {
  readonly el = element("div", { class: "mw-head-grid", role: "grid" });
  #scene: HeadScene | null = null;
  #layout = "";
  #cells = new Map<string, Drawn>();
  #at: Cell = { row: 0, column: 0 };

  constructor(private readonly events: HeadEvents) {
    this.el.addEventListener("keydown", (event) => this.#key(event));
    this.el.addEventListener("click", (event) => {
      const cell = this.#cellOf(event.target);
      if (cell) this.events.press(cell, event);
    });
    // Not `pointerover`: that also comes when the page moves under a pointer at rest, and would take
    // the preview away from the keyboard.
    this.el.addEventListener("pointermove", (event) => {
      const cell = this.#cellOf(event.target);
      if (cell) this.events.enter(cell);
    });
    this.el.addEventListener("pointerleave", () => this.events.leave());
    this.el.addEventListener("focusin", (event) => {
      const cell = this.#cellOf(event.target);
      if (!cell) return;
      this.#rove(cell);
      this.events.enter(cell);
    });
    this.el.addEventListener("focusout", () => this.events.leave());
  }

  draw(scene: HeadScene): void {
    const layout = this.#layoutOf(scene);
    this.#scene = scene;
    if (layout !== this.#layout) this.#build(scene, layout);
    setAttributes(this.el, { "aria-label": scene.label });
    for (const [key, drawn] of this.#cells) {
      const [row, column] = key.split(".").map(Number) as [number, number];
      paint(drawn, scene.cell(row, column), scene);
      write(drawn, { row, column }, scene);
    }
  }

  #layoutOf({ shape, heads, size }: HeadScene): string {
    const holes: string[] = [];
    for (let row = 0; row < shape.rows; row++) {
      for (let column = 0; column <= heads; column++) {
        if (!shape.exists(row, column)) holes.push(`${row}.${column}`);
      }
    }
    return `${shape.rows} ${heads} ${size} ${holes.join(" ")}`;
  }

  #build(scene: HeadScene, layout: string): void {
    const focused = this.#cellOf(focusedIn(this.el));
    this.#layout = layout;
    this.#cells.clear();
    const { shape, size } = scene;
    const geometry = headGeometry(scene);
    setAttributes(this.el, { "aria-rowcount": shape.rows, "aria-colcount": shape.columns });
    setAttributes(this.el, {
      "data-room": size >= ROOM_FOR_TEXT ? "text" : size < 12 ? "tiny" : null,
    });
    this.el.style.width = `${geometry.width}px`;
    this.el.style.height = `${geometry.height}px`;
    this.el.style.setProperty("--mw-cell", `${size}px`);
    const rows: HTMLElement[] = [];
    for (let row = 0; row < shape.rows; row++) {
      const line = element("div", { role: "row", "aria-rowindex": row + 1 });
      for (let column = 0; column < shape.columns; column++) {
        if (!shape.exists(row, column)) continue;
        const button = cellButton(row, column, scene.heads, geometry.rect(row, column));
        this.#cells.set(`${row}.${column}`, { button, was: null, fill: "", label: "" });
        line.append(element("div", { role: "gridcell", "aria-colindex": column + 1 }, button));
      }
      rows.push(line);
    }
    this.el.replaceChildren(...rows);
    if (!this.#button(this.#at)) this.#at = firstCell(shape) ?? this.#at;
    this.#rove(this.#at);
    if (focused) this.#button(focused)?.focus({ preventScroll: true });
  }

  #button(cell: Cell): HTMLButtonElement | undefined {
    return this.#cells.get(`${cell.row}.${cell.column}`)?.button;
  }

  #cellOf(target: EventTarget | null): Cell | null {
    const button = target instanceof Element ? target.closest<HTMLElement>("[data-cell]") : null;
    if (!button || !this.el.contains(button)) return null;
    const [row, column] = (button.dataset.cell ?? "").split(".").map(Number);
    return row === undefined || column === undefined ? null : { row, column };
  }

  #rove(cell: Cell): void {
    this.#button(this.#at)?.setAttribute("tabindex", "-1");
    this.#at = cell;
    this.#button(cell)?.setAttribute("tabindex", "0");
  }

  #key(event: KeyboardEvent): void {
    const cell = this.#cellOf(event.target);
    if (!cell || !this.#scene) return;
    // A held key would ablate and restore at the keyboard's repeat rate.
    if ((event.key === "Enter" || event.key === " ") && event.repeat) event.preventDefault();
    const next = move(event, cell, this.#scene.shape);
    if (next === undefined) return;
    event.preventDefault();
    if (next) this.#button(next)?.focus();
  }
}

function cellButton(row: number, column: number, heads: number, rect: Rect): HTMLButtonElement {
  const node = element("button", {
    type: "button",
    class: "mw-cell",
    tabindex: -1,
    "data-cell": `${row}.${column}`,
    "data-testid": cellName(row, column, heads),
  });
  node.style.left = `${rect.x}px`;
  node.style.top = `${rect.y}px`;
  node.style.width = `${rect.width}px`;
  node.style.height = `${rect.height}px`;
  return node;
}

function paint(drawn: Drawn, now: HeadCell, scene: HeadScene): void {
  const { button, was } = drawn;
  const fill = scene.ramp[now.level] ?? "";
  if (fill !== drawn.fill || !was) {
    drawn.fill = fill;
    button.style.backgroundColor = fill;
    button.toggleAttribute("data-unknown", fill === "");
  }
  const same =
    was &&
    was.mark === now.mark &&
    was.tone === now.tone &&
    was.glyph === now.glyph &&
    was.pending === now.pending &&
    was.locked === now.locked &&
    was.lit === now.lit;
  if (!same) {
    setAttributes(button, {
      "aria-pressed": String(now.mark === "whole"),
      "data-mark": now.mark,
      "data-tone": now.tone,
      "data-glyph": now.glyph || null,
      "data-pending": now.pending,
      "data-locked": now.locked,
      "data-lit": now.lit,
    });
  }
  drawn.was = now;
}

function write(drawn: Drawn, cell: Cell, scene: HeadScene): void {
  const label = scene.describe(cell);
  if (label !== drawn.label) {
    drawn.label = label;
    setAttributes(drawn.button, { "aria-label": label });
  }
  if (scene.size < ROOM_FOR_TEXT) return;
  const { text, ink } = scene.print(cell);
  setText(drawn.button, text);
  drawn.button.style.color = ink;
}
