// The small words under the head map: what a click would do here, what is missing, how to read it.

import type { ComponentJson, ModelJson } from "../types";
import type { MapEdits } from "./map-edits";
import { EFFECT, type MapValues } from "./map-values";
import { type Scene, sameComponent } from "./pane";
import { positionsText } from "./positions";
import { steerShort } from "./steering";
import { positionsAt, TOOLS } from "./tools";

export const RESTING = "Point at a head to see its attention.";

export function toolHint({ page, state }: Scene): string {
  const { text, verb, lacks } = TOOLS[page.tool];
  const missing = lacks(state, page);
  if (missing) return `${text} ${missing}`;
  if (page.tool === "steer" && state) return steerShort(page, state);
  if (page.tool === "look") return "A click locks it, another click unlocks it.";
  return `A click ${verb} it${where(page.positions)}; drag for many.`;
}

/** The selected positions in words; nothing where all are meant. */
function where(positions: readonly number[]): string {
  return positions.length > 0 ? ` at ${positionsText(positions)}` : "";
}

export function hintOf(scene: Scene, component: ComponentJson, edits: MapEdits): string {
  const { tool } = scene.page;
  const isHead = component.type === "head";
  const locked = sameComponent(scene.page.locked, component);
  if (tool === "look") return isHead ? `click ${locked ? "unlocks" : "locks"}` : "";
  const { why } = edits.wish(component);
  if (why) return why;
  const listed = edits.find(component);
  const does = `${TOOLS[tool].verb}${where(positionsAt(scene.page, scene.state, component.layer))}`;
  const verb = listed ? (listed.enabled ? "restores" : "switches it on again") : does;
  if (!isHead) return `click ${verb} · right-click for more`;
  return `click ${verb} · ${locked ? "L or Esc unlocks" : "L locks"} · right-click for more`;
}

export function noteOf(values: MapValues): string {
  if (values.choice === EFFECT && values.shown !== EFFECT) return "induction, until effects arrive";
  return values.style.unit === "nats" && values.shown === EFFECT ? "KL" : "";
}

export function notesOf(model: ModelJson, reason: string): string {
  const none = model.heads.every((n) => n === 0) ? ["this model has no attention heads"] : [];
  return [...none, ...model.notes, reason].filter(Boolean).join(" · ");
}
