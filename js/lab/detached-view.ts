// A view of a cell in the main area: the same widget drawn once more, linked to the cell and to every
// other view of its session. In: a notebook and a cell. Out: a tab that goes with them.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { MainAreaWidget, ToolbarButton } from "@jupyterlab/apputils";
import type { Cell, NotebookPanel } from "@jupyterlab/notebook";
import { Panel } from "@lumino/widgets";
import { headsIcon } from "./icon";
import { fileName } from "./words";

let count = 0;

export function detach(
  app: JupyterFrontEnd,
  notebook: NotebookPanel,
  cell: Cell,
  theme: string,
): MainAreaWidget | null {
  const output = cell.cloneOutputArea?.();
  if (!output) return null;
  const content = new Panel();
  content.addClass("jp-LinkedOutputView"); // JupyterLab's own look of an output without its cell
  content.node.setAttribute("data-mw-theme-wish", theme);
  content.addWidget(output);
  const view = new MainAreaWidget({ content });
  count += 1;
  view.id = `LinkedOutputView-mechwidget-${count}`;
  view.title.label = `Workbench: ${fileName(notebook.context.path)}`;
  view.title.caption = `Linked to its cell in ${notebook.context.path}`;
  view.title.icon = headsIcon;
  view.title.closable = true;
  view.toolbar.addItem("cell", toCell(app, notebook, cell));
  const close = () => view.dispose();
  cell.disposed.connect(close);
  notebook.disposed.connect(close);
  app.shell.add(view, "main", { ref: notebook.id, mode: "split-right" });
  return view;
}

function toCell(app: JupyterFrontEnd, notebook: NotebookPanel, cell: Cell): ToolbarButton {
  return new ToolbarButton({
    label: "Show the cell",
    tooltip: "Go to the cell that this view is linked to",
    onClick: () => {
      app.shell.activateById(notebook.id);
      notebook.content.activeCellIndex = notebook.content.widgets.indexOf(cell);
      void notebook.content.scrollToCell(cell, "smart");
    },
  });
}

/** The cell whose output holds `node`, the active one, or the first: of those that show a view. */
export function cellOf(notebook: NotebookPanel, node: Element | null): Cell | null {
  const { widgets, activeCell } = notebook.content;
  const around = node && widgets.find((each) => each.node.contains(node));
  const shows = (cell: Cell | null | undefined): cell is Cell =>
    cell?.model.type === "code" && cell.node.querySelector(".jp-OutputArea-output .mw") !== null;
  return [around, activeCell, ...widgets].find(shows) ?? null;
}
