// A tab in the main area for the comparison of two recipes. In: their paths. Out: the tab, shown.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { MainAreaWidget } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";
import { showComparison } from "./comparison";
import type { Connection } from "./connection";
import { headsIcon } from "./icon";
import { fileName } from "./words";

export function openComparison(
  app: JupyterFrontEnd,
  connection: Connection,
  old: string,
  recent: string,
  theme: string,
): void {
  const content = new Widget();
  content.node.setAttribute("data-mw-theme-wish", theme);
  const tab = new MainAreaWidget({ content });
  tab.id = `mechwidget-comparison-${old}-${recent}`;
  tab.title.label = `${fileName(old)} / ${fileName(recent)}`;
  tab.title.icon = headsIcon;
  tab.title.closable = true;
  const life = new AbortController();
  tab.disposed.connect(() => life.abort());
  const ask = () => connection.difference(old, recent);
  void showComparison(content.node, old, recent, ask, life.signal);
  app.shell.add(tab, "main");
  app.shell.activateById(tab.id);
}
