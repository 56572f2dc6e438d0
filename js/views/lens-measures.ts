// What can colour the lens: how each measure is called, shaded and printed, alone and as a change
// that the edits made. Shades run from 0 to 1 (−1 to 1 on the diverging scale), so that one legend
// serves all of them.

import type { Scale } from "../charts/colour";
import { nats, percent, plain, signed } from "../charts/format";
import type { SessionState } from "../types";
import type { MeasureName } from "../wire/lens";

/** A measure, or the effect of patching from B. */
export type Colouring = MeasureName | "patching";

export interface Shading {
  readonly scale: Scale;
  /** −1 … 1, or 0 … 1. */
  shade(value: number): number;
  readonly low: string;
  readonly high: string;
  readonly label: string;
}

interface Measure {
  readonly text: string;
  readonly title: string;
  readonly kind: "probability" | "rank" | "nats" | "logits";
  /** Why it cannot be chosen; empty when it can. */
  lacks(state: SessionState): string;
}

const nothing = (): string => "";
const answer = ({ metric }: SessionState): string => (metric ? "" : "needs an answer token");
const both = ({ metric }: SessionState): string =>
  metric?.unit === "logits" ? "" : "needs an answer and a distractor";

export const MEASURES: Record<MeasureName, Measure> = {
  probability: {
    text: "probability",
    title: "Probability of the cell's own top token",
    kind: "probability",
    lacks: nothing,
  },
  final_probability: {
    text: "probability of the final answer",
    title: "Probability of what the last row finds likeliest at that position",
    kind: "probability",
    lacks: nothing,
  },
  final_rank: {
    text: "rank of the final answer",
    title: "Rank of what the last row finds likeliest at that position; 1 is the likeliest",
    kind: "rank",
    lacks: nothing,
  },
  entropy: {
    text: "entropy",
    title: "Entropy of the distribution over the vocabulary, in nats",
    kind: "nats",
    lacks: nothing,
  },
  kl: {
    text: "KL to the final answer",
    title: "KL(final distribution ‖ this one) at that position, in nats; 0 in the last row",
    kind: "nats",
    lacks: nothing,
  },
  answer_probability: {
    text: "probability of the answer",
    title: "Probability of the answer token",
    kind: "probability",
    lacks: answer,
  },
  answer_rank: {
    text: "rank of the answer",
    title: "Rank of the answer token; 1 is the likeliest",
    kind: "rank",
    lacks: answer,
  },
  logit_diff: {
    text: "logit difference",
    title: "Logit of the answer minus logit of the distractor",
    kind: "logits",
    lacks: both,
  },
};

export const PATCHING = {
  text: "patching effect",
  title: "What patching this stream from B does to the metric, as a share of the way from A to B",
  lacks: (state: SessionState): string =>
    !state.other ? "needs a prompt B" : state.metric ? "" : "needs an answer token",
};

/** The number as a person reads it. */
export function printed(name: MeasureName, value: number): string {
  const { kind } = MEASURES[name];
  if (!Number.isFinite(value)) return "–";
  if (kind === "probability") return percent(value);
  if (kind === "rank") return `rank ${value.toLocaleString("en")}`;
  return kind === "nats" ? nats(value) : `${signed(value)} logits`;
}

/** What the edits did to it, as a person reads it. */
export function printedChange(name: MeasureName, before: number, after: number): string {
  const { kind } = MEASURES[name];
  const difference = after - before;
  if (!Number.isFinite(difference)) return "–";
  if (kind === "probability") return `${signed(100 * difference)} pp`;
  if (kind === "rank") return `rank ${before.toLocaleString("en")} → ${after.toLocaleString("en")}`;
  return `${signed(difference)} ${kind === "nats" ? "nats" : "logits"}`;
}

/** The change as a number on a scale with a true zero: ranks count in powers of ten, up is better. */
export function changeOf(name: MeasureName, before: number, after: number): number {
  return MEASURES[name].kind === "rank" ? Math.log10(before / after) : after - before;
}

/** The shades of a measure; `largest` is the largest magnitude that is known of it. */
export function shadingOf(name: MeasureName, vocabulary: number, largest: number): Shading {
  const { kind, title } = MEASURES[name];
  const sequential = { scale: "sequential" as const, label: title };
  if (kind === "probability")
    return { ...sequential, shade: (p) => p, low: "0", high: "100% probability" };
  if (kind === "rank") {
    const decades = Math.log(Math.max(2, vocabulary));
    const low = `rank ${vocabulary.toLocaleString("en")}`;
    const shade = (rank: number): number => 1 - Math.log(rank) / decades;
    return { ...sequential, shade, low, high: "rank 1 (log)" };
  }
  if (kind === "nats") {
    const most = Math.log(Math.max(2, vocabulary));
    const shade = (value: number): number => Math.min(1, value / most);
    const high = `${plain(most)}${name === "kl" ? " or more nats KL" : " nats entropy"}`;
    return { ...sequential, shade, low: "0", high };
  }
  return diverging(Math.max(1, largest), (most) => `${signed(most)} logits`, title);
}

/** The shades of a change. */
export function changeShading(name: MeasureName, largest: number): Shading {
  const { kind, text } = MEASURES[name];
  const label = `Change of ${text}, after minus before`;
  if (kind === "probability") {
    return diverging(Math.max(0.05, largest), (most) => `${signed(100 * most)} pp`, label);
  }
  if (kind === "rank") {
    const times = (most: number): string =>
      `${plain(10 ** Math.abs(most))}× ${most > 0 ? "better" : "worse"}`;
    return diverging(Math.max(1, largest), times, label);
  }
  const unit = kind === "nats" ? "nats" : "logits";
  return diverging(Math.max(0.1, largest), (most) => `${signed(most)} ${unit}`, label);
}

/** The shades of the patching map, whose values are shares of the way from A to B. */
export const patchingShading = (): Shading => ({
  ...diverging(1, (most) => (most > 0 ? "100% as in B" : "−100%"), PATCHING.title),
});

function diverging(most: number, end: (value: number) => string, label: string): Shading {
  const shade = (value: number): number => Math.max(-1, Math.min(1, value / most));
  return { scale: "diverging", shade, low: end(-most), high: end(most), label };
}
