// A click on a top token makes it the answer of the metric, with Shift the distractor. In: the state
// and a token. Out: the metric that the kernel is asked for.

import { type MetricJson, type SessionState, type TopTokenJson, tokenMetric } from "../types";

export type Role = "answer" | "distractor";

type Token = string | number;

/** What a token is to the metric of now. */
export function roleOf(state: SessionState, token: TopTokenJson): Role | null {
  const spec = tokenMetric(state.metric?.spec);
  if (!spec) return null;
  const [answer, distractor] = sides(spec);
  if (isToken(answer, token)) return "answer";
  return isToken(distractor, token) ? "distractor" : null;
}

/** The metric with this token in that role; null where that would measure nothing. */
export function metricWith(
  state: SessionState,
  token: TopTokenJson,
  role: Role,
): MetricJson | null {
  const spec = tokenMetric(state.metric?.spec);
  const at = spec?.position === undefined ? {} : { position: spec.position };
  const [answer, distractor] = spec ? sides(spec) : [null, null];
  const difference = (a: Token | null, b: Token | null): MetricJson | null => {
    if (a === null) return null;
    return b === null
      ? { type: "probability", token: a, ...at }
      : { type: "logit_diff", a, b, ...at };
  };
  if (role === "answer") {
    // The distractor becomes the answer: they change places.
    return difference(token.id, isToken(distractor, token) ? answer : distractor);
  }
  if (isToken(answer, token)) return distractor === null ? null : difference(distractor, token.id);
  return difference(answer ?? likeliestBut(state, token), token.id);
}

function likeliestBut(state: SessionState, token: TopTokenJson): Token | null {
  const others = (state.outcome?.top ?? []).filter(({ id }) => id !== token.id);
  others.sort((one, other) => other.before - one.before);
  return others[0]?.id ?? null;
}

const sides = (spec: MetricJson): [Token, Token | null] =>
  spec.type === "probability" ? [spec.token, null] : [spec.a, spec.b];

const isToken = (meant: Token | null, { id, text }: TopTokenJson): boolean =>
  meant === id || meant === text;
