// The map of all heads and MLPs. A cell's colour is a number on one scale with a true zero; what a
// person did to it is drawn on top. A click ablates or restores; hovering previews the attention
// pattern; Shift-click, the pin or the key L lock it.

import { inkOn, level, ramp } from "../charts/colour";
import { element, setAttributes, setText } from "../charts/dom";
import type { Cell, GridShape } from "../charts/grid-keys";
import { HeadCanvas } from "../charts/head-canvas";
import { HeadElements } from "../charts/head-elements";
import {
  cellSize,
  type HeadCell,
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
  type Mark,
  MOST_ELEMENTS,
} from "../charts/head-grid";
import { Legend } from "../charts/legend";
import type { SessionStore } from "../store/session-store";
import type { ComponentJson, ModelJson } from "../types";
import type { Actions } from "./actions";
import { headAxes } from "./head-axes";
import { type MapScale, scaleOf } from "./map-scale";
import { CHOICES, type Choice, SHORT_CHOICES } from "./map-values";
import { MARK_WORDS } from "./marks";
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

const nameOf = (component: ComponentJson): string =>
  component.type === "head"
    ? `Head ${component.layer}.${component.head}`
    : `MLP ${component.layer}`;

function roomFor(width: number, rows: number): { width: number; height: number } {
  return { width, height: Math.max(rows * 4, 440) };
}

export function headMap(store: SessionStore, actions: Actions, signal: AbortSignal): Pane {
  const caption = element("span", { class: "mw-muted mw-caption" });
  const progress = element("span", { class: "mw-muted mw-progress" });
  const choice = element("select", {
    class: "mw-select",
    "aria-label": "What colours the map",
    "data-testid": "mw-map-choice",
  });
  for (const [value, text] of Object.entries(SHORT_CHOICES)) {
    choice.append(element("option", { value, title: CHOICES[value as Choice] }, text));
  }
  const head = element(
    "div",
    { class: "mw-pane-head" },
    element("h3", {}, "Heads"),
    choice,
    caption,
  );
  head.append(element("span", { class: "mw-grow" }), progress);
  const holder = element("div", { class: "mw-map-holder" });
  const legend = new Legend();
  const readout = element("div", { class: "mw-readout", "aria-hidden": "true" });
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
    holder.replaceChildren(axes.el);
    axes.place(chart.el);
    return chart;
  };
  const axes = headAxes();
  choice.addEventListener("change", () => scene?.values.choose(choice.value as Choice));

  return {
    el,
    draw(next: Scene): void {
      scene = next;
      const { state, values } = next;
      holder.toggleAttribute("data-empty", !state);
      if (!state) return;
      const scale = scaleOf(values);
      const map = shapeOf(state.model);
      heads = map.heads;
      const size = cellSize(
        roomFor(holder.clientWidth || 330, map.shape.rows),
        map.shape.rows,
        heads,
      );
      const drawn: HeadScene = {
        label: `Heads by layer, ${scale.caption}`,
        ...map,
        size,
        ramp: ramp(scale.scale, next.theme),
        cell: (row, column) => cellOf(next, scale.max, componentAt({ row, column }, heads), heads),
        describe: (cell) => describe(next, scale, componentAt(cell, heads), heads),
        print: (cell) => printed(next, scale, componentAt(cell, heads), heads),
      };
      chartFor(map.shape.rows * map.shape.columns).draw(drawn);
      axes.draw(drawn, headGeometry(drawn), state.model.mlp.some(Boolean));
      drawFrame(next, scale);
    },
  };

  function drawFrame({ state, values, theme, page, enabled }: Scene, scale: MapScale): void {
    if (choice.value !== values.choice) choice.value = values.choice;
    const borrowed = values.shown !== values.choice;
    setText(
      caption,
      borrowed ? `induction score until effects arrive` : shortCaption(values, scale),
    );
    setAttributes(caption, { title: values.refusal || scale.caption });
    const { progress: at } = values;
    setText(progress, at && values.choice === "effect" ? `${at.done}/${at.total}` : "");
    legend.draw({ ...scale, theme, to: scale.max, label: scale.caption });
    el.toggleAttribute("data-disabled", !enabled);
    const looked = page.hover.component ?? page.locked;
    setText(
      readout,
      looked && state ? sentence(looked) : "Click a head to ablate it, click again to restore it.",
    );
    setText(notes, notesOf(state?.model ?? null));
  }

  function sentence(component: ComponentJson): string {
    if (!scene) return "";
    const act = markOf(scene, component) === "whole" ? "click restores" : "click ablates";
    const locks = sameComponent(scene.page.locked, component)
      ? "L unlocks"
      : "L or Shift-click locks";
    const words = describe(scene, scaleOf(scene.values), component, heads);
    return [words, act, component.type === "head" ? locks : ""].filter(Boolean).join(" · ");
  }
}

function shortCaption(values: Scene["values"], scale: MapScale): string {
  if (values.shown !== "effect") return scale.caption.replace(/^.*, /, "");
  return scale.scale === "sequential" ? "KL when ablated" : "on the metric when ablated";
}

function notesOf(model: ModelJson | null): string {
  if (!model) return "";
  const none = model.heads.every((n) => n === 0) ? ["This model has no attention heads."] : [];
  return [...none, ...model.notes].join(" · ");
}

function numberOf({ values }: Scene, component: ComponentJson, heads: number): number {
  return values.at(component.layer, component.type === "head" ? component.head : heads);
}

function markOf({ marks }: Scene, component: ComponentJson): Mark | null {
  return component.type === "head"
    ? marks.head(component.layer, component.head)
    : marks.mlp(component.layer);
}

const isPending = ({ client }: Scene, component: ComponentJson): boolean =>
  client.pending.length > 0 && client.isPending(component);

function cellOf(scene: Scene, max: number, component: ComponentJson, heads: number): HeadCell {
  const { page } = scene;
  return {
    level: level(numberOf(scene, component, heads), max),
    mark: markOf(scene, component),
    pending: isPending(scene, component),
    locked: sameComponent(page.locked, component),
    lit: sameComponent(page.hover.component, component),
  };
}

function describe(scene: Scene, scale: MapScale, component: ComponentJson, heads: number): string {
  const value = numberOf(scene, component, heads);
  const mark = markOf(scene, component);
  const what = scale.scale === "diverging" ? "effect " : "";
  const words = [
    nameOf(component),
    Number.isNaN(value) ? "" : `${what}${scale.print(value)}`,
    mark ? MARK_WORDS[mark] : "",
    isPending(scene, component) ? "pending" : "",
    sameComponent(scene.page.locked, component) ? "locked" : "",
  ];
  return words.filter(Boolean).join(", ");
}

function printed(
  scene: Scene,
  { scale, max, print }: MapScale,
  component: ComponentJson,
  heads: number,
): { text: string; ink: string } {
  const value = numberOf(scene, component, heads);
  if (Number.isNaN(value)) return { text: "", ink: "" };
  // The unit is in the legend.
  const text = print(value).replace(/ .*$/, "");
  return { text, ink: inkOn(value, max, scale, scene.theme) };
}
