// What JupyterLab and Notebook 7 load at start: the plugins, small; the panel and the documents come
// when they are first looked at. Out: the plugins, and the token that other extensions ask for.

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { commands } from "./commands";
import { documents } from "./documents";
import { registry } from "./registry";
import { services } from "./services";
import { sidebar } from "./sidebar";
import { statusItem } from "./status-item";
import { sweepNotices } from "./sweep-notices";

export { IMechwidgetRegistry } from "./registry";

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  services,
  registry,
  sidebar,
  commands,
  documents,
  statusItem,
  sweepNotices,
];

export default plugins;
