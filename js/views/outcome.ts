// What the edits did: the metric after and before, the distance between the two distributions, and
// the top tokens as paired bars. Before is grey, after is ink. The room is reserved, so nothing moves.

import { element, setAttributes, setText } from "../charts/dom";
import { change, metric, milliseconds, nats, percent, signed } from "../charts/format";
import { PairedBars } from "../charts/paired-bars";
import { short, visible } from "../charts/token-text";
import type { OutcomeJson, SessionState, TopTokenJson } from "../types";
import type { Pane, Scene } from "./pane";
import { standalone } from "./standalone";

export const ROWS = 8;

/** What the baseline already expected keeps its place; what rose from nothing follows, largest first. */
const EXPECTED = 0.01;

const largest = ({ before, after }: TopTokenJson): number => Math.max(before, after);

export function topRows(outcome: OutcomeJson): TopTokenJson[] {
  const rows = [...outcome.top].sort((one, other) => largest(other) - largest(one)).slice(0, ROWS);
  const expected = rows.filter((row) => row.before >= EXPECTED);
  expected.sort((one, other) => other.before - one.before);
  return [...expected, ...rows.filter((row) => row.before < EXPECTED)];
}

interface Row {
  el: HTMLElement;
  draw(top: TopTokenJson | undefined, max: number, baseline: boolean): void;
}

function outcomeRow(): Row {
  const token = element("bdi", { class: "mw-outcome-token" });
  const bars = new PairedBars();
  const before = element("span", { class: "mw-before" });
  const after = element("span", { class: "mw-after" });
  const el = element("li", { class: "mw-outcome-row", "data-testid": "mw-outcome-row" });
  el.append(
    token,
    bars.el,
    before,
    element("span", { class: "mw-arrow", "aria-hidden": "true" }, "→"),
    after,
  );
  return {
    el,
    draw(top, max, baseline): void {
      el.style.visibility = top ? "visible" : "hidden";
      setAttributes(el, { "aria-hidden": top ? null : "true" });
      if (!top) return;
      setText(token, short(top.text, 12));
      setText(before, percent(top.before));
      const shown = baseline ? top.before : top.after;
      setText(after, percent(shown));
      bars.draw(top.before, shown, max);
      const ranks = `rank ${top.rank_before} → ${top.rank_after}`;
      const logits = `logit ${signed(top.logit_before)} → ${signed(top.logit_after)}`;
      setAttributes(el, {
        title: `${visible(top.text)} (id ${top.id})\n${ranks}\n${logits}`,
        "data-token-id": top.id,
        "aria-label": `${visible(top.text)}: ${percent(top.before)} before, ${percent(top.after)} after, ${ranks}`,
      });
    },
  };
}

export function outcomePane(): Pane {
  const where = element("span", { class: "mw-muted mw-where" });
  const after = element("span", { class: "mw-metric-after", "data-testid": "mw-metric-after" });
  const before = element("span", { class: "mw-metric-was mw-muted" });
  const beforeValue = element("span", { "data-testid": "mw-metric-before" });
  const name = element("div", { class: "mw-metric-name mw-muted" });
  const facts = element("div", { class: "mw-facts mw-muted" });
  const metricLine = element("div", { class: "mw-metric" }, after, before);
  const rows = Array.from({ length: ROWS }, outcomeRow);
  const list = element("ol", {
    class: "mw-outcome-rows",
    "aria-label": "Top tokens, before and after",
  });
  list.append(...rows.map((row) => row.el));
  const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Outcome"), where);
  const numbers = element("div", { class: "mw-numbers" }, metricLine, name, facts, list);
  const empty = element("div", { class: "mw-empty mw-muted" });
  const el = element(
    "section",
    { class: "mw-pane mw-outcome", "aria-label": "Outcome" },
    head,
    numbers,
    empty,
  );

  const drawMetric = (state: SessionState, now: OutcomeJson, baseline: boolean): void => {
    const measured = now.metric && state.metric ? now.metric : null;
    const unit = state.metric?.unit ?? "";
    const value = baseline ? measured?.before : measured?.after;
    setText(after, value === undefined ? nats(baseline ? 0 : now.kl) : metric(value, unit));
    setText(beforeValue, measured ? metric(measured.before, unit) : "");
    if (measured && !beforeValue.isConnected) before.replaceChildren("was ", beforeValue);
    else if (!measured) before.replaceChildren();
    setText(name, measured ? (state.metric?.label ?? "") : "KL from the baseline · no metric set");
    setAttributes(after, { "data-testid": measured ? "mw-metric-after" : "mw-kl" });
    const delta = measured ? `Δ ${change(measured.after - measured.before, unit)}` : "";
    const fired =
      now.fired > 0 ? `${now.fired} edit${now.fired === 1 ? "" : "s"} fired` : "no edits";
    const kl = measured ? `KL ${nats(now.kl)}` : "";
    const edited = [delta, kl, fired, milliseconds(now.ms)];
    setText(facts, baseline ? "the baseline: no edits" : edited.filter(Boolean).join(" · "));
    setAttributes(facts, { title: "KL(baseline ‖ edited) at this position" });
  };

  return {
    el,
    draw(scene: Scene): void {
      const { state, stale, waiting } = scene;
      const now = state?.outcome ?? null;
      el.toggleAttribute("data-stale", stale && now !== null);
      setAttributes(el, { "aria-busy": waiting ? "true" : null });
      numbers.style.visibility = now ? "visible" : "hidden";
      setText(empty, now ? "" : emptyText(scene));
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
      const { baseline } = scene.page;
      drawMetric(state, now, baseline);
      const shown = topRows(now);
      const max = Math.max(...shown.map(largest), 0.01);
      rows.forEach((row, i) => {
        row.draw(shown[i], max, baseline);
      });
    },
  };
}

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
  panes: () => [outcomePane()],
});
