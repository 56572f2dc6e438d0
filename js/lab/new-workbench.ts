// A new workbench: a notebook beside the others, opened and run as far as the workbench. In: a model
// and a folder. Out: the notebook, shown.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { showErrorMessage } from "@jupyterlab/apputils";
import type { NotebookPanel } from "@jupyterlab/notebook";
import { inWords } from "./connection";
import { cells, notebook, type Start } from "./starter-notebook";

const RUN = 2; // the cells up to the workbench; the one that saves is left to the person

export async function newWorkbench(
  app: JupyterFrontEnd,
  start: Start,
  folder: string,
): Promise<unknown> {
  try {
    const { contents, kernelspecs } = app.serviceManager;
    await kernelspecs.ready;
    const kernel = kernelspecs.specs?.default ?? "python3";
    const { path } = await contents.newUntitled({ path: folder, type: "notebook" });
    const content = notebook(cells(start), kernel);
    await contents.save(path, { type: "notebook", format: "json", content });
    const opened = await app.commands.execute("docmanager:open", { path, factory: "Notebook" });
    const panel = opened as NotebookPanel | undefined;
    if (panel?.content) await run(app, panel); // Notebook 7 opens a tab of its own
    return panel;
  } catch (error) {
    return showErrorMessage("No new workbench", inWords(error));
  }
}

async function run(app: JupyterFrontEnd, panel: NotebookPanel): Promise<void> {
  await panel.context.ready;
  await panel.sessionContext.ready;
  for (let index = 0; index < RUN && !panel.isDisposed; index += 1) {
    if (app.shell.currentWidget !== panel) return; // a person went on to something else
    panel.content.activeCellIndex = index;
    await app.commands.execute("notebook:run-cell");
  }
}
