// What every menu does: it floats beside what opened it, arrows, Home, End and first letters walk it,
// Esc, Tab and a press elsewhere close it, and the focus goes back where it was. In: an element that
// holds items (`role` menuitem, menuitemcheckbox or menuitemradio). Out: one of them has the focus.

import { type Anchor, Floating } from "./floating";

export class Menu {
  readonly #floating: Floating;
  #back: HTMLElement | null = null;
  #open: AbortController | null = null;

  /** `closed` is called each time, however it came to that. */
  constructor(
    readonly el: HTMLElement,
    private readonly signal: AbortSignal,
    private readonly closed: () => void = () => {},
    side: "left" | "right" = "left",
  ) {
    el.classList.add("mw-menu");
    el.tabIndex = -1;
    this.#floating = new Floating(el, signal, side);
    el.addEventListener("keydown", (event) => this.#key(event));
    signal.addEventListener("abort", () => this.close(false));
  }

  get open(): boolean {
    return this.#floating.open;
  }

  /** The items that can be walked to, in their order. */
  get items(): HTMLElement[] {
    const all = this.el.querySelectorAll<HTMLElement>('[role^="menuitem"]');
    return [...all].filter(({ hidden }) => !hidden);
  }

  /** Where the focus is among the items; -1: elsewhere. */
  get at(): number {
    return this.#active ? this.items.indexOf(this.#active) : -1;
  }

  show(anchor: Anchor): void {
    this.close(false);
    this.#back = anchor instanceof HTMLElement ? anchor : this.#active;
    this.#floating.show(anchor);
    this.items[0]?.focus({ preventScroll: true });
    this.#open = new AbortController();
    const signal = AbortSignal.any([this.#open.signal, this.signal]);
    const outside = (event: Event): void => {
      const path = event.composedPath();
      // A press on what opened it is that button's own to answer.
      const own = path.includes(this.el) || (anchor instanceof Element && path.includes(anchor));
      if (!own) this.close(false);
    };
    globalThis.addEventListener("pointerdown", outside, { capture: true, signal });
    globalThis.addEventListener("blur", () => this.close(false), { signal });
  }

  close(focusBack = true): void {
    if (!this.open) return;
    this.#open?.abort();
    this.#floating.hide();
    this.closed();
    if (focusBack) this.#back?.focus({ preventScroll: true });
  }

  get #active(): HTMLElement | null {
    const root = this.el.getRootNode() as Partial<DocumentOrShadowRoot>;
    return (root.activeElement as HTMLElement | null) ?? null;
  }

  #key(event: KeyboardEvent): void {
    const { key } = event;
    // Nothing of the page around hears a key that is the menu's.
    event.stopPropagation();
    if (key === "Escape" || key === "Tab") {
      event.preventDefault();
      this.close();
      return;
    }
    const next = this.#next(key);
    if (next === undefined) return;
    event.preventDefault();
    this.items[next]?.focus();
  }

  #next(key: string): number | undefined {
    const { items, at } = this;
    const steps: Record<string, number> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (Math.max(at, 0) - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    if (key in steps || key.length !== 1 || key === " ") return steps[key];
    const order = items.map((_, i) => (at + 1 + i) % items.length);
    const letter = key.toLowerCase();
    return order.find((i) => items[i]?.textContent?.trim().toLowerCase().startsWith(letter));
  }
}
