// What a person can do from the palette, the menus, shortcuts, the launcher. In: the page and the
// services. Out: commands in the page's registry; menus and shortcuts are in schema/plugin.json.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, Notification } from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker } from "@jupyterlab/notebook";
import { COMMANDS } from "./command-names";
import { inWords } from "./connection";
import { currentSession, pathInFront } from "./current-session";
import { cellOf, detach } from "./detached-view";
import { headsIcon } from "./icon";
import { IServices, type Services } from "./services";
import { PANEL_ID } from "./sidebar";

const CATEGORY = "mechwidget";
const ARGUMENTS = { describedBy: { args: { type: "object" } } };

export const commands: JupyterFrontEndPlugin<void> = {
  id: "mechwidget:commands",
  description: "Commands of mechwidget, in the palette, the launcher and the menus.",
  autoStart: true,
  requires: [IServices],
  optional: [ICommandPalette, ILauncher, INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    services: Services,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    notebooks: INotebookTracker | null,
  ): void => {
    addPanel(app);
    addNewWorkbench(app, services);
    addHistory(app, services);
    addDetach(app, services, notebooks);
    addRecipes(app, services);
    for (const name of ["showPanel", "newWorkbench", "undo", "redo", "detach"] as const) {
      palette?.addItem({ command: COMMANDS[name], category: CATEGORY });
    }
    launcher?.add({ command: COMMANDS.newWorkbench, category: "Notebook", rank: 10 });
  },
};

function addPanel(app: JupyterFrontEnd): void {
  app.commands.addCommand(COMMANDS.showPanel, {
    ...ARGUMENTS,
    label: "Show mechwidget",
    caption: "Live sessions, recipes and models",
    icon: headsIcon,
    execute: () => {
      app.shell.expandRight?.();
      app.shell.activateById(PANEL_ID);
    },
  });
}

function addNewWorkbench(app: JupyterFrontEnd, { settings }: Services): void {
  app.commands.addCommand(COMMANDS.newWorkbench, {
    ...ARGUMENTS,
    label: ({ isLauncher, cwd }) =>
      isLauncher || cwd !== undefined ? "Workbench" : "New Workbench",
    caption: "A notebook with a model and its workbench",
    icon: headsIcon,
    execute: async ({ name, code, cwd }) => {
      const { newWorkbench } = await import("./new-workbench");
      const { defaultModel, defaultPrompt } = settings.values;
      const start = {
        model: typeof name === "string" ? name : defaultModel,
        code: typeof code === "string" ? code : null,
        prompt: defaultPrompt,
      };
      return newWorkbench(app, start, typeof cwd === "string" ? cwd : "");
    },
  });
}

function addHistory(app: JupyterFrontEnd, { live }: Services): void {
  const current = () => currentSession(live?.situation.kernels ?? null, pathInFront(app));
  for (const which of ["undo", "redo"] as const) {
    const label = which === "undo" ? "Undo in the Model" : "Redo in the Model";
    app.commands.addCommand(COMMANDS[which], {
      ...ARGUMENTS,
      label,
      caption: `${label}: the newest session of what is in front`,
      isEnabled: () => Boolean(current()?.session[which]),
      execute: async () => {
        const found = current();
        try {
          if (found) await live?.act(found.kernel.id, found.session.id, which);
        } catch (error) {
          Notification.error(inWords(error));
        }
      },
    });
  }
  live?.onChange(() => {
    app.commands.notifyCommandChanged(COMMANDS.undo);
    app.commands.notifyCommandChanged(COMMANDS.redo);
  });
}

function addDetach(
  app: JupyterFrontEnd,
  { settings }: Services,
  notebooks: INotebookTracker | null,
): void {
  let clicked: Element | null = null; // a context menu says nothing of where it was opened
  const note = (event: Event) => {
    clicked = event.target instanceof Element ? event.target : null;
  };
  document.addEventListener("contextmenu", note, { capture: true });
  const forget = (event: PointerEvent) => {
    if (event.button === 0 && !inMenu(event)) clicked = null;
  };
  document.addEventListener("pointerdown", forget, { capture: true });
  const wanted = () => {
    const notebook = notebooks?.currentWidget ?? null;
    const cell = notebook && cellOf(notebook, clicked);
    return notebook && cell ? { notebook, cell } : null;
  };
  app.commands.addCommand(COMMANDS.detach, {
    ...ARGUMENTS,
    label: "Show the Cell’s View in a Tab",
    caption: "The view stays linked to its cell",
    icon: headsIcon,
    isEnabled: () => wanted() !== null,
    execute: () => {
      const found = wanted();
      return found && detach(app, found.notebook, found.cell, settings.values.theme);
    },
  });
  notebooks?.activeCellChanged.connect(() => app.commands.notifyCommandChanged(COMMANDS.detach));
}

const inMenu = ({ target }: Event): boolean =>
  target instanceof Element && target.closest(".lm-Menu, .lm-MenuBar") !== null;

function addRecipes(app: JupyterFrontEnd, { connection, settings }: Services): void {
  app.commands.addCommand(COMMANDS.compare, {
    ...ARGUMENTS,
    label: "Compare Recipes",
    isEnabled: ({ old, recent }) => typeof old === "string" && typeof recent === "string",
    execute: async ({ old, recent }) => {
      const { openComparison } = await import("./comparison-tab");
      openComparison(app, connection, String(old), String(recent), settings.values.theme);
    },
  });
  app.commands.addCommand(COMMANDS.openAsJson, {
    ...ARGUMENTS,
    label: "Open as JSON",
    execute: ({ path }) => {
      const chosen = typeof path === "string" ? path : selectedInFileBrowser();
      return chosen && app.commands.execute("docmanager:open", { path: chosen, factory: "Editor" });
    },
  });

  function selectedInFileBrowser(): string | null {
    for (const browser of app.shell.widgets("left")) {
      const { selectedItems } = browser as { selectedItems?: () => Iterable<{ path: string }> };
      for (const { path } of selectedItems?.call(browser) ?? []) {
        return PathExt.join(path);
      }
    }
    return null;
  }
}
