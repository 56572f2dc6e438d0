// A grid of words: one row per stream, one column per token, scrolled within its own frame. Only what
// is in the window exists as elements, so that eighty layers and a thousand tokens are as quick as
// four by ten; heads stay in sight. In: a scene. Out: which cell is looked at, pressed or under a
// point, and which part is in the window.

import { element, focusedIn, setAttributes, setText } from "./dom";
import { type Cell, firstCell, type GridShape, move } from "./grid-keys";
import { visible } from "./token-text";
import type { Window, WordEvents, WordScene } from "./word-scene";

export const ROW_HEIGHT = 22;
const HEAD_HEIGHT = 22;
const SIDE_WIDTH = 42;
const NARROWEST = 44;
const WIDEST = 92;
const BEYOND = 2; // cells that exist outside the window, so that a small scroll shows no gap
const SVG = "http://www.w3.org/2000/svg";

export class WordGrid {
  readonly el = element("div", { class: "mw-words", role: "grid" });
  readonly #sheet = element("div", { class: "mw-words-sheet", role: "presentation" });
  readonly #head = element("div", { class: "mw-words-head", role: "row", "aria-rowindex": 1 });
  readonly #corner = element("div", { class: "mw-words-corner", role: "columnheader" });
  readonly #body = element("div", { class: "mw-words-body", role: "rowgroup" });
  readonly #lines = document.createElementNS(SVG, "svg");
  readonly #rows = new Map<number, HTMLElement>();
  readonly #cells = new Map<string, HTMLElement>();
  readonly #heads = new Map<number, HTMLElement>();
  #scene: WordScene | null = null;
  #at: Cell = { row: 0, column: 0 };
  #width = NARROWEST;
  #extent = "";
  #room = 480;
  /** Where it was scrolled to: an element that was taken off the page has forgotten it. */
  #place = { left: 0, top: 0, end: true, bottom: true };
  #drawn: readonly unknown[] = [];

  constructor(private readonly events: WordEvents) {
    setAttributes(this.#lines, { class: "mw-words-lines", "aria-hidden": "true" });
    this.#head.append(this.#corner);
    this.#sheet.append(this.#head, this.#body, this.#lines);
    this.el.append(this.#sheet);
    this.el.addEventListener("scroll", () => this.#scrolled());
    this.el.addEventListener("pointermove", (event) => this.#over(event));
    this.el.addEventListener("pointerleave", () => events.leave());
    this.el.addEventListener("click", (event) => {
      const cell = this.cellOf(event.target);
      if (cell) this.#press(cell);
    });
    this.el.addEventListener("focusin", (event) => {
      const cell = this.cellOf(event.target);
      if (!cell) return;
      this.#at = cell;
      events.enter(cell);
    });
    this.el.addEventListener("focusout", () => events.leave());
    this.el.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(scene: WordScene): void {
    this.#scene = scene;
    const [rows, columns] = [scene.rows.length, scene.columns.length];
    // Notebooks take what is scrolled away off the page: then there is no width to go by.
    if (this.el.clientWidth > 0) this.#room = this.el.clientWidth;
    const fit = Math.floor((this.#room - SIDE_WIDTH - 1) / Math.max(1, columns));
    this.#width = Math.max(NARROWEST, Math.min(WIDEST, fit));
    setAttributes(this.el, {
      "aria-label": scene.label,
      "aria-rowcount": rows + 1,
      "aria-colcount": columns + 1,
    });
    setText(this.#corner, scene.corner);
    this.#corner.setAttribute("aria-label", `${scene.corner} layer`.trim());
    this.#sheet.style.width = `${SIDE_WIDTH + columns * this.#width}px`;
    this.#sheet.style.height = `${HEAD_HEIGHT + rows * ROW_HEIGHT}px`;
    this.el.style.maxHeight = `${Math.max(4 * ROW_HEIGHT, scene.height)}px`;
    if (!this.#exists(this.#at)) this.#at = firstCell(this.#shape()) ?? { row: 0, column: 0 };
    this.#scrollToPlace(rows, columns);
    this.#drawWindow();
    this.#drawLines(scene);
  }

  /** The cell that the keyboard is on. */
  get at(): Cell {
    return this.#at;
  }

  /** What can be seen and a little more, rows and columns as [from, to). */
  get window(): Window {
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = this.el;
    const scene = this.#scene;
    const [rows, columns] = [scene?.rows.length ?? 0, scene?.columns.length ?? 0];
    const [wide, high] = [
      (clientWidth || this.#room) - SIDE_WIDTH,
      (clientHeight || 480) - HEAD_HEIGHT,
    ];
    const part = (start: number, size: number, unit: number, n: number): [number, number] => [
      Math.max(0, Math.min(n, Math.floor(start / unit) - BEYOND)),
      Math.max(0, Math.min(n, Math.ceil((start + size) / unit) + BEYOND)),
    ];
    return {
      rows: part(scrollTop, high, ROW_HEIGHT, rows),
      columns: part(scrollLeft, wide, this.#width, columns),
    };
  }

  /** The cell under a point of the page. */
  hit(x: number, y: number): Cell | null {
    const box = this.el.getBoundingClientRect();
    if (x < box.left || x >= box.right || y < box.top || y >= box.bottom) return null;
    const column = Math.floor((x - box.left + this.el.scrollLeft - SIDE_WIDTH) / this.#width);
    const row = Math.floor((y - box.top + this.el.scrollTop - HEAD_HEIGHT) / ROW_HEIGHT);
    return this.#exists({ row, column }) ? { row, column } : null;
  }

  cellOf(target: EventTarget | null): Cell | null {
    const node = target instanceof Element ? target.closest<HTMLElement>("[data-word]") : null;
    if (!node || !this.el.contains(node)) return null;
    const [row, column] = (node.dataset.word ?? "").split(".").map(Number);
    return row === undefined || column === undefined ? null : { row, column };
  }

  /** Scrolls as another grid does. */
  follow(other: WordGrid): void {
    const { scrollLeft, scrollTop } = other.el;
    if (this.el.scrollLeft !== scrollLeft) this.el.scrollLeft = scrollLeft;
    if (this.el.scrollTop !== scrollTop) this.el.scrollTop = scrollTop;
    this.#keepPlace();
  }

  #shape(): GridShape {
    const scene = this.#scene;
    return {
      rows: scene?.rows.length ?? 0,
      columns: scene?.columns.length ?? 0,
      exists: (row, column) => this.#exists({ row, column }),
    };
  }

  #exists({ row, column }: Cell): boolean {
    const scene = this.#scene;
    return row >= 0 && row < (scene?.rows.length ?? 0) && Boolean(scene?.columns[column]);
  }

  /** Back to where it was; a new prompt or depth starts where the model answers, at the end. */
  #scrollToPlace(rows: number, columns: number): void {
    const extent = `${rows} ${columns}`;
    if (this.el.clientWidth === 0) return;
    const fresh = extent !== this.#extent;
    const { el } = this;
    const { left, top, end, bottom } = this.#place;
    const [right, low] = [el.scrollWidth - el.clientWidth, el.scrollHeight - el.clientHeight];
    const [x, y] = [fresh || end ? right : left, fresh || bottom ? low : top];
    if (Math.abs(el.scrollLeft - x) >= 1) el.scrollLeft = x;
    if (Math.abs(el.scrollTop - y) >= 1) el.scrollTop = y;
    if (!fresh) return;
    this.#extent = extent;
    this.#keepPlace();
    this.#at = { row: rows - 1, column: columns - 1 };
    if (!this.#exists(this.#at)) this.#at = firstCell(this.#shape()) ?? this.#at;
  }

  /** Where it is scrolled to; who looks at the end wants to see the end of what comes, too. */
  #keepPlace(): void {
    const { scrollLeft, scrollTop, scrollWidth, scrollHeight, clientWidth, clientHeight } = this.el;
    const end = scrollLeft >= scrollWidth - clientWidth - 1;
    const bottom = scrollTop >= scrollHeight - clientHeight - 1;
    this.#place = { left: scrollLeft, top: scrollTop, end, bottom };
  }

  #drawWindow(): void {
    const scene = this.#scene;
    if (!scene) return;
    const { rows, columns } = this.window;
    const wantedRows = around(rows, scene.rows.length, this.#at.row);
    const wantedColumns = around(columns, scene.columns.length, this.#at.column);
    this.#drawHeads(scene, wantedColumns);
    const drawn = [...scene.stamp, ...wantedRows, ...wantedColumns, this.#at, this.#width];
    if (sameStamp(drawn, this.#drawn)) return;
    this.#drawn = drawn;
    const focused = this.cellOf(focusedIn(this.el));
    const kept = new Set<string>();
    for (const row of wantedRows) {
      const line = this.#rowFor(row, scene);
      for (const column of wantedColumns) {
        if (!this.#exists({ row, column })) continue;
        const key = `${row}.${column}`;
        kept.add(key);
        this.#drawCell(line, key, row, column, scene);
      }
    }
    for (const [key, node] of this.#cells) {
      if (kept.has(key)) continue;
      node.remove();
      this.#cells.delete(key);
    }
    const rowsKept = new Set(wantedRows);
    for (const [row, node] of this.#rows) {
      if (rowsKept.has(row)) continue;
      node.remove();
      this.#rows.delete(row);
    }
    if (focused && !focusedIn(this.el)) this.#focus(focused);
  }

  #drawHeads(scene: WordScene, columns: readonly number[]): void {
    const wanted = new Set(columns);
    for (const [column, node] of this.#heads) {
      if (wanted.has(column) && scene.columns[column]) continue;
      node.remove();
      this.#heads.delete(column);
    }
    for (const column of columns) {
      const { text, title, special, lit } = scene.columns[column] ?? {};
      if (text === undefined) continue;
      let node = this.#heads.get(column);
      if (!node) {
        node = element("div", { class: "mw-words-column", role: "columnheader" });
        this.#heads.set(column, node);
        this.#head.append(node);
      }
      this.#across(node, column);
      setText(node, visible(text));
      setAttributes(node, {
        title,
        "aria-colindex": column + 2,
        "data-special": special,
        "data-lit": lit,
      });
    }
  }

  #rowFor(row: number, scene: WordScene): HTMLElement {
    let line = this.#rows.get(row);
    if (!line) {
      const side = element("div", { class: "mw-words-side", role: "rowheader" });
      line = element("div", { class: "mw-words-row", role: "row" }, side);
      this.#rows.set(row, line);
      this.#body.append(line);
    }
    setAttributes(line, {
      "aria-rowindex": row + 2,
      "data-last": row === scene.rows.length - 1,
    });
    line.style.top = `${row * ROW_HEIGHT}px`;
    const side = line.firstElementChild as HTMLElement;
    setText(side, scene.rows[row]?.text ?? "");
    setAttributes(side, { title: scene.rows[row]?.title });
    return line;
  }

  #drawCell(line: HTMLElement, key: string, row: number, column: number, scene: WordScene): void {
    let node = this.#cells.get(key);
    if (!node) {
      const text = element("bdi", {});
      node = element("div", { class: "mw-word", role: "gridcell", "data-word": key }, text);
      this.#cells.set(key, node);
      line.append(node);
    }
    const { text, fill, ink, label, strong, changed, tone, off } = scene.cell(row, column);
    this.#across(node, column);
    setText(node.firstElementChild as HTMLElement, text);
    node.style.backgroundColor = fill;
    node.style.color = ink;
    const is = (cell: Cell | null): boolean => cell?.row === row && cell.column === column;
    setAttributes(node, {
      tabindex: is(this.#at) ? 0 : -1,
      title: label,
      "aria-label": label,
      "aria-colindex": column + 2,
      "aria-selected": is(scene.selected) ? "true" : null,
      "data-unknown": fill === "",
      "data-strong": strong,
      "data-changed": changed,
      "data-tone": tone,
      "data-off": off,
      "data-target": is(scene.target),
    });
  }

  #across(node: HTMLElement, column: number): void {
    node.style.left = `${SIDE_WIDTH + column * this.#width}px`;
    node.style.width = `${this.#width - 1}px`;
  }

  #drawLines({ outlines }: WordScene): void {
    const across = (x: number): number => SIDE_WIDTH + x * this.#width - 0.5;
    const down = (y: number): number => HEAD_HEIGHT + y * ROW_HEIGHT - 0.5;
    const paths = outlines.map(({ corners, tone }) => {
      const path = document.createElementNS(SVG, "path");
      const points = corners.map(([x, y]) => `${across(x)} ${down(y)}`);
      setAttributes(path, { d: `M${points.join("L")}Z`, "data-tone": tone });
      return path;
    });
    // Twice: a halo of the ground under the line, so that it is seen on every fill.
    const halos = paths.map((path) => path.cloneNode() as SVGElement);
    for (const halo of halos) setAttributes(halo, { "data-halo": true });
    this.#lines.replaceChildren(...halos, ...paths);
  }

  #over(event: PointerEvent): void {
    const cell = this.cellOf(event.target);
    if (cell) this.events.enter(cell);
    else this.events.leave();
  }

  #press(cell: Cell): void {
    this.#at = cell;
    this.#focus(cell);
    this.events.press(cell);
  }

  #focus(cell: Cell): void {
    this.#cells.get(`${cell.row}.${cell.column}`)?.focus({ preventScroll: true });
  }

  #scrolled(): void {
    if (this.el.clientWidth === 0) return;
    const { left, top } = this.#place;
    // Told late of our own scrolling: the frame may have another size by now.
    const own = this.el.scrollLeft === left && this.el.scrollTop === top;
    if (!own) this.#keepPlace();
    this.#drawWindow();
    this.events.scrolled();
  }

  #key(event: KeyboardEvent): void {
    const cell = this.cellOf(event.target);
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (!event.repeat) this.#press(cell);
      return;
    }
    const next = move(event, cell, this.#shape());
    if (next === undefined) {
      if (!this.events.key(cell, event)) return;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    event.preventDefault();
    if (!next) return;
    this.#at = next;
    this.#show(next);
    this.#drawWindow();
    this.#focus(next);
  }

  /** Scrolls just as far as it takes to see a cell whole. */
  #show({ row, column }: Cell): void {
    const { el } = this;
    const [left, top] = [column * this.#width, row * ROW_HEIGHT];
    const wide = (el.clientWidth || this.#room) - SIDE_WIDTH - this.#width;
    const high = (el.clientHeight || 480) - HEAD_HEIGHT - ROW_HEIGHT;
    el.scrollLeft = Math.min(left, Math.max(el.scrollLeft, left - wide));
    el.scrollTop = Math.min(top, Math.max(el.scrollTop, top - high));
    this.#keepPlace();
  }
}

const sameStamp = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((value, i) => Object.is(value, other[i]));

/** What is in the window, and always the place of the keyboard. */
function around([first, end]: readonly [number, number], n: number, at: number): number[] {
  const wanted = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  if (at < n && (at < first || at >= end)) wanted.push(at);
  return wanted;
}
