// Dragging a cell of prompt B onto prompt A. In: pointers on the grid of B (a mouse or pen moves, a
// finger rests first, so that it can still scroll). Out: what is dragged, over which column of A it
// hangs, and where it was let go.

import type { Cell } from "../charts/grid-keys";
import type { WordGrid } from "../charts/word-grid";

export interface Drag {
  /** Where it came from, on the grid of B. */
  readonly from: Cell;
  /** The column of A that it hangs over. */
  readonly over: number | null;
}

export interface DragEvents {
  /** May this cell be dragged now? */
  allowed(cell: Cell): boolean;
  changed(): void;
  dropped(from: Cell, column: number): void;
}

const FAR = 4; // px before a press is a drag
const REST_MS = 260; // of a finger

export class PatchDrag {
  #drag: Drag | null = null;
  #press: { cell: Cell; x: number; y: number; pointer: number } | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly source: WordGrid,
    private readonly target: WordGrid,
    private readonly events: DragEvents,
    signal: AbortSignal,
  ) {
    const { el } = source;
    el.addEventListener("pointerdown", (event) => this.#down(event));
    el.addEventListener("pointermove", (event) => this.#move(event));
    el.addEventListener("pointerup", (event) => this.#up(event));
    el.addEventListener("pointercancel", () => this.#end());
    el.addEventListener("lostpointercapture", () => this.#end());
    // A finger that drags must not scroll the page; only a listener that says so early can prevent it.
    el.addEventListener("touchmove", (event) => this.#drag && event.preventDefault(), {
      passive: false,
    });
    el.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#drag) return;
      event.stopPropagation();
      this.#end();
    });
    // The click that follows a drop is none.
    el.addEventListener("click", (event) => this.#swallow(event), { capture: true });
    signal.addEventListener("abort", () => clearTimeout(this.#rest));
  }

  get value(): Drag | null {
    return this.#drag;
  }

  #swallowing = false;

  #swallow(event: MouseEvent): void {
    if (!this.#swallowing) return;
    this.#swallowing = false;
    event.stopPropagation();
    event.preventDefault();
  }

  #down(event: PointerEvent): void {
    this.#swallowing = false;
    const cell = this.source.cellOf(event.target);
    if (!cell || event.button !== 0 || !this.events.allowed(cell)) return;
    this.#press = { cell, x: event.clientX, y: event.clientY, pointer: event.pointerId };
    if (event.pointerType !== "touch") return;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#start(event.clientX, event.clientY), REST_MS);
  }

  #move(event: PointerEvent): void {
    const press = this.#press;
    if (!press || event.pointerId !== press.pointer) return;
    if (this.#drag) {
      this.#hang(event.clientX, event.clientY);
      return;
    }
    if (Math.hypot(event.clientX - press.x, event.clientY - press.y) < FAR) return;
    if (event.pointerType === "touch") this.#end();
    else this.#start(event.clientX, event.clientY);
  }

  #start(x: number, y: number): void {
    const press = this.#press;
    if (!press) return;
    this.source.el.setPointerCapture?.(press.pointer);
    this.#drag = { from: press.cell, over: null };
    this.#hang(x, y);
  }

  #hang(x: number, y: number): void {
    const drag = this.#drag;
    if (!drag) return;
    const over = this.target.hit(x, y)?.column ?? null;
    this.#drag = { ...drag, over };
    this.events.changed();
  }

  #up(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag) this.#hang(event.clientX, event.clientY);
    const over = this.#drag?.over ?? null;
    this.#swallowing = drag !== null;
    this.#end();
    if (drag && over !== null) this.events.dropped(drag.from, over);
  }

  #end(): void {
    clearTimeout(this.#rest);
    const was = this.#drag;
    this.#press = null;
    this.#drag = null;
    if (was) this.events.changed();
  }
}
