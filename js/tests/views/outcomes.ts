// Numbers as a run would leave them, for view tests.

import type { OutcomeJson, SessionState, TopTokenJson } from "../../types";

export const top = (id: number, text: string, before: number, after: number): TopTokenJson => ({
  id,
  text,
  before,
  after,
  logit_before: Math.log(before),
  logit_after: Math.log(after),
  rank_before: 1,
  rank_after: 2,
});

export const outcomeOf = (change: Partial<OutcomeJson> = {}): OutcomeJson => ({
  revision: 1,
  position: 1,
  model_version: 1,
  ms: 12,
  kl: 0,
  entropy: [1.25, 1.25],
  fired: 0,
  edits: [],
  metric: { before: 3.34, after: 3.34 },
  top: [top(7, " Mary", 0.7, 0.7), top(8, " John", 0.05, 0.05)],
  ...change,
});

export const metric: SessionState["metric"] = {
  label: "logit difference · Mary − John",
  unit: "logits",
  position: 1,
  spec: { type: "logit_diff", a: " Mary", b: " John" },
};
