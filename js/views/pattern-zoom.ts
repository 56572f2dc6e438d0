// Moving about in a long pattern: buttons, Ctrl/⌘ and the wheel, drag, and the keys + − 0 and Shift with
// the arrows. In: the element that shows the pattern, and its size in tokens. Out: the window.

import { button, element, setAttributes, setText } from "../charts/dom";
import { windowWords } from "./attention-words";
import { around, moved, type Sides, type Window, zoomed } from "./pattern-window";

/** Shorter patterns are seen whole at a glance. */
const LEAST_TOKENS = 24;
const STEP = 0.5;
const DRAGGED = 4;

export class PatternZoom {
  readonly el = element("div", { class: "mw-zoom", role: "group", "aria-label": "Zoom" });
  readonly #words = element("span", { class: "mw-muted", "data-testid": "mw-zoom-words" });
  readonly #out: HTMLButtonElement;
  readonly #all: HTMLButtonElement;
  #window: Window | null = null;
  #sides: Sides = { queries: 0, keys: 0 };
  #drag: { x: number; y: number; from: Window; moved: boolean } | null = null;

  constructor(
    private readonly picture: HTMLElement,
    private readonly invalidate: () => void,
  ) {
    const make = (text: string, title: string, id: string, act: () => void) =>
      button({ class: "mw-icon-button", title, "aria-label": title, "data-testid": id }, act, text);
    this.#out = make("−", "Zoom out (−)", "mw-zoom-out", () => this.#by(1 / STEP));
    this.#all = make("⤢", "Show all tokens (0)", "mw-zoom-all", () => this.#set(null));
    const closer = make("+", "Zoom in (+, or Ctrl/⌘ and the wheel)", "mw-zoom-in", () =>
      this.#by(STEP),
    );
    this.el.append(this.#words, this.#out, closer, this.#all);
    picture.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    picture.addEventListener("pointerdown", (event) => this.#down(event));
    picture.addEventListener("pointermove", (event) => this.#move(event), { capture: true });
    picture.addEventListener("pointerup", (event) => this.#up(event));
    picture.addEventListener("pointercancel", (event) => this.#up(event));
    // What ends a drag is no click on an edge.
    picture.addEventListener("click", (event) => this.#click(event), { capture: true });
    picture.addEventListener("keydown", (event) => this.#key(event), { capture: true });
  }

  get window(): Window | null {
    return this.#window;
  }

  draw(sides: Sides, shown: boolean): void {
    const { queries, keys } = this.#sides;
    if (queries !== sides.queries || keys !== sides.keys) this.#window = null;
    this.#sides = sides;
    const longest = Math.max(sides.queries, sides.keys);
    this.el.hidden = !shown || longest < LEAST_TOKENS;
    const window = this.#window;
    const place = window
      ? `queries ${windowWords(window.query, Math.min(window.span, sides.queries), sides.queries)}`
      : "";
    setText(this.#words, place);
    for (const node of [this.#out, this.#all]) setAttributes(node, { disabled: !window });
    this.picture.toggleAttribute("data-zoomed", window !== null);
  }

  /** So close to an edge that it can be told from its neighbours. */
  to({ query, key }: { query: number; key: number }, factor: number): void {
    const half = Math.floor(factor / 2);
    this.#set(around(this.#sides, query + half, key + half, Math.min(64, 16 * factor)));
  }

  #by(share: number, at?: { query: number; key: number }): void {
    const { query, key, span } = this.#window ?? { query: 0, key: 0, span: 0 };
    const middle = this.#window
      ? { query: query + span / 2, key: key + span / 2 }
      : { query: this.#sides.queries, key: this.#sides.keys };
    this.#set(zoomed(this.#window, this.#sides, share, at ?? middle));
  }

  #set(window: Window | null): void {
    this.#window = window;
    this.invalidate();
  }

  #wheel(event: WheelEvent): void {
    if (!(event.ctrlKey || event.metaKey) || this.el.hidden) return;
    event.preventDefault();
    const at = this.#tokensAt(event);
    this.#by(event.deltaY < 0 ? 0.8 : 1.25, at);
  }

  /** The tokens under the pointer. */
  #tokensAt(event: MouseEvent): { query: number; key: number } {
    const box = this.#box();
    const longest = Math.max(this.#sides.queries, this.#sides.keys);
    const { query, key, span } = this.#window ?? { query: 0, key: 0, span: longest };
    const per = this.#perPixel(span);
    return {
      query: query + (event.clientY - box.top) * per,
      key: key + (event.clientX - box.left) * per,
    };
  }

  #box(): DOMRect {
    return (this.picture.querySelector("canvas") ?? this.picture).getBoundingClientRect();
  }

  #perPixel(span: number): number {
    return Math.min(span, this.#sides.queries) / Math.max(1, this.#box().height);
  }

  #down(event: PointerEvent): void {
    if (!this.#window || event.button !== 0) return;
    this.#drag = { x: event.clientX, y: event.clientY, from: this.#window, moved: false };
  }

  #move(event: PointerEvent): void {
    const drag = this.#drag;
    if (!drag) return;
    const [right, down] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(right, down) < DRAGGED) return;
    drag.moved = true;
    event.stopPropagation();
    const per = this.#perPixel(drag.from.span);
    this.#set(moved(drag.from, this.#sides, -down * per, -right * per));
  }

  #up(_: PointerEvent): void {
    if (!this.#drag?.moved) this.#drag = null;
  }

  #click(event: MouseEvent): void {
    if (this.#drag?.moved) event.stopPropagation();
    this.#drag = null;
  }

  #key(event: KeyboardEvent): void {
    if (this.el.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    const window = this.#window;
    const step = Math.max(1, Math.round((window?.span ?? 0) / 8));
    const by = {
      ArrowUp: [-step, 0],
      ArrowDown: [step, 0],
      ArrowLeft: [0, -step],
      ArrowRight: [0, step],
    }[event.key] as [number, number] | undefined;
    if (event.key === "+" || event.key === "=") this.#by(STEP);
    else if (event.key === "-") this.#by(1 / STEP);
    else if (event.key === "0") this.#set(null);
    else if (by && event.shiftKey && window) this.#set(moved(window, this.#sides, ...by));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
