// The workbench: every pane of one session, drawn from one scene per animation frame. A click is
// painted in its own frame; numbers that are older than the click dim until the kernel answers.

import { element, setAttributes } from "../charts/dom";
import type { View, ViewContext } from "../host/host";
import type { SessionStore } from "../store/session-store";
import { componentKey } from "../types";
import type { SessionClient } from "../wire/session-client";
import { Actions } from "./actions";
import { announcer } from "./announcer";
import { AttentionPane } from "./attention";
import { HeadMapPane } from "./head-map";
import { interventions } from "./interventions";
import { Lateness } from "./lateness";
import { MapValues } from "./map-values";
import { marksOf } from "./marks";
import { MetricEditor } from "./metric-editor";
import { banner, errorNotice } from "./notices";
import { outcome } from "./outcome";
import { headOf, type Pane, type Scene } from "./pane";
import { Patterns } from "./patterns";
import { shortcuts } from "./shortcuts";
import { TokenStrip } from "./token-strip";
import { topBar } from "./top-bar";

export const workbench: View = (el, context) => {
  new Workbench(el, context);
};

class Workbench {
  readonly #root = element("div", {
    class: "mw-workbench",
    role: "group",
    "aria-label": "mechwidget workbench",
    "data-testid": "mw-workbench",
  });
  readonly #context: ViewContext;
  readonly #values: MapValues;
  readonly #lateness: Lateness;
  readonly #panes: readonly Pane[];
  #scene: Scene | null = null;

  constructor(el: HTMLElement, context: ViewContext) {
    const { client, store, host } = context;
    const { signal } = host;
    const invalidate = host.perFrame(() => this.#draw());
    const actions = new Actions(client, () => mayAct(client));
    this.#context = context;
    this.#lateness = new Lateness(invalidate, signal);
    this.#values = new MapValues(client, invalidate, signal);
    this.#panes = this.#build(actions, new Patterns(client, invalidate, signal), invalidate);
    shortcuts(this.#root, { store, actions, scene: () => this.#scene }, signal);
    client.onChange(invalidate, { signal });
    store.subscribe(invalidate, { signal });
    host.theme.subscribe(invalidate, { signal });
    tellSelection(client, store, signal);
    const observer = new ResizeObserver(invalidate);
    observer.observe(this.#root);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.#root.remove();
    });
    el.append(this.#root);
    this.#draw();
  }

  #build(actions: Actions, patterns: Patterns, invalidate: () => void): Pane[] {
    const { client, store, host } = this.#context;
    const top = topBar(client);
    const notice = banner(client);
    const strip = new TokenStrip(client, store);
    const metric = new MetricEditor(client);
    const map = new HeadMapPane(store, actions, host.signal);
    const detail = new AttentionPane(store, patterns, invalidate, host.signal);
    const result = outcome();
    const chips = interventions(client, store, actions);
    const error = errorNotice(client);
    const status = announcer();
    const question = element("div", { class: "mw-question" }, strip.el, metric.el);
    const body = element("div", { class: "mw-body" }, map.el, detail.el, result.el);
    this.#root.append(top.el, notice.el, question, body, chips.el, error.el, status.el);
    return [top, notice, strip, metric, map, detail, result, chips, error, status];
  }

  #draw(): void {
    const { client, host } = this.#context;
    if (host.signal.aborted) return;
    const { state } = client;
    if (state) this.#values.follow(state);
    const scene = this.#sceneNow();
    this.#scene = scene;
    for (const pane of this.#panes) pane.draw(scene);
    setAttributes(this.#root, {
      "data-mw-status": client.status,
      "data-mw-revision": state?.revision ?? null,
      "data-mw-outcome-revision": state?.outcome?.revision ?? null,
      "data-disabled": !scene.enabled,
    });
  }

  #sceneNow(): Scene {
    const { client, store, host } = this.#context;
    const state = client.shown ?? client.state;
    const awaited = state !== null && state.tokens.length > 0 && state.phase !== "error";
    const behind = awaited && state.outcome?.revision !== state.revision;
    const enabled = mayAct(client);
    const stale = enabled && (client.pending.length > 0 || behind);
    const page = store.value;
    const looked = headOf(page.locked) ?? headOf(page.hover.component) ?? this.#scene?.head ?? null;
    const heads = state?.model.heads ?? [];
    const first = heads.findIndex((n) => n > 0);
    const known = looked && looked.head < (heads[looked.layer] ?? 0) ? looked : null;
    return {
      state,
      client,
      theme: host.theme.value,
      page,
      marks: marksOf(state?.interventions ?? []),
      values: this.#values,
      enabled,
      stale,
      slow: this.#lateness.follow(stale),
      head: known ?? (first >= 0 ? { layer: first, head: 0 } : null),
    };
  }
}

/** A kernel that has not answered yet may still be on its way: what is asked now will be answered. */
const mayAct = ({ status }: SessionClient): boolean => status === "live" || status === "connecting";

/** Python hears of what is locked and selected here. */
function tellSelection(client: SessionClient, store: SessionStore, signal: AbortSignal): void {
  const key = (component: typeof store.value.locked): string =>
    component ? componentKey(component) : "";
  store.subscribe(
    ({ locked, token }, before) => {
      if (key(locked) === key(before.locked) && token === before.token) return;
      client.select(locked, token);
    },
    { signal },
  );
}
