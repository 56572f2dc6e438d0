// The workbench: every pane of one session, drawn from one scene per animation frame. A click is
// painted in its own frame; numbers that are older than the click dim until the kernel answers.

import { element, setAttributes } from "../charts/dom";
import type { View, ViewContext } from "../host/host";
import type { SessionClient } from "../wire/session-client";
import { Actions } from "./actions";
import { announcer } from "./announcer";
import { attention } from "./attention";
import { headMap } from "./head-map";
import { interventions } from "./interventions";
import { MapValues } from "./map-values";
import { marksOf } from "./marks";
import { metricEditor } from "./metric-editor";
import { banner, errorNotice } from "./notices";
import { outcome } from "./outcome";
import { headOf, type Pane, type Scene } from "./pane";
import { Patterns } from "./patterns";
import { shortcuts } from "./shortcuts";
import { tokenStrip } from "./token-strip";
import { topBar } from "./top-bar";

// Shorter waits are not worth a sign: it would only flicker.
const SLOW_MS = 150;

let views = 0;

/** A kernel that has not answered yet may still be on its way: what is asked now will be answered. */
const mayAct = ({ status }: SessionClient): boolean => status === "live" || status === "connecting";

const isApple = (): boolean => /mac|iphone|ipad/i.test(globalThis.navigator?.platform ?? "");

export const workbench: View = (el, context) => {
  const { client, store, host } = context;
  const { signal } = host;
  const root = element("div", {
    class: "mw-workbench",
    role: "group",
    "aria-label": "mechwidget workbench",
    "data-testid": "mw-workbench",
  });
  const invalidate = host.perFrame(() => draw());
  const moment = new Moment(invalidate);
  const values = new MapValues(client, invalidate, signal);
  const patterns = new Patterns(client, invalidate, signal);
  const actions = new Actions(client, () => mayAct(client));
  let scene: Scene | null = null;

  views += 1;
  const strip = tokenStrip(client, store, signal);
  const metric = metricEditor(client, `mw-metric-tokens-${views}`);
  const question: Pane = {
    el: element("div", { class: "mw-question" }, strip.el, metric.el),
    draw(next) {
      strip.draw(next);
      metric.draw(next);
    },
  };
  const map = headMap(store, actions, signal);
  const detail = attention(store, patterns, invalidate, signal);
  const result = outcome();
  const top = topBar(client, isApple());
  const notice = banner(client);
  const chips = interventions(client, store, actions);
  const error = errorNotice(client);
  const status = announcer();
  const panes = [top, notice, question, map, detail, result, chips, error, status];
  const body = element("div", { class: "mw-body" }, map.el, detail.el, result.el);
  root.append(top.el, notice.el, question.el, body, chips.el, error.el, status.el);

  function draw(): void {
    if (signal.aborted) return;
    const { state } = client;
    if (state) values.follow(state);
    scene = sceneOf(context, values, moment, scene);
    for (const pane of panes) pane.draw(scene);
    setAttributes(root, {
      "data-mw-status": client.status,
      "data-mw-revision": state?.revision ?? null,
      "data-mw-outcome-revision": state?.outcome?.revision ?? null,
      "data-disabled": !scene.enabled,
    });
  }

  shortcuts(root, { store, actions, scene: () => scene }, signal);
  client.onChange(invalidate, { signal });
  client.onState(invalidate, { signal });
  store.subscribe(invalidate, { signal });
  host.theme.subscribe(invalidate, { signal });
  const observer = new ResizeObserver(invalidate);
  observer.observe(root);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    moment.stop();
    root.remove();
  });
  el.append(root);
  draw();
};

/** How long the numbers on show have been old. */
class Moment {
  slow = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onSlow: () => void) {}

  follow(stale: boolean): void {
    if (!stale) this.stop();
    else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.slow = true;
        this.onSlow();
      }, SLOW_MS);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.slow = false;
  }
}

function sceneOf(
  { client, store, host }: ViewContext,
  values: MapValues,
  moment: Moment,
  before: Scene | null,
): Scene {
  const state = client.shown ?? client.state;
  const behind = state !== null && state.outcome?.revision !== state.revision;
  const stale =
    mayAct(client) && (client.pending.length > 0 || (behind && state.phase !== "error"));
  moment.follow(stale);
  const page = store.value;
  const looked = headOf(page.locked) ?? headOf(page.hover.component) ?? before?.head ?? null;
  const known = looked && looked.head < (state?.model.heads[looked.layer] ?? 0) ? looked : null;
  const first = state?.model.heads.findIndex((n) => n > 0) ?? -1;
  return {
    state,
    client,
    theme: host.theme.value,
    page,
    marks: marksOf(state?.interventions ?? []),
    values,
    enabled: mayAct(client),
    stale,
    slow: moment.slow,
    head: known ?? (first >= 0 ? { layer: first, head: 0 } : null),
  };
}
