// A menu that comes up at a point, on top of everything, and goes when it is done with: arrows, Home,
// End and first letters walk it, Enter does, Esc and a press elsewhere close it. In: items. Out: what
// was chosen is done, and the focus is back where it was.

import { button, element, icon } from "./dom";

export interface MenuItem {
  text: string;
  /** Said at the right, smaller. */
  note?: string;
  /** What exactly it does, for who lingers. */
  title?: string;
  testid: string;
  /** Something that is on or off; null where it is neither. */
  checked?: boolean | null;
  /** Why it cannot be done now; empty: it can. */
  why?: string;
  tone?: string | null;
  run(): void;
}

export interface MenuScene {
  label: string;
  /** What it is about, in words. */
  detail: string;
  /** Groups with a line between them. */
  groups: readonly (readonly MenuItem[])[];
}

export class PopupMenu {
  readonly el = element("div", {
    class: "mw-menu",
    role: "menu",
    popover: "manual",
    tabindex: -1,
    hidden: true,
  });
  #back: HTMLElement | null = null;
  #close: AbortController | null = null;

  constructor(
    private readonly signal: AbortSignal,
    testid = "mw-menu",
  ) {
    this.el.dataset.testid = testid;
    this.el.addEventListener("keydown", (event) => this.#key(event));
    this.el.addEventListener("contextmenu", (event) => event.preventDefault());
    signal.addEventListener("abort", () => this.close(false));
  }

  get open(): boolean {
    return !this.el.hidden;
  }

  show({ label, detail, groups }: MenuScene, at: { x: number; y: number }): void {
    this.close(false);
    const root = this.el.getRootNode() as Partial<DocumentOrShadowRoot>;
    this.#back = (root.activeElement as HTMLElement | null) ?? null;
    this.el.setAttribute("aria-label", label);
    const title = element("div", { class: "mw-menu-title", role: "presentation" });
    title.append(element("b", {}, label));
    if (detail) title.append(element("span", { class: "mw-muted" }, detail));
    const parts: Node[] = [title];
    for (const group of groups) {
      parts.push(element("div", { class: "mw-menu-line", role: "separator" }));
      for (const item of group) parts.push(this.#item(item));
    }
    this.el.replaceChildren(...parts);
    this.el.hidden = false;
    this.el.showPopover?.();
    this.#place(at);
    this.#items()[0]?.focus({ preventScroll: true });
    this.#close = new AbortController();
    const signal = AbortSignal.any([this.#close.signal, this.signal]);
    const outside = (event: Event): void => {
      if (!event.composedPath().includes(this.el)) this.close(false);
    };
    globalThis.addEventListener("pointerdown", outside, { capture: true, signal });
    globalThis.addEventListener("blur", () => this.close(false), { signal });
    globalThis.addEventListener("resize", () => this.close(false), { signal });
  }

  close(focusBack = true): void {
    if (!this.open) return;
    this.#close?.abort();
    this.el.hidePopover?.();
    this.el.hidden = true;
    if (focusBack) this.#back?.focus({ preventScroll: true });
  }

  #item(item: MenuItem): HTMLElement {
    const { text, note, title, testid, checked = null, why = "", tone, run } = item;
    const mark = element("span", { class: "mw-menu-mark" });
    if (checked) mark.append(icon("check"));
    const words = element("span", { class: "mw-menu-words" }, text);
    if (why) words.append(element("small", {}, why));
    const node = button(
      {
        role: checked === null ? "menuitem" : "menuitemcheckbox",
        class: "mw-menu-item",
        tabindex: -1,
        "data-testid": testid,
        "data-tone": tone ?? null,
        "aria-checked": checked === null ? null : String(checked),
        "aria-disabled": why ? "true" : null,
        title: why || title || null,
      },
      () => {
        if (why) return;
        this.close();
        run();
      },
      mark,
      words,
    );
    if (note) node.append(element("span", { class: "mw-menu-note mw-muted" }, note));
    return node;
  }

  /** Beside the point, and all of it in the window. */
  #place({ x, y }: { x: number; y: number }): void {
    const { width, height } = this.el.getBoundingClientRect();
    const { innerWidth, innerHeight } = globalThis;
    this.el.style.left = `${Math.max(4, Math.min(x, innerWidth - width - 4))}px`;
    this.el.style.top = `${Math.max(4, Math.min(y, innerHeight - height - 4))}px`;
  }

  #items(): HTMLElement[] {
    return [...this.el.querySelectorAll<HTMLElement>(".mw-menu-item")];
  }

  #key(event: KeyboardEvent): void {
    const { key } = event;
    const items = this.#items();
    const root = this.el.getRootNode() as Partial<DocumentOrShadowRoot>;
    const at = items.indexOf(root.activeElement as HTMLElement);
    const steps: Record<string, number> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    // Nothing of the page around hears a key that is the menu's.
    event.stopPropagation();
    if (key === "Escape" || key === "Tab") {
      event.preventDefault();
      this.close();
      return;
    }
    const next = steps[key] ?? this.#byLetter(key, items, at);
    if (next === undefined) return;
    event.preventDefault();
    items[next]?.focus();
  }

  #byLetter(key: string, items: readonly HTMLElement[], at: number): number | undefined {
    if (key.length !== 1 || key === " ") return undefined;
    const order = items.map((_, i) => (at + 1 + i) % items.length);
    const letter = key.toLowerCase();
    return order.find((i) => items[i]?.textContent?.trim().toLowerCase().startsWith(letter));
  }
}
