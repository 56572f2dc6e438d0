// The place of the panel beside the main area. In: the page. Out: an empty widget with our mark, which
// fetches the panel when it is first looked at.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ILayoutRestorer } from "@jupyterlab/application";
import { Widget } from "@lumino/widgets";
import { headsIcon } from "./icon";
import { IMechwidgetRegistry, type Registry } from "./registry";
import { IServices, type Services } from "./services";

export const PANEL_ID = "mechwidget-panel";

class Sidebar extends Widget {
  readonly #life = new AbortController();
  #begun = false;

  constructor(private readonly fill: (el: HTMLElement, signal: AbortSignal) => Promise<void>) {
    super();
    this.id = PANEL_ID;
    this.title.icon = headsIcon;
    this.title.caption = "mechwidget: live sessions, recipes, models";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "mechwidget");
    this.node.style.overflow = "auto";
  }

  override dispose(): void {
    this.#life.abort();
    super.dispose();
  }

  protected override onAfterShow(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.fill(this.node, this.#life.signal).catch(() => {
      this.#begun = false; // the server may be back the next time
      this.node.textContent = "The panel could not be fetched. Is the Jupyter server running?";
    });
  }
}

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: "mechwidget:sidebar",
  description: "The side panel with live sessions, recipes and models.",
  autoStart: true,
  requires: [IServices, IMechwidgetRegistry],
  optional: [ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    services: Services,
    registry: Registry,
    restorer: ILayoutRestorer | null,
  ): void => {
    const execute = (command: string, args?: Record<string, unknown>) =>
      void app.commands.execute(command, args);
    const panel = new Sidebar(async (el, signal) => {
      const { showPanel } = await import("./panel");
      el.replaceChildren();
      showPanel(el, services, registry, execute, signal);
    });
    app.shell.add(panel, "right", { rank: 850 });
    restorer?.add(panel, PANEL_ID);
  },
};
