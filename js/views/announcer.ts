// What a screen reader hears after a change: which edit, and what it did to the metric. One polite
// sentence per finished run, nothing while clicks follow each other.

import { element, setText } from "../charts/dom";
import { metric, nats } from "../charts/format";
import { visible } from "../charts/token-text";
import type { SessionState } from "../types";
import { ablatedBy, componentKey } from "../types";
import type { Pane, Scene } from "./pane";

function listed(state: SessionState): Map<string, string> {
  const active = state.interventions.filter((item) => item.enabled);
  return new Map(
    active.map((item) => {
      const ablated = ablatedBy(item);
      return [ablated ? componentKey(ablated) : item.sentence, item.sentence];
    }),
  );
}

/** What is different now, as sentences. */
function difference(before: SessionState, after: SessionState): string {
  const [old, now] = [listed(before), listed(after)];
  const added = [...now].filter(([key]) => !old.has(key)).map(([, sentence]) => sentence);
  const restored = [...old]
    .filter(([key]) => !now.has(key))
    .map(([key, sentence]) => (key === sentence ? `Undone: ${sentence}` : `Restored ${key}`));
  return [...added, ...restored].join(", ");
}

function numbers({ outcome, metric: question }: SessionState): string {
  if (!outcome) return "";
  if (!outcome.metric || !question) return `KL ${nats(outcome.kl)}`;
  const { before, after } = outcome.metric;
  return `${question.label} ${metric(before, question.unit)} to ${metric(after, question.unit)}`;
}

/** The most likely token, said when the prompt or the metric changed. */
function top({ outcome, model }: SessionState): string {
  const best = outcome?.top.reduce((one, other) => (other.after > one.after ? other : one));
  const which = model.predicts === "here" ? `at ${outcome?.position}` : "next";
  return best ? `most likely ${which} ${visible(best.text)}` : "";
}

export function announcement(before: SessionState | null, after: SessionState): string {
  if (!before) return "";
  const what = difference(before, after) || top(after);
  return [what, numbers(after)].filter(Boolean).join(": ");
}

export function announcer(): Pane {
  let said: SessionState | null = null;
  const el = element("div", {
    class: "mw-status",
    role: "status",
    "aria-live": "polite",
    "data-testid": "mw-status",
  });
  return {
    el,
    draw({ client }: Scene): void {
      const { state } = client;
      if (!state?.outcome || state.outcome.revision !== state.revision) return;
      if (said?.revision === state.revision && said.session === state.session) return;
      setText(el, announcement(said, state));
      said = state;
    },
  };
}
