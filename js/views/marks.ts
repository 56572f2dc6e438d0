// What the interventions of a session do to each cell of the head map: every kind has a glyph and
// words of its own, and is told apart where it reaches a part of the cell (token positions, single
// neurons, edges) or is switched off.

import type { Mark, Tone } from "../charts/head-grid";
import type { InterventionJson } from "../types";

export type { Tone } from "../charts/head-grid";

/** What is done to one cell. */
export interface CellMark {
  mark: Mark;
  tone: Tone;
  /** One character; none for the strike of an ablation, a count where there are several kinds. */
  glyph: string;
  words: string;
}

export interface Kind {
  glyph: string;
  did: string;
  tone: Tone;
}

export interface Marks {
  head(layer: number, head: number): CellMark | null;
  mlp(layer: number): CellMark | null;
  attention(layer: number): CellMark | null;
  layer(layer: number): CellMark | null;
  /** The stream as it enters a layer, with what leaves the layer before; `last`: of the last one. */
  residual(layer: number, last?: boolean): CellMark | null;
  /** The kinds that are on the map, for its legend. */
  readonly kinds: readonly Kind[];
}

const ABLATED: Kind = { glyph: "×", did: "ablated", tone: "ablate" };
const OTHER: Kind = { glyph: "•", did: "edited", tone: "steer" };
const KINDS: Record<string, Kind> = {
  "ablate zero": ABLATED,
  "ablate mean": { glyph: "μ", did: "mean-ablated", tone: "ablate" },
  "ablate resample": { glyph: "~", did: "resampled", tone: "ablate" },
  patch: { glyph: "⇄", did: "patched", tone: "patch" },
  scale: { glyph: "%", did: "scaled", tone: "steer" },
  steer: { glyph: "→", did: "steered", tone: "steer" },
  set_value: { glyph: "=", did: "set", tone: "steer" },
  freeze: { glyph: "*", did: "frozen", tone: "patch" },
  skip_layer: { glyph: "↷", did: "skipped", tone: "ablate" },
  knock_out: { glyph: "⊘", did: "knocked out", tone: "ablate" },
  replace_pattern: { glyph: "#", did: "pattern replaced", tone: "patch" },
};

export function kindOf({ type, mode }: InterventionJson): Kind {
  return KINDS[type] ?? KINDS[`${type} ${mode}`] ?? OTHER;
}

/** One intervention on one cell. */
interface Touch {
  kind: Kind;
  whole: boolean;
  enabled: boolean;
}

/** The cells that an intervention reaches, and whether it is about all of each. */
function reach({ component, layers }: InterventionJson): { keys: string[]; whole: boolean } {
  if (component === null) {
    const keys = layers === "all" ? ["heads"] : (layers ?? []).map((layer) => `heads ${layer}`);
    return { keys, whole: true };
  }
  // Attention to the other stack is a part of what stands in a cell.
  const cross = "cross" in component && component.cross === true;
  const whole = !cross && !("positions" in component && component.positions);
  const { type, layer } = component;
  if (type === "head") return { keys: [`head ${layer}.${component.head}`], whole };
  if (type === "edge") return { keys: [`head ${layer}.${component.head}`], whole: false };
  if (type === "attention") return { keys: [`attention ${layer}`, `heads ${layer}`], whole };
  if (type === "mlp") return { keys: [`mlp ${layer}`], whole };
  if (type === "layer") {
    const parts = ["layer", "attention", "heads", "mlp"].map((part) => `${part} ${layer}`);
    return { keys: parts, whole };
  }
  if (type === "neuron" || type === "expert_neuron")
    return { keys: [`mlp ${layer}`], whole: false };
  // Which cell a dictionary writes to is not known here: a feature stands in none.
  if (type === "feature") return { keys: [], whole: false };
  return { keys: [`residual ${component.end === "post" ? "after" : "at"} ${layer}`], whole };
}

export function marksOf(interventions: readonly InterventionJson[]): Marks {
  const touches = new Map<string, Touch[]>();
  for (const item of interventions) {
    const { keys, whole } = reach(item);
    const touch = { kind: kindOf(item), whole, enabled: item.enabled };
    for (const key of keys) touches.set(key, [...(touches.get(key) ?? []), touch]);
  }
  const at = (...keys: string[]): CellMark | null =>
    markOf(keys.flatMap((key) => touches.get(key) ?? []));
  return {
    head: (layer, head) => at(`head ${layer}.${head}`, `heads ${layer}`, "heads"),
    mlp: (layer) => at(`mlp ${layer}`),
    attention: (layer) => at(`attention ${layer}`),
    layer: (layer) => at(`layer ${layer}`),
    residual: (layer, last = false) =>
      at(
        `residual at ${layer}`,
        `residual after ${layer - 1}`,
        ...(last ? [`residual after ${layer}`] : []),
      ),
    kinds: [...new Set([...touches.values()].flat().map(({ kind }) => kind))],
  };
}

function markOf(touches: readonly Touch[]): CellMark | null {
  if (touches.length === 0) return null;
  const active = touches.filter(({ enabled }) => enabled);
  const said = active.length > 0 ? active : touches;
  const kinds = [...new Set(said.map(({ kind }) => kind))];
  const struck = active.some(({ kind, whole }) => kind === ABLATED && whole);
  const only = kinds.length === 1 ? kinds[0] : null;
  const glyph = struck || only === ABLATED ? "" : (only?.glyph ?? String(kinds.length));
  const mark = active.length === 0 ? "off" : struck ? "whole" : only === ABLATED ? "part" : "edit";
  const tones = new Set(kinds.map(({ tone }) => tone));
  const tone = struck ? "ablate" : tones.size > 1 ? "mixed" : (kinds[0]?.tone ?? "ablate");
  return { mark, tone, glyph, words: wordsOf(touches) };
}

/** Each kind once: the strongest of what it does here. */
function wordsOf(touches: readonly Touch[]): string {
  const strength = ({ enabled, whole }: Touch): number => (enabled ? (whole ? 2 : 1) : 0);
  const strongest = new Map<Kind, number>();
  for (const touch of touches) {
    strongest.set(touch.kind, Math.max(strongest.get(touch.kind) ?? 0, strength(touch)));
  }
  const suffix = [", switched off", " in part", ""];
  return [...strongest].map(([{ did }, how]) => `${did}${suffix[how]}`).join(" and ");
}
