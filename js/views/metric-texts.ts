// Between a metric and the two fields that a person types it into.

import { typed, visible } from "../charts/token-text";
import { type MetricJson, type SessionState, tokenMetric } from "../types";
import type { KnownToken, Side } from "../wire/vocabulary";

/** The tokens of a metric as a person would type them; ids by their text, where that is known. */
export function metricTexts(
  state: SessionState | null,
  known: readonly Pick<KnownToken, "id" | "text">[] = [],
): Record<Side, string> {
  const spec = tokenMetric(state?.metric?.spec);
  if (!state || !spec) return { answer: "", distractor: "" };
  const text = (token: string | number): string => tokenText(state, token, known);
  if (spec.type === "probability") return { answer: text(spec.token), distractor: "" };
  return { answer: text(spec.a), distractor: text(spec.b) };
}

/** One token as a person would type it; an id by its text, where that is known. */
export function tokenText(
  state: SessionState,
  token: string | number,
  known: readonly Pick<KnownToken, "id" | "text">[] = [],
): string {
  if (typeof token === "string") return visible(token);
  const named = [...known, ...(state.outcome?.top ?? []), ...state.tokens].find(
    ({ id }) => id === token,
  );
  return named ? visible(named.text) : `#${token}`;
}

/** `#1234` is a vocabulary id; everything else is text. */
export const tokenOf = (text: string): string | number =>
  /^#\d+$/.test(text) ? Number(text.slice(1)) : typed(text);

export function metricOf(answer: string, distractor: string, position?: number): MetricJson | null {
  if (answer === "") return null;
  const at = position === undefined ? {} : { position };
  if (distractor === "") return { type: "probability", token: tokenOf(answer), ...at };
  return { type: "logit_diff", a: tokenOf(answer), b: tokenOf(distractor), ...at };
}
