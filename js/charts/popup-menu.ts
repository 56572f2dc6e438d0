// A menu that comes up at a point, on top of everything, and goes when it is done with. In: items.
// Out: what was chosen is done.

import { button, element, icon } from "./dom";
import { Menu } from "./menu";

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
  readonly el = element("div", { class: "mw-popup-menu", role: "menu" });
  readonly #menu: Menu;

  constructor(signal: AbortSignal, testid = "mw-menu") {
    this.el.dataset.testid = testid;
    this.#menu = new Menu(this.el, signal);
    this.el.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
  }

  get open(): boolean {
    return this.#menu.open;
  }

  show({ label, detail, groups }: MenuScene, at: { x: number; y: number }): void {
    this.close(false);
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
    this.#menu.show(at);
  }

  close(focusBack = true): void {
    this.#menu.close(focusBack);
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
}
