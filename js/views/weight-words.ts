// What the numbers of the weights view are, in words: one place for every convention.

import type { HeadPlace } from "../store/session-store";
import type { SessionState } from "../types";
import type { CompositionKind, HeadCircuit, HeadEdge, Reason } from "../wire/weights";

export const SECTIONS = {
  circuits: { text: "Circuits", title: "What the heads make of single tokens" },
  composition: { text: "Composition", title: "How much of what one head writes another reads" },
  norms: { text: "Norms", title: "How long the maps of heads and MLPs are" },
} as const;
export type Section = keyof typeof SECTIONS;
export const SECTION_NAMES = Object.keys(SECTIONS) as Section[];

export const KINDS: Record<CompositionKind, { text: string; title: string; formula: string }> = {
  q: {
    text: "Q",
    title: "What queries are made of",
    formula: "‖W_OV W_Q W_Kᵀ‖ / (‖W_OV‖ ‖W_Q W_Kᵀ‖)",
  },
  k: {
    text: "K",
    title: "What keys are made of",
    formula: "‖W_OV W_K W_Qᵀ‖ / (‖W_OV‖ ‖W_K W_Qᵀ‖)",
  },
  v: { text: "V", title: "What is moved on", formula: "‖W_OV W_OV′‖ / (‖W_OV‖ ‖W_OV′‖)" },
};
export const KIND_NAMES = Object.keys(KINDS) as CompositionKind[];

export const QK_HINT = "Score before the softmax, less the query’s mean over all keys";
export const OV_HINT = "Logits where the final norm divides by 1, less their mean";

/** What weights are asked under: they say the same for every prompt. Empty: wait for the run. */
export function weightsKey({ session, tokens, outcome, phase, revision }: SessionState): string {
  if (tokens.length === 0 || phase === "error") return `${session} weights of now ${revision}`;
  if (!outcome) return "";
  // Where nobody can say whether weights were changed by hand, every click counts.
  return `${session} weights ${outcome.model_version ?? `at ${outcome.revision}`}`;
}

export function circuitConvention(circuit: HeadCircuit): string {
  const { rotates, distance, cap } = circuit;
  const where = distance === 1 ? "1 token" : `${distance} tokens`;
  const parts = [
    "Embeddings alone in the stream, through the norm before the heads; positions are left out",
    rotates ? `rotary ones are those of a query ${where} after its key` : "",
    cap > 0 ? `scores are before their cap at ${cap.toFixed(0)}` : "",
    `QK: ${QK_HINT.toLowerCase()}`,
    `OV: ${OV_HINT.toLowerCase()}, biases left out`,
  ];
  return `${parts.filter(Boolean).join("; ")}.`;
}

export const edgeName = ({ from, to }: Pick<HeadEdge, "from" | "to">): string =>
  `${from.layer}.${from.head} → ${to.layer}.${to.head}`;

/** One sentence of why numbers are missing. */
export function reasonsText(reasons: readonly Reason[]): string {
  const by = new Map<string, number[]>();
  for (const { layer, reason } of reasons) by.set(reason, [...(by.get(reason) ?? []), layer]);
  return [...by]
    .map(([reason, layers]) => {
      const shown = layers.length > 6 ? `${layers.slice(0, 6).join(", ")} …` : layers.join(", ");
      return `layer${layers.length > 1 ? "s" : ""} ${shown}: ${reason}`;
    })
    .join(" · ");
}

export const sameHead = (one: HeadPlace, other: HeadPlace): boolean =>
  one.layer === other.layer && one.head === other.head;
