// The workbench: every pane of one session on one stage.

import { element } from "../charts/dom";
import type { View } from "../host/host";
import { announcer } from "./announcer";
import { AttentionPane } from "./attention";
import { AttributionPane } from "./attribution";
import { CachePane } from "./cache";
import { ContinuationPane } from "./continuation";
import { EmbeddingPane } from "./embedding";
import { HeadMapPane } from "./head-map";
import { interventionList } from "./interventions";
import { LensPane } from "./lens";
import { MetricEditor } from "./metric-editor";
import { NeuronPane } from "./neuron";
import { NeuronsPane } from "./neurons";
import { banner, errorNotice } from "./notices";
import { outcomePane } from "./outcome";
import { addPluginTabs } from "./plugin";
import { provenance } from "./provenance";
import { Stage } from "./stage";
import { type Tab, Tabs } from "./tabs";
import { TokenStrip } from "./token-strip";
import { topBar } from "./top-bar";
import { WeightsPane } from "./weights";

export const workbench: View = (el, context) => {
  const stage = new Stage(context, {
    class: "mw-workbench",
    label: "mechwidget workbench",
    testid: "mw-workbench",
    effects: true,
  });
  const { client, store, actions, invalidate, signal } = stage.cast;
  const top = topBar(stage.cast, stage.keys);
  const notice = banner(client);
  const from = provenance();
  const strip = new TokenStrip(client, store, signal);
  const metric = new MetricEditor(client, signal);
  const map = new HeadMapPane(client, store, actions, invalidate, signal);
  const tabs: Tab[] = [
    {
      name: "attention",
      title: "Attention",
      make: () => new AttentionPane(stage.cast),
    },
    { name: "lens", title: "Lens", make: () => new LensPane(stage.cast) },
    { name: "attribution", title: "Attribution", make: () => new AttributionPane(stage.cast) },
    { name: "neurons", title: "Neurons", make: () => new NeuronsPane(stage.cast) },
    { name: "neuron", title: "Neuron", make: () => new NeuronPane(stage.cast) },
    { name: "weights", title: "Weights", make: () => new WeightsPane(stage.cast) },
    { name: "embedding", title: "Embedding", make: () => new EmbeddingPane(stage.cast) },
    { name: "cache", title: "Cache", make: () => new CachePane(stage.cast) },
  ];
  const detail = new Tabs(tabs, store);
  void addPluginTabs(detail, stage.cast);
  const result = outcomePane(stage.cast);
  const written = new ContinuationPane(client, store, invalidate, signal);
  const chips = interventionList(stage.cast);
  const error = errorNotice(client);
  const status = announcer();
  const question = element("div", { class: "mw-question" }, strip.el, metric.el);
  const rail = element("div", { class: "mw-rail" }, result.el, written.el);
  const body = element("div", { class: "mw-body" }, map.el, detail.el, rail);
  stage.root.append(top.el, notice.el, from.el, question, body, chips.el, error.el, status.el);
  stage.open(el, [
    top,
    notice,
    from,
    strip,
    metric,
    map,
    detail,
    result,
    written,
    chips,
    error,
    status,
  ]);
};
