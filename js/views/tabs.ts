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

let count = 0;

export class Tabs implements Pane {
  readonly el = element("div", { class: "mw-tabs" });
  readonly #bar = element("div", { class: "mw-tab-bar", role: "tablist", "aria-label": "Views" });
  readonly #tabs: readonly {
    tab: Tab;
    button: HTMLButtonElement;
    panel: HTMLElement;
    pane: Pane | null;
  }[];

  constructor(
    tabs: readonly Tab[],
    private readonly store: SessionStore,
  ) {
    count += 1;
    this.#tabs = tabs.map((tab) => {
      const id = `mw-tab-${count}-${tab.name}`;
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
      button.addEventListener("click", () => store.set({ tab: tab.name }));
      return { tab, button, panel, pane: null };
    });
    this.#bar.append(...this.#tabs.map(({ button }) => button));
    this.#bar.addEventListener("keydown", (event) => this.#key(event));
    this.el.append(this.#bar, ...this.#tabs.map(({ panel }) => panel));
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
