// The menu of an edge: everything that can be done to it, its row and its column, by pointer or keys. In:
// items and a place. Out: the one that was chosen; Escape and a click elsewhere close it.

import { button, element } from "../charts/dom";

export interface Item {
  readonly text: string;
  readonly title: string;
  /** Why it cannot be chosen; empty where it can. */
  readonly lacks: string;
  readonly choose: () => void;
}

export class EdgeMenu {
  readonly el = element("div", {
    class: "mw-edge-menu",
    role: "menu",
    "aria-label": "Edge",
    "data-testid": "mw-edge-menu",
    hidden: true,
  });
  #back: HTMLElement | null = null;

  constructor(signal: AbortSignal) {
    this.el.addEventListener("keydown", (event) => this.#key(event));
    this.el.addEventListener("focusout", ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node) || !this.el.contains(relatedTarget)) this.close(false);
    });
    signal.addEventListener("abort", () => this.close(false));
  }

  /** Opens at a place within the element that holds it; `back` gets the focus afterwards. */
  open(items: readonly Item[], at: { x: number; y: number }, back: HTMLElement | null): void {
    this.#back = back;
    this.el.replaceChildren(
      ...items.map(({ text, title, lacks, choose }) =>
        button(
          { role: "menuitem", title: lacks || title, disabled: lacks !== "" },
          () => {
            this.close();
            choose();
          },
          text,
        ),
      ),
    );
    this.el.hidden = false;
    const holder = this.el.parentElement;
    const most = (holder?.clientWidth ?? at.x) - this.el.offsetWidth - 4;
    this.el.style.transform = `translate(${Math.max(0, Math.min(at.x, most))}px, ${at.y}px)`;
    this.#items()[0]?.focus({ preventScroll: true });
  }

  close(refocus = true): void {
    if (this.el.hidden) return;
    this.el.hidden = true;
    if (refocus) this.#back?.focus({ preventScroll: true });
  }

  #items(): HTMLButtonElement[] {
    return Array.from(this.el.querySelectorAll<HTMLButtonElement>("button:not(:disabled)"));
  }

  #key(event: KeyboardEvent): void {
    const items = this.#items();
    const at = items.indexOf(event.target as HTMLButtonElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.close();
    else if (step !== undefined) items[(at + step + items.length) % items.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
