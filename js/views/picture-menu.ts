// The small menu in the head of every pane: save it as SVG or PNG, copy its numbers as a table. One
// menu per stage; it finds the panes itself, so that a new one has it without a word.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { Menu } from "../charts/menu";
import { drawElement } from "../pictures/element";
import { composeSvg } from "../pictures/picture";
import { copyText, download, fileName, pngBlob, svgBlob, tabSeparated } from "../pictures/save";
import type { SessionClient } from "../wire/session-client";
import { askTable, type TableWish } from "../wire/tables";
import type { Scene } from "./pane";
import { tableOf } from "./picture-table";
import { captionOf, titleOf } from "./picture-words";

/** Where the button stands, by the kind of pane. */
const PLACES: readonly [pane: string, place: string][] = [
  [".mw-pane", ":scope > .mw-pane-head, :scope > .mw-map-bar > .mw-pane-head"],
  [".mw-strip", ":scope > .mw-strip-foot > .mw-strip-buttons"],
  [".mw-lens", ":scope > .mw-lens-controls"],
  [".mw-interventions-pane", ":scope > .mw-interventions > .mw-interventions-buttons"],
];
const DONE = "data-mw-pictured";
const SAID_MS = 2500;

export class PictureMenu {
  readonly el = element("div", {
    class: "mw-picture-menu",
    "data-testid": "mw-picture-menu",
  });
  readonly #items: Record<"svg" | "png" | "table", HTMLButtonElement>;
  readonly #list = element("div", { role: "menu", "aria-label": "Picture and table" });
  readonly #said = element("div", { class: "mw-picture-said mw-muted", role: "status" });
  readonly #menu: Menu;
  #opener: HTMLButtonElement | null = null;
  #pane: Element | null = null;

  constructor(
    private readonly root: HTMLElement,
    private readonly client: SessionClient,
    private readonly scene: () => Scene | null,
    signal: AbortSignal,
  ) {
    const item = (name: string, text: string, act: () => Promise<string>): HTMLButtonElement => {
      const made = button(
        {
          class: "mw-menu-item",
          role: "menuitem",
          tabindex: -1,
          "data-testid": `mw-save-${name}`,
        },
        () => void this.#do(act),
        text,
      );
      this.#list.append(made);
      return made;
    };
    this.#items = {
      svg: item("svg", "Save as SVG", () => this.#saveSvg()),
      png: item("png", "Save as PNG", () => this.#savePng()),
      table: item("table", "Copy as table", () => this.#copyTable()),
    };
    this.el.append(this.#list, this.#said);
    this.#menu = new Menu(this.el, signal, () => this.#closed(), "right");
    this.root.append(this.el);
  }

  /** Gives each pane that has none its button. */
  follow(): void {
    for (const [kind, where] of PLACES) {
      for (const pane of this.root.querySelectorAll(`${kind}:not([${DONE}])`)) {
        const place = pane.querySelector(where);
        if (!place) continue;
        pane.setAttribute(DONE, "");
        place.append(this.#buttonFor(pane));
      }
    }
  }

  #buttonFor(pane: Element): HTMLButtonElement {
    const name = pane.getAttribute("aria-label") ?? "view";
    const made = button(
      {
        class: "mw-icon-button mw-picture-open",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        "aria-label": `Save or copy: ${name}`,
        title: "Save as a picture, copy as a table",
        "data-testid": "mw-picture-open",
      },
      () => (this.#opener === made ? this.#menu.close() : this.#open(made, pane)),
      icon("download"),
    );
    made.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      event.stopPropagation();
      if (this.#opener !== made) this.#open(made, pane);
    });
    return made;
  }

  #open(opener: HTMLButtonElement, pane: Element): void {
    this.#menu.close(false);
    this.#opener = opener;
    this.#pane = pane;
    setText(this.#said, "");
    this.#items.table.hidden = tableOf(pane) === null;
    this.#menu.show(opener);
    setAttributes(opener, { "aria-expanded": "true" });
  }

  #closed(): void {
    if (this.#opener) setAttributes(this.#opener, { "aria-expanded": "false" });
    this.#opener = null;
  }

  async #do(act: () => Promise<string>): Promise<void> {
    const opener = this.#opener;
    try {
      const said = await act();
      setText(this.#said, said);
      if (!said) this.#menu.close();
      else setTimeout(() => this.#opener === opener && this.#menu.close(false), SAID_MS);
    } catch (error) {
      setText(this.#said, error instanceof Error ? error.message : String(error));
    }
  }

  #svg(): { svg: string; name: string } {
    const [pane, scene] = [this.#pane, this.scene()];
    if (!pane || !scene) throw new Error("There is nothing to save yet.");
    const style = getComputedStyle(this.root);
    const ground = style.backgroundColor;
    const svg = composeSvg(drawElement(pane), captionOf(pane, scene), style, ground);
    return { svg, name: fileName(scene.state?.model.name ?? "mechwidget", titleOf(pane)) };
  }

  async #saveSvg(): Promise<string> {
    const { svg, name } = this.#svg();
    download(svgBlob(svg), `${name}.svg`);
    return "";
  }

  async #savePng(): Promise<string> {
    const { svg, name } = this.#svg();
    download(await pngBlob(svg), `${name}.png`);
    return "";
  }

  async #copyTable(): Promise<string> {
    const wish: TableWish | null = this.#pane && tableOf(this.#pane);
    if (!wish) throw new Error("There is no table of this.");
    setText(this.#said, "Asking for the numbers …");
    const { names, columns } = await askTable(this.client, wish);
    const text = tabSeparated(names, columns);
    const rows = (columns[0]?.length ?? 0).toLocaleString("en");
    if (await copyText(text)) return `${rows} rows copied`;
    const name = fileName(this.scene()?.state?.model.name ?? "mechwidget", wish.view);
    download(new Blob([text], { type: "text/tab-separated-values" }), `${name}.tsv`);
    return `${rows} rows saved: this page has no clipboard`;
  }
}
