// One cell of the head map as it looks and in words: its number on the scale, what a person did to
// it, whether the kernel has yet to agree.

import { inkOn, level } from "../charts/colour";
import type { HeadCell } from "../charts/head-grid";
import type { ComponentJson } from "../types";
import type { MapScale } from "./map-scale";
import type { CellMark } from "./marks";
import { cellFor, type Scene, sameComponent } from "./pane";

const nameOf = (component: ComponentJson): string =>
  component.type === "head"
    ? `Head ${component.layer}.${component.head}`
    : component.type === "neuron"
      ? `Neuron ${component.layer}.${component.index} of MLP ${component.layer}`
      : `MLP ${component.layer}`;

function numberOf({ values }: Scene, component: ComponentJson, heads: number): number {
  return values.at(component.layer, component.type === "head" ? component.head : heads);
}

function markOf({ marks }: Scene, component: ComponentJson): CellMark | null {
  return component.type === "head"
    ? marks.head(component.layer, component.head)
    : marks.mlp(component.layer);
}

const isPending = ({ client }: Scene, component: ComponentJson): boolean =>
  client.pending.length > 0 && client.isPending(component);

export function cellOf(
  scene: Scene,
  max: number,
  component: ComponentJson,
  heads: number,
): HeadCell {
  const { page } = scene;
  const mark = markOf(scene, component);
  return {
    level: level(numberOf(scene, component, heads), max),
    mark: mark?.mark ?? null,
    tone: mark?.tone ?? null,
    glyph: mark?.glyph ?? "",
    pending: isPending(scene, component),
    locked: sameComponent(page.locked, component),
    lit: sameComponent(cellFor(page.hover.component), component),
  };
}

export function describe(
  scene: Scene,
  scale: MapScale,
  component: ComponentJson,
  heads: number,
): string {
  const value = numberOf(scene, component, heads);
  const mark = markOf(scene, component);
  const what = scale.scale === "diverging" ? "effect " : "";
  const words = [
    nameOf(component),
    Number.isNaN(value) ? "" : `${what}${scale.print(value)}`,
    mark?.words ?? "",
    isPending(scene, component) ? "pending" : "",
    sameComponent(scene.page.locked, component) ? "locked" : "",
  ];
  return words.filter(Boolean).join(", ");
}

export function printed(
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
