// One line at the foot of the page: what is done to the model of the notebook in front. In: the live
// sessions. Out: an item of the status bar; a click shows the panel.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IStatusBar } from "@jupyterlab/statusbar";
import { Signal } from "@lumino/signaling";
import { Widget } from "@lumino/widgets";
import type { SessionAnswer } from "./answers";
import { COMMANDS } from "./command-names";
import { currentSession, pathInFront } from "./current-session";
import { IServices, type Services } from "./services";

/** 2 interventions · gpt2 · cuda:0; how many are off, if some are. */
export function statusWords({ interventions, interventions_total, model }: SessionAnswer): string {
  const off = interventions.filter(({ enabled }) => !enabled).length;
  const n = interventions_total;
  const listed = n === 0 ? "no interventions" : n === 1 ? "1 intervention" : `${n} interventions`;
  return `${listed}${off ? ` (${off} off)` : ""} · ${model.name} · ${model.device}`;
}

export const statusItem: JupyterFrontEndPlugin<void> = {
  id: "mechwidget:status-item",
  description: "The model of the notebook in front, and how many interventions are on it.",
  autoStart: true,
  requires: [IServices],
  optional: [IStatusBar],
  activate: (app: JupyterFrontEnd, { live }: Services, statusBar: IStatusBar | null): void => {
    if (!statusBar || !live) return;
    const item = new Widget({ node: document.createElement("button") });
    item.node.setAttribute("type", "button");
    item.node.setAttribute("data-testid", "mw-lab-status");
    item.addClass("jp-StatusBar-TextItem");
    item.node.style.cssText = "border:0;background:none;color:inherit;font:inherit;cursor:pointer";
    item.node.addEventListener("click", () => void app.commands.execute(COMMANDS.showPanel));
    const changed = new Signal<Widget, void>(item);
    let shown = "";
    const draw = () => {
      const found = currentSession(live.situation.kernels, pathInFront(app));
      const words = found ? statusWords(found.session) : "";
      if (words === shown) return;
      shown = words;
      item.node.textContent = words;
      item.node.title = words && `mechwidget: ${words}. Click for the panel.`;
      changed.emit();
    };
    live.onChange(draw);
    app.shell.currentChanged?.connect(draw);
    statusBar.registerStatusItem("mechwidget:status-item", {
      item,
      align: "left",
      rank: 10,
      isActive: () => shown !== "",
      activeStateChanged: changed,
    });
  },
};
