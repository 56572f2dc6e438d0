// What VS Code starts: the editor of recipes, the tree of sessions, and the commands. Each is a module
// of its own; here they meet.

import * as vscode from "vscode";
import { NotebookKernels } from "./notebook-kernels";
import { RecipeEditors, VIEW } from "./recipe-editor";
import { ServerSettings } from "./server-settings";
import { SessionTree, sentence } from "./session-tree";
import type { TreeNode } from "./tree-nodes";

let editors: RecipeEditors | undefined;

export function activate({ extensionUri, secrets, subscriptions }: vscode.ExtensionContext): void {
  const settings = new ServerSettings(secrets);
  const notebooks = new NotebookKernels();
  const tree = new SessionTree(settings, notebooks);
  const open = new RecipeEditors(extensionUri, settings);
  editors = open;
  const commands: Record<string, (node?: TreeNode) => unknown> = {
    setServer: async () => {
      if (await settings.ask()) tree.follow();
    },
    forgetServer: async () => {
      await settings.forget();
      tree.follow();
    },
    refresh: () => tree.refresh(),
    lookIntoNotebooks: async () => {
      await notebooks.begin();
      tree.refresh();
    },
    undo: (node) => tree.act(node, { action: "undo" }),
    redo: (node) => tree.act(node, { action: "redo" }),
    connect: () => open.command("connect"),
    disconnect: () => open.command("disconnect"),
    keep: () => open.command("keep"),
    openNotebook: () => open.command("openNotebook"),
    showText: () => open.command("showText"),
  };
  subscriptions.push(
    tree,
    vscode.window.registerCustomEditorProvider(VIEW, open, {
      webviewOptions: { retainContextWhenHidden: true },
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("mechwidget.serverUrl")) tree.follow();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => tree.follow()),
    ...Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(`mechwidget.${name}`, async (node?: TreeNode) => {
        try {
          await run(node);
        } catch (error) {
          void vscode.window.showErrorMessage(sentence(error));
        }
      }),
    ),
  );
}

/** The kernels of recipes end with the window. */
export async function deactivate(): Promise<void> {
  await editors?.close();
}
