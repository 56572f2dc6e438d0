// The kernels of the notebooks that are open in VS Code, asked through the Jupyter extension. It asks
// a person for leave the first time, so this is done only when a person wants it.

import * as vscode from "vscode";
import { answered, type JupyterApi, type JupyterKernel, kernelOf } from "./notebook-questions";
import type { Action } from "./server-client";
import type { KernelSessions } from "./session-summary";

const JUPYTER = "ms-toolsai.jupyter";

export class NotebookKernels {
  #looking = false;

  /** From now on notebooks are looked into; throws a sentence where that cannot be. */
  async begin(): Promise<void> {
    await api();
    this.#looking = true;
  }

  async kernels(): Promise<{ uri: string; kernel: KernelSessions }[]> {
    if (!this.#looking || !vscode.workspace.isTrusted) return [];
    const found = vscode.workspace.notebookDocuments.map(async ({ uri }) => {
      const kernel = await kernelAt(uri);
      if (!kernel) return null;
      const path = vscode.workspace.asRelativePath(uri);
      const answer = await ask(kernel, { op: "sessions" });
      return { uri: uri.toString(), kernel: kernelOf(path, answer) };
    });
    return (await Promise.all(found)).filter((each) => each !== null);
  }

  async change(uri: string, session: string, { action, ...rest }: Action): Promise<void> {
    const kernel = await kernelAt(vscode.Uri.parse(uri));
    if (!kernel) throw new Error("This notebook has no kernel any more.");
    await ask(kernel, { op: "act", session, action, arguments: rest });
  }
}

async function ask(kernel: JupyterKernel, question: object) {
  const source = new vscode.CancellationTokenSource();
  try {
    return await answered(kernel, question, source.token);
  } finally {
    source.dispose();
  }
}

async function kernelAt(uri: vscode.Uri): Promise<JupyterKernel | null> {
  const kernel = await (await api()).kernels.getKernel(uri);
  return kernel?.language === "python" ? kernel : null;
}

async function api(): Promise<JupyterApi> {
  const extension = vscode.extensions.getExtension<JupyterApi>(JUPYTER);
  if (!extension)
    throw new Error("Notebooks are reached through the Jupyter extension, which is missing.");
  return extension.activate();
}
