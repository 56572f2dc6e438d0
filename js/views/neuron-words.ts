// What the neurons view says in words: what a neuron of this model is, what is ranked and how many
// there are, and one neuron in a sentence for a screen reader.

import { plain, signed } from "../charts/format";
import { short } from "../charts/token-text";
import type { AxisTokenJson, InterventionJson, SessionState } from "../types";
import type { NeuronAddress, NeuronOrder, NeuronRanking, RankedNeuron } from "../wire/neurons";
import { type Kind, kindOf } from "./marks";

export const ORDERS: Record<NeuronOrder, { text: string; title: string }> = {
  here: { text: "largest here", title: "By |activation| at the selected token, without the edits" },
  anywhere: {
    text: "largest anywhere",
    title: "By the largest |activation| over all tokens, without the edits",
  },
  change: { text: "most changed", title: "By how far the edits moved it: |after − before|" },
  effect: {
    text: "direct effect",
    title: "By the size of its direct effect on the metric, with the final norm held at its scale",
  },
};

/** The tokens that a layer's neurons stand over: those of its own stack. */
export function tokensOf(state: SessionState, layer: number): readonly AxisTokenJson[] {
  const reads = state.encoder !== null && !state.model.cross_heads[layer];
  return reads ? (state.encoder ?? []) : state.tokens;
}

/** What is done to a neuron, by any listed intervention. */
export function editsOf(state: SessionState, { layer, index }: NeuronAddress): InterventionJson[] {
  return state.interventions.filter(({ component }) => {
    return component?.type === "neuron" && component.layer === layer && component.index === index;
  });
}

/** The one mark of a row: what is done to its neuron, if anything. */
export function markOf(edits: readonly InterventionJson[]): { kind: Kind; off: boolean } | null {
  const [shown] = [...edits.filter(({ enabled }) => enabled), ...edits];
  return shown ? { kind: kindOf(shown), off: !shown.enabled } : null;
}

export const place = (state: SessionState, layer: number, position: number): string =>
  `${short(tokensOf(state, layer)[position]?.text ?? "", 12)} (${position})`;

/** One neuron in a sentence. */
export function sentenceOf(state: SessionState, row: RankedNeuron): string {
  const changed = row.before !== row.after;
  const mark = markOf(editsOf(state, row));
  const words = [
    `Neuron ${row.layer}.${row.index}`,
    `${plain(row.after)} at ${place(state, row.layer, row.position)}`,
    changed ? `was ${plain(row.before)}` : "",
    Number.isNaN(row.effect) ? "" : `direct effect ${signed(row.effect)} logits`,
    mark ? `${mark.kind.did}${mark.off ? ", switched off" : ""}` : "",
  ];
  return words.filter(Boolean).join(", ");
}

/** How many of how many are shown. */
export function countOf(ranking: NeuronRanking, shown: number, layer: number | null): string {
  const among = ranking.layers.filter((one) => layer === null || one.layer === layer);
  const total = among.reduce((sum, one) => sum + one.total, 0);
  return `${shown.toLocaleString("en")} of ${total.toLocaleString("en")}`;
}

/** What a number here is, in the field's words. */
export function conventionOf({ gated }: NeuronRanking): string {
  const what = "activation = mlp_post, what goes into the down projection";
  if (gated === null) return what;
  return gated
    ? `${what}: the gate after its nonlinearity × the up projection`
    : `${what}, after the nonlinearity`;
}

/** What is not in the picture, and why. */
export function missingOf({ without, reason, note }: NeuronRanking): string {
  const reasons = [...new Set(without.map((one) => one.reason))];
  const parts = reasons.length > 2 ? [`${reasons[0]} (and ${reasons.length - 1} more)`] : reasons;
  const none = reason ? [`no direct effects: ${reason.replace(/\.$/, "")}`] : [];
  return [...parts, ...none, note].filter(Boolean).join(" · ");
}

export const TOKENS_CONVENTION =
  "logits per unit of activation: its output direction (W_out) through the final norm, held at its " +
  "scale at this token, and the unembedding; no biases, nothing that later layers make of it";
