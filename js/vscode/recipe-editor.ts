// The editor of *.mech.json: a page for each recipe that is open, and its kernel, if it has one. In:
// documents and what a person wants. Out: pages, and edits of the document, which VS Code can undo.

import * as vscode from "vscode";
import { editorHtml, newNonce } from "./editor-html";
import type { Socket } from "./kernel-connection";
import { LiveRecipe } from "./live-recipe";
import { type FromPage, readFromPage, type ToPage } from "./page-messages";
import { ServerClient } from "./server-client";
import type { ServerSettings } from "./server-settings";
import { sentence } from "./session-tree";

export const VIEW = "mechwidget.recipe";
type Command = Extract<FromPage, { kind: "command" }>["name"];

/** Node's WebSocket, which unlike a page's takes headers: a token in an address would be logged. */
type HeaderedSocket = new (url: string, options: { headers: Record<string, string> }) => Socket;
const openSocket = (url: string, headers: Record<string, string>): Socket =>
  new (WebSocket as unknown as HeaderedSocket)(url, { headers });

export class RecipeEditors implements vscode.CustomTextEditorProvider {
  readonly #dist: vscode.Uri;
  readonly #settings: ServerSettings;
  readonly #open = new Map<vscode.WebviewPanel, OpenRecipe>();

  constructor(extension: vscode.Uri, settings: ServerSettings) {
    this.#dist = vscode.Uri.joinPath(extension, "dist");
    this.#settings = settings;
  }

  resolveCustomTextEditor(document: vscode.TextDocument, panel: vscode.WebviewPanel): void {
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: [this.#dist] };
    const recipe = new OpenRecipe(document, panel, this.#settings);
    this.#open.set(panel, recipe);
    panel.onDidDispose(() => {
      this.#open.delete(panel);
      recipe.close();
    });
    panel.onDidChangeViewState(() => recipe.sayWhetherLive());
    const file = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(this.#dist, name));
    webview.html = editorHtml({
      script: file("editor.js").toString(),
      styles: file("editor.css").toString(),
      source: webview.cspSource,
      nonce: newNonce(),
    });
  }

  /** Does what a command says to the recipe that is in front of a person. */
  async command(name: Command): Promise<void> {
    for (const [panel, recipe] of this.#open) if (panel.active) await recipe.command(name);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((recipe) => recipe.stop()));
  }
}

class OpenRecipe {
  readonly #document: vscode.TextDocument;
  readonly #panel: vscode.WebviewPanel;
  readonly #settings: ServerSettings;
  readonly #subscriptions: vscode.Disposable[];
  #live: LiveRecipe | null = null;
  #starting = false;

  constructor(document: vscode.TextDocument, panel: vscode.WebviewPanel, settings: ServerSettings) {
    this.#document = document;
    this.#panel = panel;
    this.#settings = settings;
    this.#subscriptions = [
      panel.webview.onDidReceiveMessage((message) => this.#heard(readFromPage(message))),
      vscode.workspace.onDidChangeTextDocument(({ document: changed }) => {
        if (changed === document) this.#showText();
      }),
    ];
  }

  close(): void {
    for (const each of this.#subscriptions) each.dispose();
    void this.stop();
  }

  async stop(): Promise<void> {
    const live = this.#live;
    this.#live = null;
    await live?.close();
  }

  /** For menus: the recipe in front of a person has a kernel. */
  sayWhetherLive(): void {
    if (!this.#panel.active) return;
    void vscode.commands.executeCommand("setContext", "mechwidget.live", this.#live !== null);
  }

  async command(name: Command): Promise<void> {
    const does: Record<Command, () => PromiseLike<unknown>> = {
      connect: () => this.#connect(),
      disconnect: () => this.#disconnect(),
      keep: () => this.#keep(),
      openNotebook: () => openNotebook(this.#document.uri),
      showText: () =>
        vscode.commands.executeCommand("vscode.openWith", this.#document.uri, "default"),
    };
    try {
      await does[name]();
    } catch (error) {
      void vscode.window.showErrorMessage(sentence(error));
    }
    this.sayWhetherLive();
  }

  #heard(message: FromPage | null): void {
    if (message?.kind === "ready") {
      if (this.#live) this.#post({ kind: "live", state: this.#live.state });
      else this.#showText();
    } else if (message?.kind === "custom") this.#live?.send(message.content, message.buffers);
    else if (message?.kind === "command") void this.command(message.name);
  }

  async #connect(): Promise<void> {
    if (this.#live || this.#starting) return;
    if (!vscode.workspace.isTrusted) {
      throw new Error("A recipe is run in a kernel only in a workspace that you trust.");
    }
    let address = await this.#settings.address();
    if (!address && (await this.#settings.ask())) address = await this.#settings.address();
    if (!address) return;
    this.#starting = true;
    const { kernelName } = this.#settings;
    const recipe = { text: this.#document.getText(), name: nameOf(this.#document.uri), kernelName };
    try {
      const client = new ServerClient(address);
      const live = await LiveRecipe.open(client, recipe, openSocket, (told) => this.#told(told));
      this.#live = live;
    } catch (error) {
      this.#post({ kind: "gone", message: sentence(error), hint: "" });
    } finally {
      this.#starting = false;
    }
  }

  #told(message: ToPage): void {
    this.#post(message);
    if (message.kind !== "gone") return;
    void this.stop().then(() => this.sayWhetherLive());
  }

  async #disconnect(): Promise<void> {
    await this.stop();
    this.#post({ kind: "gone", message: "The kernel was stopped.", hint: "" });
    this.#showText();
  }

  /** An edit of the document, not of the file: a person can look at it, undo it or save it. */
  async #keep(): Promise<void> {
    if (!this.#live) return;
    const text = await this.#live.recipe();
    const edit = new vscode.WorkspaceEdit();
    const all = new vscode.Range(0, 0, this.#document.lineCount, 0);
    edit.replace(this.#document.uri, all, text);
    await vscode.workspace.applyEdit(edit);
  }

  #showText(): void {
    const name = nameOf(this.#document.uri);
    this.#post({ kind: "recipe", text: this.#document.getText(), name });
  }

  #post(message: ToPage): void {
    void this.#panel.webview.postMessage(message);
  }
}

const nameOf = (uri: vscode.Uri): string => uri.path.split("/").at(-1) ?? "";

/** A notebook with the recipe's session and workbench in it, for a kernel that a person chooses. */
async function openNotebook(uri: vscode.Uri): Promise<void> {
  const path = uri.scheme === "file" ? uri.fsPath : uri.path;
  const code = `import mechwidget as mw\n\nsession = mw.Session.load(${JSON.stringify(path)})\nmw.Workbench(session)`;
  const cell = new vscode.NotebookCellData(vscode.NotebookCellKind.Code, code, "python");
  const data = new vscode.NotebookData([cell]);
  const notebook = await vscode.workspace.openNotebookDocument("jupyter-notebook", data);
  await vscode.window.showNotebookDocument(notebook);
}
