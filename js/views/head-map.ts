// The map of all heads and MLPs. A cell's colour is a number on one scale with a true zero; what a
// person did to it is drawn on top. A click ablates or restores; hovering previews the attention
// pattern; Shift-click, the pin or the key L lock it.

import { ramp } from "../charts/colour";
import { element, keyed, setText } from "../charts/dom";
import type { Cell, GridShape } from "../charts/grid-keys";
import { HeadCanvas } from "../charts/head-canvas";
import { HeadElements } from "../charts/head-elements";
import {
  cellSize,
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
  MOST_ELEMENTS,
} from "../charts/head-grid";
import { Legend } from "../charts/legend";
import type { SessionStore } from "../store/session-store";
import type { ComponentJson, ModelJson } from "../types";
import type { Actions } from "./actions";
import { headAxes } from "./head-axes";
import { cellOf, describe, printed } from "./head-words";
import { type MapScale, scaleOf } from "./map-scale";
import { CHOICES, type Choice, SHORT_CHOICES } from "./map-values";
import type { Kind } from "./marks";
import { type Pane, type Scene, sameComponent } from "./pane";
import { togglePinned } from "./pinned";
import { positionsText } from "./positions";
import { standalone } from "./standalone";
import { steerShort } from "./steering";
import { toolPicker } from "./tool-picker";
import { positionsAt, TOOLS } from "./tools";

/** Rows are layers; columns heads and, last, the MLP. Cells that the model lacks do not exist. */
export function shapeOf(model: ModelJson): { shape: GridShape; heads: number } {
  const heads = Math.max(0, ...model.heads);
  const exists = (row: number, column: number): boolean =>
    column < heads ? column < (model.heads[row] ?? 0) : (model.mlp[row] ?? false);
  return { heads, shape: { rows: model.n_layers, columns: heads + 1, exists } };
}

export function componentAt(cell: Cell, heads: number): ComponentJson {
  if (cell.column < heads) return { type: "head", layer: cell.row, head: cell.column };
  return { type: "mlp", layer: cell.row };
}

const AXIS_WIDTH = 22;

/** A few layers take large cells, a dozen comfortable ones, eighty what there is. */
function roomFor(width: number, rows: number): { width: number; height: number } {
  return { width: width - AXIS_WIDTH, height: Math.max(320, rows * 5) };
}

/** How wide the map would like its column to be. */
const wishedWidth = (heads: number): number => Math.min(460, Math.max(312, heads * 22 + 92));

export class HeadMapPane implements Pane {
  readonly el = element("section", { class: "mw-pane mw-heads", "aria-label": "Heads" });
  readonly #progress = element("span", { class: "mw-muted mw-progress", title: "components done" });
  readonly #choice = choiceOf();
  readonly #axes = headAxes();
  readonly #holder = element("div", { class: "mw-map-holder" }, this.#axes.el);
  readonly #legend = new Legend();
  readonly #kinds = element("ul", { class: "mw-kinds mw-muted", "aria-label": "Marks on the map" });
  readonly #rebuildKinds = keyed(this.#kinds);
  readonly #words = element("div", { class: "mw-readout-words" });
  readonly #hint = element("div", { class: "mw-readout-hint" });
  readonly #notes = element("div", { class: "mw-notes mw-muted" });
  #chart: HeadChart | null = null;
  #heads = 0;
  #scene: Scene | null = null;

  constructor(
    private readonly store: SessionStore,
    private readonly actions: Actions,
    private readonly signal: AbortSignal,
  ) {
    const head = element(
      "div",
      { class: "mw-pane-head" },
      element("h3", {}, "Heads"),
      this.#choice,
    );
    head.append(element("span", { class: "mw-grow" }), this.#progress);
    const readout = element("div", { class: "mw-readout", "aria-hidden": "true" });
    readout.append(this.#words, this.#hint);
    this.el.append(head, this.#holder, this.#legend.el, this.#kinds, readout, this.#notes);
    this.#choice.addEventListener("change", () => {
      this.#scene?.values.choose(this.#choice.value as Choice);
    });
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state, values, theme, page } = scene;
    if (!state) return;
    const scale = scaleOf(values);
    this.#drawMap(scene, state.model, scale);
    if (this.#choice.value !== values.choice) this.#choice.value = values.choice;
    const { progress } = values;
    const counted = progress && values.choice === "effect";
    setText(this.#progress, counted ? `${progress.done}/${progress.total}` : "");
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
    this.el.toggleAttribute("data-disabled", !scene.enabled);
    const looked = page.hover.component ?? page.locked;
    setText(this.#words, looked ? describe(scene, scale, looked, this.#heads) : RESTING);
    setText(this.#hint, looked ? hintOf(scene, looked, this.actions) : toolHint(scene));
    setText(this.#notes, notesOf(state.model, values.reason));
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

  #drawMap(scene: Scene, model: ModelJson, scale: MapScale): void {
    const { shape, heads } = shapeOf(model);
    this.#heads = heads;
    this.el.parentElement?.style.setProperty("--mw-map-width", `${wishedWidth(heads)}px`);
    const { rows } = shape;
    const drawn: HeadScene = {
      label: `Heads by layer, ${scale.caption}`,
      shape,
      heads,
      size: cellSize(roomFor(this.#holder.clientWidth || 330, rows), rows, heads),
      ramp: ramp(scale.scale, scene.theme),
      cell: (row, column) => cellOf(scene, scale.max, componentAt({ row, column }, heads), heads),
      describe: (cell) => describe(scene, scale, componentAt(cell, heads), heads),
      print: (cell) => printed(scene, scale, componentAt(cell, heads), heads),
    };
    this.#chartFor(rows * shape.columns).draw(drawn);
    this.#axes.draw(drawn, headGeometry(drawn), model.mlp.some(Boolean));
  }

  #chartFor(cells: number): HeadChart {
    const large = cells > MOST_ELEMENTS;
    if (this.#chart && large === this.#chart instanceof HeadCanvas) return this.#chart;
    const events: HeadEvents = {
      enter: (cell) => this.store.hover(componentAt(cell, this.#heads)),
      leave: () => this.store.hover(null),
      press: (cell, event) => {
        const component = componentAt(cell, this.#heads);
        if (event.ctrlKey || event.metaKey) togglePinned(this.store, component);
        else this.#press(component, event.shiftKey);
      },
    };
    this.#chart = large ? new HeadCanvas(events, this.signal) : new HeadElements(events);
    this.#axes.place(this.#chart.el);
    return this.#chart;
  }

  #press(component: ComponentJson, shift: boolean): void {
    if (shift && component.type === "head") this.store.lock(component);
    else this.actions.use(component);
  }
}

const RESTING = "Point at a head to see its attention.";

function toolHint({ page, state }: Scene): string {
  const { text, verb, lacks } = TOOLS[page.tool];
  const missing = lacks(state, page);
  if (missing) return `${text} ${missing}`;
  if (page.tool === "steer" && state) return steerShort(page, state);
  if (page.tool === "look") return "A click locks it, another click unlocks it.";
  return `A click ${verb} it${where(page.positions)}, another click restores it.`;
}

/** The selected positions in words; nothing where all are meant. */
function where(positions: readonly number[]): string {
  return positions.length > 0 ? ` at ${positionsText(positions)}` : "";
}

function choiceOf(): HTMLSelectElement {
  const choice = element("select", {
    class: "mw-select",
    "aria-label": "What colours the map",
    "data-testid": "mw-map-choice",
  });
  for (const [value, text] of Object.entries(SHORT_CHOICES)) {
    choice.append(element("option", { value, title: CHOICES[value as Choice] }, text));
  }
  return choice;
}

function noteOf(values: Scene["values"]): string {
  if (values.shown !== values.choice) return "induction, until effects arrive";
  return values.effects?.unit === "nats" && values.shown === "effect" ? "KL" : "";
}

function hintOf(scene: Scene, component: ComponentJson, actions: Actions): string {
  const { tool } = scene.page;
  const positions = positionsAt(scene.page, scene.state, component.layer);
  const listed = actions.find(component);
  const does = `${TOOLS[tool].verb}${where(positions)}`;
  const verb = listed ? (listed.enabled ? "restores" : "switches it on again") : does;
  if (component.type !== "head") return tool === "look" ? "" : `click ${verb}`;
  const locked = sameComponent(scene.page.locked, component);
  if (tool === "look") return `click ${locked ? "unlocks" : "locks"}`;
  return `click ${verb} · ${locked ? "L or Esc unlocks" : "L or Shift-click locks"}`;
}

function notesOf(model: ModelJson, reason: string): string {
  const none = model.heads.every((n) => n === 0) ? ["this model has no attention heads"] : [];
  return [...none, ...model.notes, reason].filter(Boolean).join(" · ");
}

export const headMap = standalone({
  name: "head-map",
  label: "head map",
  effects: true,
  panes: (cast) => [toolPicker(cast), new HeadMapPane(cast.store, cast.actions, cast.signal)],
});
