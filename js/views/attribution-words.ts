// What the attribution view says in words: what is attributed, by which method, under which
// convention, and how far the sum is from what it has to be.

import { plain, signed } from "../charts/format";
import { short } from "../charts/token-text";
import type { DirectTerms, GradientTerms, Target } from "../wire/attribution";

export type Shown = "direct" | "gradient" | "integrated";

export const METHODS: Record<Shown, { text: string; title: string }> = {
  direct: {
    text: "direct",
    title: "Direct logit attribution: what each part wrote to the stream, read by the unembedding",
  },
  gradient: {
    text: "act × grad",
    title: "Activation times gradient: to first order what is lost when the part is zeroed",
  },
  integrated: {
    text: "integrated gradients",
    title:
      "The gradient along the path from nothing to the run as it is (Sundararajan et al. 2017)",
  },
};

export const ORDERS = {
  layers: { text: "in order", title: "As it is written, layer by layer" },
  largest: { text: "largest first", title: "By size, without the edits or with them" },
  change: { text: "most changed", title: "By what the edits changed" },
};

/** What is attributed, and where it is read. */
export function targetOf({ tokens, position }: Target, at: string): string {
  const [one = "", other] = tokens.map((text) => short(text, 14));
  const what = other === undefined ? `logit of ${one}` : `${one} − ${other}`;
  return `${what} at ${short(at, 12)} (${position})`;
}

/** Why it is not what is measured, and what that means. */
export function reasonOf({ reason, tokens }: Target): string {
  if (tokens.length > 1) return reason;
  const zero =
    "a logit alone counts what raises all of them alike: choose a distractor to rule it out";
  return [reason, zero].filter(Boolean).join(" · ");
}

/** What a number here is; with what the sum leaves over. */
export function directConvention(told: DirectTerms): string {
  const last = told.runs.at(-1);
  const left = (last?.metric ?? Number.NaN) - (last?.total ?? Number.NaN);
  const sum = told.note || `sum ${signed(last?.total ?? Number.NaN)}, remainder ${small(left)}`;
  return `logits: each write along the unembedding, final norm held at the run’s own scale · ${sum}`;
}

export function gradientConvention(told: GradientTerms): string {
  const { of, steps, method, runs } = told;
  const [from, unit] =
    of === "tokens"
      ? ["from the mean of all embeddings, positions kept", "(embedding − mean) · gradient"]
      : ["from zero, all heads’ z and MLPs at once", "activation · gradient, summed over tokens"];
  if (method === "gradient") return `logits, to first order: ${unit}`;
  const { start, value, gap } = runs.at(-1) ?? { start: 0, value: 0, gap: 0 };
  const coarse =
    Math.abs(gap) > COARSE * Math.abs(value - start) ? ", too coarse: take more steps" : "";
  const sum = `from ${signed(start)} to ${signed(value)}, off by ${small(gap)}${coarse}`;
  return `logits: ${unit}, over ${steps} steps ${from} · ${sum}`;
}

/** A larger error, as a share of what is integrated, is said to be one. */
const COARSE = 0.03;

/** A remainder: what rounds to nothing at four digits is nothing. */
const small = (value: number): string =>
  Math.abs(value) < 0.1
    ? value
        .toFixed(4)
        .replace(/^-(0\.0000)$/, "$1")
        .replace("-", "−")
    : plain(value);

export const EXACT_CONVENTION =
  "exact: the metric, less the metric with the part zeroed (a token: its embedding at the mean), " +
  "in a run of its own, with the edits in force";
