// What the edits did: the metric after and before and over everything that was tried, how far the
// two distributions are apart, the top tokens as paired bars, and the states that a person keeps.
// Before is grey, after is ink. The room is reserved, so nothing moves.

import { button, element, setAttributes, setText } from "../charts/dom";
import { change, metric, milliseconds, nats, plain } from "../charts/format";
import { short } from "../charts/token-text";
import type { Printed, SessionStore } from "../store/session-store";
import type { OutcomeJson, SessionState } from "../types";
import type { SessionClient } from "../wire/session-client";
import { metricWith, roleOf } from "./answer-click";
import { MetricHistory } from "./metric-history";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { SnapshotTable } from "./snapshot-table";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { TopTokens, topRows } from "./top-tokens";

const PRINTED: Record<Printed, string> = { probability: "%", logit: "logit", rank: "rank" };

/** What is printed beside the bars. */
function printedChoice(store: SessionStore): Pane {
  const group = element("div", {
    class: "mw-segments mw-printed",
    role: "group",
    "aria-label": "Printed beside the top tokens",
  });
  const names = Object.keys(PRINTED) as Printed[];
  const segments = names.map((printed) =>
    button(
      { "data-testid": `mw-printed-${printed}`, title: `Print the ${printed}` },
      () => store.set({ printed }),
      PRINTED[printed],
    ),
  );
  group.append(...segments);
  return {
    el: group,
    draw({ page, state }): void {
      group.style.visibility = state?.outcome ? "visible" : "hidden";
      segments.forEach((segment, at) => {
        const printed = names[at];
        const label = printed === "probability" ? "probability" : null;
        setAttributes(segment, {
          "aria-pressed": String(page.printed === printed),
          "aria-label": label,
        });
      });
    },
  };
}

function metricLines(): { els: HTMLElement[]; draw(scene: Scene, now: OutcomeJson): void } {
  const after = element("span", { class: "mw-metric-after", "data-testid": "mw-metric-after" });
  const before = element("span", { class: "mw-metric-was mw-muted" });
  const beforeValue = element("span", { "data-testid": "mw-metric-before" });
  const name = element("div", { class: "mw-metric-name mw-muted" });
  const facts = element("div", { class: "mw-facts mw-muted" });
  const spread = element("div", { class: "mw-facts mw-muted", "data-testid": "mw-spread" });
  const line = element("div", { class: "mw-metric" }, after, before);
  return {
    els: [line, name, facts, spread],
    draw({ state, page: { baseline } }, now): void {
      const measured = now.metric && state?.metric ? now.metric : null;
      const unit = state?.metric?.unit ?? "";
      const value = baseline ? measured?.before : measured?.after;
      setText(after, value === undefined ? nats(baseline ? 0 : now.kl) : metric(value, unit));
      setText(beforeValue, measured ? metric(measured.before, unit) : "");
      if (measured && !beforeValue.isConnected) before.replaceChildren("was ", beforeValue);
      else if (!measured) before.replaceChildren();
      setText(
        name,
        measured ? (state?.metric?.label ?? "") : "KL from the baseline · no metric set",
      );
      setAttributes(after, { "data-testid": measured ? "mw-metric-after" : "mw-kl" });
      const delta = measured ? `Δ ${change(measured.after - measured.before, unit)}` : "";
      const fired =
        now.fired > 0 ? `${now.fired} edit${now.fired === 1 ? "" : "s"} fired` : "no edits";
      const edited = [delta, fired, now.ms === null ? "" : milliseconds(now.ms)]
        .filter(Boolean)
        .join(" · ");
      setText(facts, baseline ? "the baseline: no edits" : edited);
      const [was, is] = now.entropy;
      const entropy = baseline || now.fired === 0 ? plain(was) : `${plain(was)} → ${plain(is)}`;
      const kl = `KL ${nats(baseline ? 0 : now.kl)}`;
      setText(spread, [measured ? kl : "", `entropy ${entropy} nats`].filter(Boolean).join(" · "));
      setAttributes(spread, {
        title:
          "KL(baseline ‖ edited), and the entropy of the distribution before and after, at this position",
      });
    },
  };
}

/** Where the prediction stands that all of this is about. */
function drawPlace(where: HTMLElement, state: SessionState | null, now: OutcomeJson | null): void {
  if (!state || !now) {
    setText(where, "");
    return;
  }
  const token = state.tokens[now.position]?.text;
  const here = state.model.predicts === "here";
  const place = here ? "at" : "after";
  setText(where, `${place} ${token === undefined ? "" : short(token)} (${now.position})`);
  const title = `The distribution of the ${here ? "" : "next "}token at this position`;
  setAttributes(where, { title });
}

export function outcomePane({
  client,
  store,
  invalidate,
  signal,
}: Pick<Cast, "client" | "store" | "invalidate" | "signal">): Pane {
  const where = element("span", { class: "mw-muted mw-where" });
  const printed = printedChoice(store);
  const lines = metricLines();
  const history = new MetricHistory(client);
  const top = new TopTokens("Top tokens, before and after", undefined, (token, role) => {
    const state = client.shown;
    const wished = state && metricWith(state, token, role);
    if (wished && mayAct(client)) void client.setMetric(wished);
  });
  const snapshots = new SnapshotTable(client, invalidate, signal);
  const grow = element("span", { class: "mw-grow" });
  const title = element("h3", {}, "Outcome");
  const head = element("div", { class: "mw-pane-head" }, title, where, grow, printed.el);
  const numbers = element("div", { class: "mw-numbers" }, ...lines.els, history.el, top.el);
  const empty = element("div", { class: "mw-empty mw-muted" });
  const el = element(
    "section",
    { class: "mw-pane mw-outcome", "aria-label": "Outcome" },
    head,
    numbers,
    empty,
    snapshots.el,
  );

  offersTable(el, () => ({ view: "outcome", options: {} }));

  return {
    el,
    draw(scene: Scene): void {
      const { state, stale, waiting } = scene;
      const now = state?.outcome ?? null;
      el.toggleAttribute("data-stale", stale && now !== null);
      setAttributes(el, { "aria-busy": waiting ? "true" : null });
      numbers.style.visibility = now ? "visible" : "hidden";
      setText(empty, now ? "" : emptyText(scene));
      printed.draw(scene);
      snapshots.draw(scene);
      drawPlace(where, state, now);
      if (!state || !now) return;
      const { baseline, printed: chosen } = scene.page;
      lines.draw(scene, now);
      history.draw(scene);
      const role = (token: (typeof now.top)[number]) => roleOf(state, token);
      top.draw(topRows(now.top), { printed: chosen, baseline, role });
    },
  };
}

const mayAct = ({ status }: SessionClient): boolean => status === "live" || status === "connecting";

function emptyText({ state, slow, client }: Scene): string {
  if (!state) return client.status === "connecting" ? "Connecting to the kernel …" : "";
  if (state.phase === "error") return "No numbers: the last run failed.";
  if (state.tokens.length === 0) return "Type a prompt to see what comes next.";
  return slow ? "Running the model …" : "";
}

export const outcome = standalone({
  name: "outcome",
  label: "outcome",
  announces: true,
  panes: (cast) => [outcomePane(cast)],
});
