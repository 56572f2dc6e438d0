// The tree of sessions in the side bar: nodes from the server and from open notebooks, handed to VS
// Code; a checkbox switches an intervention, undo and redo stand beside a session.

import * as vscode from "vscode";
import { followChanges } from "./change-stream";
import type { NotebookKernels } from "./notebook-kernels";
import { type Action, ServerClient, ServerProblem } from "./server-client";
import type { ServerSettings } from "./server-settings";
import { kernelNodes, type TreeNode } from "./tree-nodes";

export class SessionTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #settings: ServerSettings;
  readonly #notebooks: NotebookKernels;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly view: vscode.TreeView<TreeNode>;
  #following = new AbortController();

  constructor(settings: ServerSettings, notebooks: NotebookKernels) {
    this.#settings = settings;
    this.#notebooks = notebooks;
    this.view = vscode.window.createTreeView("mechwidget.sessions", {
      treeDataProvider: this,
      manageCheckboxStateManually: true,
      showCollapseAll: true,
    });
    this.view.onDidChangeCheckboxState(({ items }) => {
      for (const [node, state] of items) void this.#switch(node, state);
    });
    this.view.onDidChangeVisibility(({ visible }) => (visible ? this.follow() : this.#rest()));
    if (this.view.visible) this.follow();
  }

  dispose(): void {
    this.#following.abort();
    this.view.dispose();
    this.#changed.dispose();
  }

  refresh(): void {
    this.#changed.fire();
  }

  /** Hear of changes from the server that is set now, while a person can see the tree. */
  follow(): void {
    this.#rest();
    const { signal } = this.#following;
    const open = async (until: AbortSignal, last: string) =>
      (await this.#client()).changes(until, last);
    void followChanges(
      open,
      () => this.refresh(),
      () => {},
      signal,
    );
    this.refresh();
  }

  #rest(): void {
    this.#following.abort();
    this.#following = new AbortController();
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (node) return node.children;
    const [server, notebooks] = await Promise.allSettled([this.#ofServer(), this.#ofNotebooks()]);
    const failed = [server, notebooks].find((each) => each.status === "rejected");
    this.view.message = failed ? sentence(failed.reason) : "";
    return [server, notebooks].flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const { None, Expanded } = vscode.TreeItemCollapsibleState;
    const item = new vscode.TreeItem(node.label, node.children.length > 0 ? Expanded : None);
    item.id = node.id;
    item.description = node.description;
    item.tooltip = node.tooltip;
    item.contextValue = node.context;
    if (node.icon) item.iconPath = new vscode.ThemeIcon(node.icon);
    if (node.intervention) {
      const { Checked, Unchecked } = vscode.TreeItemCheckboxState;
      item.checkboxState = node.intervention.enabled ? Checked : Unchecked;
    }
    return item;
  }

  /** Undo or redo in the session of a node. */
  async act(node: TreeNode | undefined, action: Action): Promise<void> {
    if (!node?.place) return;
    const { source, kernel, session } = node.place;
    try {
      if (source.kind === "notebook") await this.#notebooks.change(source.uri, session.id, action);
      else await (await this.#client()).change(kernel, session.id, action);
    } catch (error) {
      void vscode.window.showErrorMessage(sentence(error));
    }
    this.refresh();
  }

  #switch(node: TreeNode, state: vscode.TreeItemCheckboxState): Promise<void> {
    if (!node.intervention) return Promise.resolve();
    const on = state === vscode.TreeItemCheckboxState.Checked;
    return this.act(node, { action: on ? "enable" : "disable", which: node.intervention.id });
  }

  async #ofServer(): Promise<TreeNode[]> {
    const address = await this.#settings.address();
    if (!address) return [];
    return kernelNodes(await new ServerClient(address).kernels(), { kind: "server" });
  }

  async #ofNotebooks(): Promise<TreeNode[]> {
    const found = await this.#notebooks.kernels();
    return found.flatMap(({ uri, kernel }) => kernelNodes([kernel], { kind: "notebook", uri }));
  }

  async #client(): Promise<ServerClient> {
    const address = await this.#settings.address();
    if (!address) throw new ServerProblem(0, "No server is set.", "Set the server and its token.");
    return new ServerClient(address);
  }
}

/** What went wrong, and what to do. */
export function sentence(error: unknown): string {
  if (error instanceof ServerProblem) return `${error.message} ${error.hint}`.trim();
  return error instanceof Error ? error.message : String(error);
}
