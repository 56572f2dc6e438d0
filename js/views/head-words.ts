// One cell of the head map as it looks and in words: its number on the scale, what a person did to
// it, whether the kernel has yet to agree.

import { inkOn, level } from "../charts/colour";
import type { HeadCell } from "../charts/head-grid";
import type { ComponentJson } from "../types";
import { type MapColumns, sharedWords } from "./map-columns";
import type { MapScale } from "./map-scale";
import { EFFECT, type MapNumbers } from "./map-values";
import type { CellMark } from "./marks";
import { type Scene, sameComponent } from "./pane";

/** All that a cell is drawn and said from. */
export interface MapLook {
  readonly scene: Scene;
  readonly scale: MapScale;
  readonly columns: MapColumns;
  readonly numbers: MapNumbers;
  readonly painted: ReadonlySet<string>;
}

export function nameOf(component: ComponentJson): string {
  const { type, layer } = component;
  if (type === "head") return `Head ${layer}.${component.head}`;
  if (type === "expert_neuron") {
    return `Neuron ${component.index} of expert ${layer}.${component.expert}`;
  }
  if (type === "residual") return `Residual stream before layer ${layer}`;
  if (type === "neuron") return `Neuron ${layer}.${component.index} of MLP ${layer}`;
  return type === "mlp" ? `MLP ${layer}` : `${type === "layer" ? "Layer" : "Attention"} ${layer}`;
}

export const cellKey = (row: number, column: number): string => `${row}.${column}`;

export function numberOf({ columns, numbers }: MapLook, component: ComponentJson): number {
  return numbers.at(component.layer, columns.numberColumn(component));
}

export function markOf({ marks, state }: Scene, component: ComponentJson): CellMark | null {
  const { type, layer } = component;
  if (type === "head") return marks.head(layer, component.head);
  if (type === "residual") return marks.residual(layer, layer === (state?.model.n_layers ?? 0) - 1);
  return type === "neuron" || type === "expert_neuron" ? marks.mlp(layer) : marks[type](layer);
}

const isPending = ({ client }: Scene, component: ComponentJson): boolean =>
  client.pending.length > 0 && client.isPending(component);

export function cellOf(look: MapLook, row: number, column: number): HeadCell {
  const component = look.columns.componentAt({ row, column });
  const mark = markOf(look.scene, component);
  return {
    level: level(numberOf(look, component), look.scale.max),
    mark: mark?.mark ?? null,
    tone: mark?.tone ?? null,
    glyph: mark?.glyph ?? "",
    pending: isPending(look.scene, component),
    painted: look.painted.has(cellKey(row, column)),
  };
}

export function describe(look: MapLook, component: ComponentJson): string {
  const { scene, scale } = look;
  const value = numberOf(look, component);
  const what = scene.values.shown === EFFECT && scale.scale === "diverging" ? "effect " : "";
  const model = scene.state?.model;
  const words = [
    nameOf(component),
    Number.isNaN(value) ? "" : `${what}${scale.print(value)}`,
    markOf(scene, component)?.words ?? "",
    isPending(scene, component) ? "pending" : "",
    sameComponent(scene.page.locked, component) ? "locked" : "",
    model && component.type === "head" ? sharedWords(model, component.layer, component.head) : "",
  ];
  return words.filter(Boolean).join(", ");
}

export function printed(look: MapLook, component: ComponentJson): { text: string; ink: string } {
  const { scale, max, print } = look.scale;
  const value = numberOf(look, component);
  if (Number.isNaN(value)) return { text: "", ink: "" };
  // The unit is in the legend.
  const text = print(value).replace(/ .*$/, "");
  return { text, ink: inkOn(Math.max(-max, Math.min(max, value)), max, scale, look.scene.theme) };
}
