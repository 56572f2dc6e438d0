// Two snapshots side by side: the difference of their metric, how far their predictions are apart,
// what only one of them does, and the top tokens of both.

import { element, setAttributes, setText } from "../charts/dom";
import { change, metric, nats } from "../charts/format";
import { visible } from "../charts/token-text";
import type { SnapshotJson } from "../types";
import { askComparison, type Comparison } from "../wire/comparisons";
import type { SessionClient } from "../wire/session-client";
import { Fetches } from "./fetches";
import type { Scene } from "./pane";
import { TopTokens, topRows } from "./top-tokens";

const ROWS = 5;

export class SnapshotComparison {
  readonly el = element("div", { class: "mw-comparison", "data-testid": "mw-comparison" });
  readonly #title = element("div", { class: "mw-comparison-title" });
  readonly #numbers = element("div", { class: "mw-muted mw-comparison-numbers" });
  readonly #only = element("div", { class: "mw-muted mw-comparison-only" });
  readonly #top = new TopTokens("Top tokens of both snapshots", ROWS);
  readonly #found: Fetches<Comparison>;

  constructor(
    private readonly client: SessionClient,
    invalidate: () => void,
    signal: AbortSignal,
  ) {
    this.#found = new Fetches(client, invalidate, signal);
    this.el.append(this.#title, this.#numbers, this.#only, this.#top.el);
  }

  draw(one: SnapshotJson, other: SnapshotJson, { page }: Scene): void {
    const key = JSON.stringify([one, other].map((each) => ({ ...each, current: null })));
    const found = this.#found.get(key, (signal) =>
      askComparison(this.client, one.name, other.name, { signal }),
    );
    const title = element("span", {}, bdi(one.name), " → ", bdi(other.name));
    if (this.#title.textContent !== title.textContent) this.#title.replaceChildren(title);
    const refusal = this.#found.refusal(key);
    setText(this.#numbers, found ? numbersOf(found, one, other) : refusal || "Comparing …");
    const only = found ? onlyOf(found, one.name, other.name) : "";
    setText(this.#only, only);
    setAttributes(this.#only, { title: only });
    const shown = found ?? this.#found.last;
    this.#top.el.hidden = shown === null || refusal !== "";
    setAttributes(this.el, { "data-stale": found === null });
    if (!shown) return;
    const { printed } = page;
    this.#top.draw(topRows(shown.top, ROWS), { printed, baseline: false, role: () => null });
  }
}

const bdi = (text: string): HTMLElement => element("bdi", {}, visible(text));

function numbersOf(found: Comparison, one: SnapshotJson, other: SnapshotJson): string {
  const apart = `KL ${nats(found.kl)}`;
  if (found.metric) {
    const [before, after] = found.metric;
    return `Δ ${change(after - before, other.unit)} (${metric(before, one.unit)} → ${metric(after, other.unit)}) · ${apart}`;
  }
  const both = one.metric !== null && other.metric !== null;
  return both ? `they measure different things · ${apart}` : apart;
}

function onlyOf({ only_one, only_other }: Comparison, one: string, other: string): string {
  const said = (name: string, some: string[]): string[] =>
    some.length > 0 ? [`only ${name}: ${some.join(", ")}`] : [];
  return [...said(one, only_one), ...said(other, only_other)].join(" · ");
}
