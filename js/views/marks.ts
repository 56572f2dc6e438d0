// What the interventions of a session do to each cell of the head map: all of it, some of it
// (token positions, single neurons), or nothing for now because they are switched off.

import type { Mark } from "../charts/head-grid";
import type { ComponentJson, InterventionJson } from "../types";
import { ablatedBy } from "../types";

export interface Marks {
  head(layer: number, head: number): Mark | null;
  mlp(layer: number): Mark | null;
}

const STRENGTH: Record<Mark, number> = { off: 0, part: 1, whole: 2 };

/** The map cell that an ablation reaches. Other interventions have no mark. */
function reach(component: ComponentJson): { key: string; whole: boolean } {
  const whole = component.positions === undefined;
  const { layer } = component;
  switch (component.type) {
    case "head":
      return { key: `head ${layer}.${component.head}`, whole };
    case "attention":
      return { key: `layer ${layer}`, whole };
    case "mlp":
      return { key: `mlp ${layer}`, whole };
    case "neuron":
      return { key: `mlp ${layer}`, whole: false };
  }
}

export function marksOf(interventions: readonly InterventionJson[]): Marks {
  const marks = new Map<string, Mark>();
  for (const intervention of interventions) {
    const ablated = ablatedBy(intervention);
    if (!ablated) continue;
    const { key, whole } = reach(ablated);
    const mark: Mark = !intervention.enabled ? "off" : whole ? "whole" : "part";
    const old = marks.get(key);
    if (!old || STRENGTH[mark] > STRENGTH[old]) marks.set(key, mark);
  }
  return {
    head: (layer, head) =>
      stronger(marks.get(`head ${layer}.${head}`), marks.get(`layer ${layer}`)),
    mlp: (layer) => marks.get(`mlp ${layer}`) ?? null,
  };
}

function stronger(one: Mark | undefined, other: Mark | undefined): Mark | null {
  if (!one || !other) return one ?? other ?? null;
  return STRENGTH[one] >= STRENGTH[other] ? one : other;
}

export const MARK_WORDS: Record<Mark, string> = {
  whole: "ablated",
  part: "ablated in part",
  off: "ablation switched off",
};
