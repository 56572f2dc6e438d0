// The one module that the Python package ships: what a host imports, and which views there are.

import { version } from "../package.json";
import { createWidget, type Widget } from "./host/widget";
import "./style/index.css";
import { attention } from "./views/attention";
import { attribution } from "./views/attribution";
import { cache } from "./views/cache";
import { continuation } from "./views/continuation";
import { embedding } from "./views/embedding";
import { headMap } from "./views/head-map";
import { interventions } from "./views/interventions";
import { lens } from "./views/lens";
import { neuron } from "./views/neuron";
import { neurons } from "./views/neurons";
import { outcome } from "./views/outcome";
import { PLUGIN_PREFIX, pluginView } from "./views/plugin";
import { tokenStrip } from "./views/token-strip";
import { weights } from "./views/weights";
import { workbench } from "./views/workbench";

const views = {
  workbench,
  "token-strip": tokenStrip,
  "head-map": headMap,
  attention,
  attribution,
  cache,
  continuation,
  embedding,
  lens,
  neuron,
  neurons,
  outcome,
  weights,
  interventions,
};

/** A widget module of its own for each model: what a host would get by running this file again. */
export const widget = (): Widget =>
  createWidget(views, version, { prefix: PLUGIN_PREFIX, view: pluginView });

export default widget();
