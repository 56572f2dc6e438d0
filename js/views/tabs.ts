// Several panes in one place, of which one shows: the middle of the workbench. Only what shows is
// drawn, so that nothing is fetched for a tab that nobody looks at. Which one shows is the page's
// state, so it outlives a new drawing of the cell.

import { element, setAttributes } from "../charts/dom";
import type { SessionStore } from "../store/session-store";
import type { Pane, Scene } from "./pane";

export interface Tab {
  readonly name: string;
  readonly title: string;
  /** Made when it is shown first. */
  readonly make: () => Pane;
}

interface Shown {
  readonly tab: Tab;
  readonly button: HTMLButtonElement;
  readonly panel: HTMLElement;
  pane: Pane | null;
}

let count = 0;

export class Tabs implements Pane {
  readonly el = element("div", { class: "mw-tabs" });
  readonly #bar = element("div", { class: "mw-tab-bar", role: "tablist", "aria-label": "Views" });
  readonly #tabs: Shown[] = [];
  readonly #id: string;

  constructor(
    tabs: readonly Tab[],
    private readonly store: SessionStore,
  ) {
    count += 1;
    this.#id = `mw-tab-${count}`;
    this.el.append(this.#bar);
    for (const tab of tabs) this.add(tab);
    this.#bar.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Puts one more at the end. */
  add(tab: Tab): void {
    const id = `${this.#id}-${tab.name.replace(/[^a-z0-9-]/g, "-")}`;
    const button = element(
      "button",
      {
        id,
        type: "button",
        class: "mw-tab",
        role: "tab",
        "aria-controls": `${id}-panel`,
        "data-testid": `mw-tab-${tab.name}`,
      },
      tab.title,
    );
    const panel = element("div", {
      id: `${id}-panel`,
      class: "mw-tab-panel",
      role: "tabpanel",
      "aria-labelledby": id,
    });
    panel.hidden = true;
    button.addEventListener("click", () => this.store.set({ tab: tab.name }));
    this.#tabs.push({ tab, button, panel, pane: null });
    this.#bar.append(button);
    this.el.append(panel);
  }

  draw(scene: Scene): void {
    const wished = scene.page.tab;
    const shown = this.#tabs.find(({ tab }) => tab.name === wished) ?? this.#tabs[0];
    for (const each of this.#tabs) {
      const on = each === shown;
      setAttributes(each.button, { "aria-selected": String(on), tabindex: on ? "0" : "-1" });
      each.panel.hidden = !on;
    }
    if (!shown) return;
    if (!shown.pane) {
      shown.pane = shown.tab.make();
      shown.panel.append(shown.pane.el);
    }
    shown.pane.draw(scene);
  }

  #key(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = this.#tabs.findIndex(({ button }) => button === event.target);
    if (at < 0) return;
    const last = this.#tabs.length - 1;
    const jump = { Home: 0, End: last }[event.key];
    const next = jump ?? (step === undefined ? -1 : (at + step + last + 1) % (last + 1));
    const chosen = this.#tabs[next];
    if (!chosen) return;
    event.preventDefault();
    this.store.set({ tab: chosen.tab.name });
    chosen.button.focus();
  }
}
