// A head map of real buttons: one per cell, a roving tab stop, values printed where there is room.
// For maps up to a thousand cells; larger ones are drawn by head-canvas.ts.

import type { Rect } from "./canvas-grid";
import { element, focusedIn, setAttributes, setText } from "./dom";
import type { Cell } from "./grid-keys";
import {
  cellName,
  gapRows,
  type HeadCell,
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
  ROOM_FOR_TEXT,
  sameCell,
  sameStamp,
  startOf,
} from "./head-grid";
import { HeadInput } from "./head-input";

interface Drawn {
  button: HTMLButtonElement;
  was: HeadCell | null;
  fill: string;
  label: string;
}

export class HeadElements implements HeadChart {
  readonly el = element("div", { class: "mw-head-grid", role: "grid" });
  readonly #events: HeadEvents;
  #scene: HeadScene | null = null;
  #layout = "";
  #cells = new Map<string, Drawn>();
  #at: Cell = { row: 0, column: 0 };

  constructor(events: HeadEvents, signal: AbortSignal) {
    this.#events = events;
    new HeadInput(
      {
        el: this.el,
        scene: () => this.#scene,
        hit: (x, y) => this.#hit(x, y),
        cellOf: (target) => this.#cellOf(target),
        at: () => this.#at,
        place: (cell, focus) => this.place(cell, focus),
      },
      events,
      signal,
    );
    this.el.addEventListener("focusin", (event) => {
      const cell = this.#cellOf(event.target);
      if (!cell) return;
      this.#rove(cell);
      events.enter(cell);
    });
    this.el.addEventListener("focusout", () => this.#events.leave());
  }

  draw(scene: HeadScene): void {
    const before = this.#scene;
    const layout = layoutOf(scene);
    this.#scene = scene;
    const rebuilt = layout !== this.#layout;
    if (rebuilt) this.#build(scene, layout);
    setAttributes(this.el, { "aria-label": scene.label });
    if (rebuilt || !before || !sameStamp(before.stamp, scene.stamp)) this.#paintAll(scene);
    for (const [name, was, now] of [
      ["data-lit", before?.lit ?? null, scene.lit],
      ["data-locked", before?.locked ?? null, scene.locked],
    ] as const) {
      if (!rebuilt && sameCell(was, now)) continue;
      if (was) this.#mark(was, name, false, scene);
      if (now) this.#mark(now, name, true, scene);
    }
  }

  place(cell: Cell, focus: boolean): void {
    this.#rove(cell);
    if (focus) this.#drawn(cell)?.button.focus({ preventScroll: true });
  }

  scrolled(): void {
    // Buttons scroll by themselves.
  }

  #paintAll(scene: HeadScene): void {
    for (const [key, drawn] of this.#cells) {
      const [row, column] = key.split(".").map(Number) as [number, number];
      paint(drawn, scene.cell(row, column), scene);
      write(drawn, { row, column }, scene);
    }
  }

  #mark(cell: Cell, name: string, on: boolean, scene: HeadScene): void {
    const drawn = this.#drawn(cell);
    if (!drawn) return;
    setAttributes(drawn.button, { [name]: on });
    write(drawn, cell, scene);
  }

  #build(scene: HeadScene, layout: string): void {
    const focused = this.#cellOf(focusedIn(this.el));
    const first = this.#layout === "";
    this.#layout = layout;
    this.#cells.clear();
    const { shape, size, columns } = scene;
    const geometry = headGeometry(scene);
    setAttributes(this.el, {
      "aria-rowcount": shape.rows,
      "aria-colcount": shape.columns,
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
        const cell = { row, column };
        const button = cellButton(cell, scene, geometry.rect(row, column));
        this.#cells.set(`${row}.${column}`, { button, was: null, fill: "", label: "" });
        line.append(element("div", { role: "gridcell", "aria-colindex": column + 1 }, button));
      }
      rows.push(line);
    }
    this.el.replaceChildren(...gapLines(scene), ...rows);
    if (first || !this.#drawn(this.#at)) this.#at = startOf({ shape, columns });
    this.#rove(this.#at);
    if (focused) this.#drawn(focused)?.button.focus({ preventScroll: true });
  }

  #drawn(cell: Cell): Drawn | undefined {
    return this.#cells.get(`${cell.row}.${cell.column}`);
  }

  #hit(x: number, y: number): Cell | null {
    const box = this.el.getBoundingClientRect();
    return this.#scene ? headGeometry(this.#scene).hit(x - box.left, y - box.top) : null;
  }

  #cellOf(target: EventTarget | null): Cell | null {
    const button = target instanceof Element ? target.closest<HTMLElement>("[data-cell]") : null;
    if (!button || !this.el.contains(button)) return null;
    const [row, column] = (button.dataset.cell ?? "").split(".").map(Number);
    return row === undefined || column === undefined ? null : { row, column };
  }

  #rove(cell: Cell): void {
    if (!this.#drawn(cell)) return;
    this.#drawn(this.#at)?.button.setAttribute("tabindex", "-1");
    this.#at = cell;
    this.#drawn(cell)?.button.setAttribute("tabindex", "0");
  }
}

function layoutOf({ shape, columns, size }: HeadScene): string {
  const holes: string[] = [];
  for (let row = 0; row < shape.rows; row++) {
    for (let column = 0; column < shape.columns; column++) {
      if (!shape.exists(row, column)) holes.push(`${row}.${column}`);
    }
  }
  const kinds = columns.map(({ kind, group }) => `${kind}${group}`).join();
  return `${shape.rows} ${kinds} ${size} ${holes.join(" ")}`;
}

function cellButton(cell: Cell, scene: HeadScene, rect: Rect): HTMLButtonElement {
  const kind = scene.columns[cell.column]?.kind ?? "head";
  const node = element("button", {
    type: "button",
    class: "mw-cell",
    tabindex: -1,
    "data-cell": `${cell.row}.${cell.column}`,
    "data-kind": kind,
    "data-testid": cellName(cell, scene.columns),
  });
  if (kind === "residual") node.append(element("span", { class: "mw-stream-dot" }));
  node.style.left = `${rect.x}px`;
  node.style.top = `${rect.y}px`;
  node.style.width = `${rect.width}px`;
  // The stream does not stop between two layers.
  node.style.height = `${kind === "residual" ? scene.size : rect.height}px`;
  return node;
}

/** A line where a layer has no heads, and words where there is room for them. */
function gapLines(scene: HeadScene): HTMLElement[] {
  const geometry = headGeometry(scene);
  const first = scene.columns.findIndex(({ kind }) => kind === "head");
  const heads = scene.columns.filter(({ kind }) => kind === "head").length;
  return gapRows(scene).map((row) => {
    const [from, to] = [geometry.rect(row, first), geometry.rect(row, first + heads - 1)];
    const line = element("div", { class: "mw-map-gap", "aria-hidden": "true" });
    line.style.left = `${from.x}px`;
    line.style.top = `${from.y}px`;
    line.style.width = `${to.x + to.width - from.x}px`;
    line.style.height = `${from.height}px`;
    if (scene.size >= 14) line.append(element("span", {}, "no heads"));
    return line;
  });
}

function paint(drawn: Drawn, now: HeadCell, scene: HeadScene): void {
  const { button, was } = drawn;
  const fill = scene.ramp[now.level] ?? "";
  if (fill !== drawn.fill || !was) {
    drawn.fill = fill;
    button.style.backgroundColor = fill;
    // The stream has no number that could be unknown.
    button.toggleAttribute("data-unknown", fill === "" && button.dataset.kind !== "residual");
  }
  const same =
    was &&
    was.mark === now.mark &&
    was.tone === now.tone &&
    was.glyph === now.glyph &&
    was.pending === now.pending &&
    was.painted === now.painted;
  if (!same) {
    setAttributes(button, {
      "aria-pressed": String(now.mark !== null && now.mark !== "off"),
      "data-mark": now.mark,
      "data-tone": now.tone,
      "data-glyph": now.glyph || null,
      "data-pending": now.pending,
      "data-painted": now.painted,
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
  if (scene.columns[cell.column]?.kind === "residual") return;
  const { text, ink } =
    scene.prints && scene.size >= ROOM_FOR_TEXT ? scene.print(cell) : { text: "", ink: "" };
  setText(drawn.button, text);
  drawn.button.style.color = ink;
}
