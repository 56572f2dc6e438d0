// The map of all heads, with the attentions, MLPs and layers that they are parts of, and the residual
// stream at their side. A cell's colour is a number on one scale with a true zero; what a person did
// to it is drawn on top. A click uses the armed tool, a drag uses it on all cells that it crosses, the
// context menu has the rest.

import { ramp } from "../charts/colour";
import { element, keyed, setAttributes, setText } from "../charts/dom";
import type { Cell } from "../charts/grid-keys";
import { HeadCanvas } from "../charts/head-canvas";
import { HeadElements } from "../charts/head-elements";
import {
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
  MOST_ELEMENTS,
} from "../charts/head-grid";
import { Legend } from "../charts/legend";
import { PopupMenu } from "../charts/popup-menu";
import type { SessionStore } from "../store/session-store";
import type { ComponentJson, ModelJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import { headAxes } from "./head-axes";
import { cellKey, cellOf, describe, type MapLook, printed } from "./head-words";
import { MapBar } from "./map-bar";
import { columnsOf, type MapColumns } from "./map-columns";
import { MapEdits } from "./map-edits";
import { hintOf, noteOf, notesOf, RESTING, toolHint } from "./map-hints";
import { menuOf } from "./map-menu";
import { MapRanking } from "./map-ranking";
import { scaleOf } from "./map-scale";
import type { Moment } from "./map-values";
import { MapZoom, wishedWidth } from "./map-zoom";
import type { Kind } from "./marks";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { togglePinned } from "./pinned";
import { standalone } from "./standalone";
import { toolPicker } from "./tool-picker";

export class HeadMapPane implements Pane {
  readonly el = element("section", { class: "mw-pane mw-heads", "aria-label": "Heads" });
  readonly #edits: MapEdits;
  readonly #menu: PopupMenu;
  readonly #bar: MapBar;
  readonly #zoom = new MapZoom();
  readonly #axes = headAxes(() => this.#chart?.scrolled());
  readonly #holder = element("div", { class: "mw-map-holder" }, this.#axes.el);
  readonly #ranking: MapRanking;
  readonly #legend = new Legend();
  readonly #kinds = element("ul", { class: "mw-kinds mw-muted", "aria-label": "Marks on the map" });
  readonly #rebuildKinds = keyed(this.#kinds);
  readonly #words = element("div", { class: "mw-readout-words", "aria-hidden": "true" });
  readonly #hint = element("div", { class: "mw-readout-hint", "aria-hidden": "true" });
  readonly #said = element("div", { class: "mw-readout-hint mw-map-said", role: "status" });
  readonly #notes = element("div", { class: "mw-notes mw-muted" });
  #chart: HeadChart | null = null;
  #columns: { key: string; columns: MapColumns } | null = null;
  #look: MapLook | null = null;
  #painted: ReadonlySet<string> = new Set();
  #range: readonly Cell[] = [];
  #wantsNumbers = true;
  #ranked = false;

  constructor(
    client: SessionClient,
    private readonly store: SessionStore,
    actions: Actions,
    private readonly invalidate: () => void,
    private readonly signal: AbortSignal,
  ) {
    this.#edits = new MapEdits(client, store, actions);
    this.#menu = new PopupMenu(signal);
    offersTable(this.el, () => {
      const score = this.#look?.scene.values.choice;
      return score ? { view: "head-map", options: { score } } : null;
    });
    this.#bar = new MapBar({
      values: () => this.#look?.scene.values ?? null,
      rank: () => this.#show({ ranked: !this.#ranked }),
      print: () => this.#print(),
      zoom: (direction) => this.#zoomBy(direction, null),
    });
    this.#ranking = new MapRanking(
      {
        enter: (component) => store.hover(component),
        press: (component, event) => this.#press(component, event.shiftKey),
        menu: (component, at) => this.#openMenu(component, at),
      },
      invalidate,
    );
    const readout = element("div", { class: "mw-readout" }, this.#words, this.#hint, this.#said);
    const main = element("div", { class: "mw-map-main" }, this.#holder, this.#ranking.el);
    this.el.append(this.#bar.el, main, this.#legend.el, this.#kinds, readout, this.#notes);
    this.el.append(this.#menu.el);
  }

  draw(scene: Scene): void {
    const { state, values, theme, page } = scene;
    if (!state) return;
    const moment = values.momentAt(page.baseline);
    const scale = scaleOf(values, state.model, moment);
    const columns = this.#columnsOf(state.model);
    const numbers = values.numbers(moment);
    const look: MapLook = { scene, scale, columns, numbers, painted: this.#painted };
    this.#look = look;
    this.#drawMap(look, state.model, moment);
    this.#legend.draw({
      ...scale,
      theme,
      to: scale.max,
      label: scale.caption,
      note: noteOf(values),
    });
    // Ends without a number between them would be invented.
    this.#legend.el.style.visibility = values.known ? "visible" : "hidden";
    this.#drawKinds(scene.marks.kinds);
    setAttributes(this.el, {
      "data-disabled": !scene.enabled,
      "data-old": values.known && values.waits(moment),
      "data-ranked": this.#ranked,
    });
    this.#ranking.el.hidden = !this.#ranked;
    if (this.#ranked) this.#ranking.draw(look);
    const looked = page.hover.component ?? page.locked;
    setText(this.#words, looked ? describe(look, looked) : RESTING);
    setText(this.#hint, this.#hintNow(scene, looked));
    this.#hint.hidden = this.#said.textContent !== "";
    setText(this.#notes, notesOf(state.model, values.reason));
    this.#notes.toggleAttribute("data-refused", values.refused !== "");
  }

  #hintNow(scene: Scene, looked: ComponentJson | null): string {
    if (this.#range.length > 0) {
      const { edits, why } = this.#edits.many(this.#componentsOf(this.#range));
      return why || `${edits.length} cells: let go, or Enter; Esc gives it up`;
    }
    return looked ? hintOf(scene, looked, this.#edits) : toolHint(scene);
  }

  /** What the glyphs mean, once there is one that is no strike. */
  #drawKinds(kinds: readonly Kind[]): void {
    const shown = kinds.some(({ did }) => did !== "ablated") ? kinds : [];
    this.#rebuildKinds(shown.map(({ did }) => did).join(), () =>
      shown.map(({ glyph, did, tone }) => {
        const sign = element("span", { class: "mw-kind-glyph", "aria-hidden": "true" }, glyph);
        return element("li", { "data-tone": tone }, sign, did);
      }),
    );
    this.#kinds.hidden = shown.length === 0;
  }

  #drawMap(look: MapLook, model: ModelJson, moment: Moment): void {
    const { scene, scale, columns, numbers } = look;
    const { state, page, client, values, theme } = scene;
    const { rows } = columns.shape;
    this.el.parentElement?.style.setProperty("--mw-map-width", `${wishedWidth(columns.heads)}px`);
    this.#zoom.fit(this.#holder.clientWidth, columns);
    const { size, view } = this.#zoom;
    const prints = this.#wantsNumbers && this.#zoom.hasRoomForNumbers;
    const drawn: HeadScene = {
      label: `Heads by layer: ${scale.caption}`,
      shape: columns.shape,
      columns: columns.columns,
      size,
      view,
      ramp: ramp(scale.scale, theme),
      stamp: [
        ...[values.shown, moment, numbers],
        ...[size, view.width, view.height, columns, scale.scale, scale.max, theme, prints],
        ...[state?.interventions, client.pending.length > 0 ? client.pending : null],
        ...[this.#painted, scene.enabled],
      ],
      lit: columns.cellOf(page.hover.component),
      locked: columns.cellOf(page.locked),
      prints,
      cell: (row, column) => cellOf(look, row, column),
      describe: (cell) => describe(look, columns.componentAt(cell)),
      print: (cell) => printed(look, columns.componentAt(cell)),
    };
    this.#chartFor(rows * columns.shape.columns).draw(drawn);
    this.el.style.setProperty("--mw-map-height", `${Math.max(200, view.height + 22)}px`);
    this.#axes.draw(drawn, headGeometry(drawn));
    this.#bar.draw({
      values,
      moment,
      ranking: this.#ranked,
      prints,
      nearer: this.#zoom.step(1) !== null,
      further: this.#zoom.step(-1) !== null,
    });
    this.el.toggleAttribute(
      "data-no-heads",
      model.heads.every((n) => n === 0),
    );
  }

  #columnsOf(model: ModelJson): MapColumns {
    const key = JSON.stringify([model.heads, model.kv_heads, model.mlp, model.attention]);
    if (this.#columns?.key !== key) this.#columns = { key, columns: columnsOf(model) };
    return this.#columns.columns;
  }

  #chartFor(cells: number): HeadChart {
    const large = cells > MOST_ELEMENTS;
    if (this.#chart && large === this.#chart instanceof HeadCanvas) return this.#chart;
    const events: HeadEvents = {
      enter: (cell) => {
        this.#say("");
        this.store.hover(this.#componentAt(cell));
      },
      leave: () => this.store.hover(null),
      walk: (cell) => this.#zoom.reveal(cell, this.#axes.scroller),
      press: (cell, event) => {
        const component = this.#componentAt(cell);
        if (event.ctrlKey || event.metaKey) togglePinned(this.store, component);
        else this.#press(component, event.shiftKey);
      },
      range: (cells) => this.#takeRange(cells),
      commit: () => {
        const parts = this.#componentsOf(this.#range);
        this.#takeRange([]);
        this.#say(this.#edits.paint(parts));
      },
      menu: (cell, at) => this.#openMenu(this.#componentAt(cell), at),
      zoom: (direction, at) => this.#zoomBy(direction, at),
    };
    this.#chart = large
      ? new HeadCanvas(events, this.signal)
      : new HeadElements(events, this.signal);
    this.#axes.place(this.#chart.el);
    return this.#chart;
  }

  #componentAt(cell: Cell): ComponentJson {
    return this.#look?.columns.componentAt(cell) ?? { type: "residual", layer: cell.row };
  }

  #componentsOf(cells: readonly Cell[]): ComponentJson[] {
    return cells.map((cell) => this.#componentAt(cell));
  }

  #press(component: ComponentJson, shift: boolean): void {
    if (shift && component.type === "head") this.store.lock(component);
    else this.#say(this.#edits.use(component));
  }

  #takeRange(cells: readonly Cell[]): void {
    // Looking changes nothing, so there is nothing to paint.
    this.#range = this.store.value.tool === "look" ? [] : cells;
    this.#painted = new Set(this.#range.map(({ row, column }) => cellKey(row, column)));
    this.invalidate();
  }

  #openMenu(component: ComponentJson, at: { x: number; y: number }): void {
    if (!this.#look?.scene.enabled) return;
    const means = {
      edits: this.#edits,
      lock: (one: ComponentJson) => this.store.lock(one),
      say: (words: string) => this.#say(words),
    };
    this.#menu.show(menuOf(component, this.#look, means), at);
  }

  #say(words: string): void {
    if (this.#said.textContent === words) return;
    setText(this.#said, words);
    this.invalidate();
  }

  #print(): void {
    const shows = this.#wantsNumbers && this.#zoom.hasRoomForNumbers;
    if (!shows && !this.#zoom.hasRoomForNumbers) this.#zoom.makeRoomForNumbers();
    this.#wantsNumbers = !shows;
    this.invalidate();
  }

  #show({ ranked }: { ranked: boolean }): void {
    this.#ranked = ranked;
    this.invalidate();
  }

  #zoomBy(direction: 1 | -1, at: { x: number; y: number } | null): void {
    if (!this.#zoom.by(direction, at, this.#axes.scroller)) return;
    this.invalidate();
    requestAnimationFrame(() => this.#zoom.settle(this.#axes.scroller));
  }
}

export const headMap = standalone({
  name: "head-map",
  label: "head map",
  effects: true,
  panes: (cast) => {
    const { client, store, actions, invalidate, signal } = cast;
    return [toolPicker(cast), new HeadMapPane(client, store, actions, invalidate, signal)];
  },
});
