// What floats over the page beside something: a list under a field, a menu, the detail of a token. In
// the top layer where there is one, so that no cell and no widget cuts it off. In: an element and what
// it belongs to. Out: the element under it, over it where there is no room below, and always in sight.

const GAP = 4;

/** An element of the page, or a point of the window. */
export type Anchor = Element | { readonly x: number; readonly y: number };

export class Floating {
  #anchor: Anchor | null = null;

  /** `side`: which side of the anchor it is flush with. */
  constructor(
    readonly el: HTMLElement,
    signal: AbortSignal,
    private readonly side: "left" | "right" = "left",
  ) {
    el.classList.add("mw-floating");
    el.setAttribute("popover", "manual");
    el.hidden = true;
    const place = (): void => this.#place();
    globalThis.addEventListener("scroll", place, { signal, capture: true, passive: true });
    globalThis.addEventListener("resize", place, { signal, passive: true });
  }

  get open(): boolean {
    return this.#anchor !== null;
  }

  show(anchor: Anchor): void {
    const opened = this.#anchor === null;
    this.#anchor = anchor;
    this.el.hidden = false;
    if (opened && this.el.isConnected) this.el.showPopover?.();
    this.#place();
  }

  hide(): void {
    if (this.#anchor === null) return;
    this.#anchor = null;
    if (this.el.isConnected) this.el.hidePopover?.();
    this.el.hidden = true;
  }

  /** Again where it belongs, after its content has changed. */
  #place(): void {
    const anchor = this.#anchor;
    if (anchor === null) return;
    if (anchor instanceof Element && !anchor.isConnected) {
      this.hide();
      return;
    }
    const { left, right, top, bottom } = edges(anchor);
    const { width, height } = this.el.getBoundingClientRect();
    const { innerWidth, innerHeight } = globalThis;
    const below = bottom + GAP;
    const fits = below + height <= innerHeight || top - GAP < height;
    const wanted = this.side === "left" ? left : right - width;
    const x = Math.max(GAP, Math.min(wanted, innerWidth - width - GAP));
    const y = Math.max(
      GAP,
      Math.min(fits ? below : top - GAP - height, innerHeight - height - GAP),
    );
    this.el.style.left = `${Math.round(x)}px`;
    this.el.style.top = `${Math.round(y)}px`;
  }
}

function edges(anchor: Anchor): { left: number; right: number; top: number; bottom: number } {
  if (anchor instanceof Element) return anchor.getBoundingClientRect();
  const { x, y } = anchor;
  return { left: x, right: x, top: y, bottom: y };
}
