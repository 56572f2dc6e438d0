// What the plugins of this extension share. In: the page. Out: one connection, one view of the live
// sessions, one set of settings, as a service that only our own plugins ask for.

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { Token } from "@lumino/coreutils";
import { Connection, routes } from "./connection";
import { LiveSessions } from "./live-sessions";
import { PLUGIN, Settings } from "./settings";

export interface Services {
  readonly connection: Connection;
  /** The routes of the server; null where it has no extension of ours. */
  readonly routes: ReadonlySet<string> | null;
  /** Null where the server cannot tell of any. */
  readonly live: LiveSessions | null;
  readonly settings: Settings;
}

export const IServices = new Token<Services>("mechwidget:IServices", "Shared by our own plugins.");

export const services: JupyterFrontEndPlugin<Services> = {
  id: PLUGIN,
  description: "What the parts of mechwidget share, and its settings.",
  autoStart: true,
  provides: IServices,
  optional: [ISettingRegistry, INotebookTracker],
  activate: (
    app,
    registry: ISettingRegistry | null,
    notebooks: INotebookTracker | null,
  ): Services => {
    const there = routes();
    const connection = new Connection();
    const live = there?.has("sessions") ? new LiveSessions(connection, there.has("events")) : null;
    const settings = new Settings();
    if (registry) void settings.follow(registry).catch(() => {}); // the defaults stay
    notebooks?.widgetAdded.connect((_, { sessionContext }) => {
      sessionContext.statusChanged.connect(() => live?.soon());
    });
    const forever = new AbortController().signal;
    void app.restored.then(() => live?.follow(forever));
    return { connection, routes: there, live, settings };
  },
};
