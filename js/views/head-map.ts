// The map of all heads and MLPs. A cell's colour is a number on one scale with a true zero; what a
// person did to it is drawn on top. A click ablates or restores; hovering previews the attention
// pattern; Shift-click, the pin or the key L lock it.

import { ramp } from "../charts/colour";
import { element, setText } from "../charts/dom";
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
import { cellOf, describe, markOf, printed } from "./head-words";
import { type MapScale, scaleOf } from "./map-scale";
import { CHOICES, type Choice, SHORT_CHOICES } from "./map-values";
import { type Pane, type Scene, sameComponent } from "./pane";

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

export function headMap(store: SessionStore, actions: Actions, signal: AbortSignal): Pane {
  const progress = element("span", { class: "mw-muted mw-progress", title: "components done" });
  const choice = choiceOf();
  const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Heads"), choice);
  head.append(element("span", { class: "mw-grow" }), progress);
  const axes = headAxes();
  const holder = element("div", { class: "mw-map-holder" }, axes.el);
  const legend = new Legend();
  const words = element("div", { class: "mw-readout-words" });
  const hint = element("div", { class: "mw-readout-hint" });
  const readout = element("div", { class: "mw-readout", "aria-hidden": "true" }, words, hint);
  const notes = element("div", { class: "mw-notes mw-muted" });
  const el = element("section", { class: "mw-pane mw-heads", "aria-label": "Heads" });
  el.append(head, holder, legend.el, readout, notes);

  let scene: Scene | null = null;
  let chart: HeadChart | null = null;
  let heads = 0;
  const events: HeadEvents = {
    enter: (cell) => store.hover(componentAt(cell, heads)),
    leave: () => store.hover(null),
    press(cell, event) {
      const component = componentAt(cell, heads);
      if (event.shiftKey && component.type === "head") store.lock(component);
      else actions.toggle(component);
    },
  };
  const chartFor = (cells: number): HeadChart => {
    const large = cells > MOST_ELEMENTS;
    if (chart && large === chart instanceof HeadCanvas) return chart;
    chart = large ? new HeadCanvas(events, signal) : new HeadElements(events);
    axes.place(chart.el);
    return chart;
  };
  choice.addEventListener("change", () => scene?.values.choose(choice.value as Choice));

  const drawMap = (next: Scene, model: ModelJson, scale: MapScale): void => {
    const map = shapeOf(model);
    heads = map.heads;
    el.parentElement?.style.setProperty("--mw-map-width", `${wishedWidth(heads)}px`);
    const { rows, columns } = map.shape;
    const drawn: HeadScene = {
      label: `Heads by layer, ${scale.caption}`,
      ...map,
      size: cellSize(roomFor(holder.clientWidth || 330, rows), rows, heads),
      ramp: ramp(scale.scale, next.theme),
      cell: (row, column) => cellOf(next, scale.max, componentAt({ row, column }, heads), heads),
      describe: (cell) => describe(next, scale, componentAt(cell, heads), heads),
      print: (cell) => printed(next, scale, componentAt(cell, heads), heads),
    };
    chartFor(rows * columns).draw(drawn);
    axes.draw(drawn, headGeometry(drawn), model.mlp.some(Boolean));
  };

  return {
    el,
    draw(next: Scene): void {
      scene = next;
      const { state, values, theme, page } = next;
      if (!state) return;
      const scale = scaleOf(values);
      drawMap(next, state.model, scale);
      if (choice.value !== values.choice) choice.value = values.choice;
      const { progress: at } = values;
      setText(progress, at && values.choice === "effect" ? `${at.done}/${at.total}` : "");
      legend.draw({ ...scale, theme, to: scale.max, label: scale.caption, note: noteOf(values) });
      // Ends without a number between them would be invented.
      legend.el.style.visibility = values.known ? "visible" : "hidden";
      el.toggleAttribute("data-disabled", !next.enabled);
      const looked = page.hover.component ?? page.locked;
      setText(
        words,
        looked ? describe(next, scale, looked, heads) : "Point at a head to see its attention.",
      );
      setText(
        hint,
        looked ? hintOf(next, looked) : "A click ablates it, another click restores it.",
      );
      setText(notes, notesOf(state.model));
    },
  };
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

function hintOf(scene: Scene, component: ComponentJson): string {
  const act = markOf(scene, component) === "whole" ? "click restores" : "click ablates";
  if (component.type !== "head") return act;
  const locked = sameComponent(scene.page.locked, component);
  return `${act} · ${locked ? "L or Esc unlocks" : "L or Shift-click locks"}`;
}

function notesOf(model: ModelJson): string {
  const none = model.heads.every((n) => n === 0) ? ["this model has no attention heads"] : [];
  return [...none, ...model.notes].join(" · ");
}
