// The kernel of one document: started and stopped with it, it holds the session of the recipe. In: the
// text of the recipe. Out: the workbench as a widget of the page, and the text anew when asked.
//
// The code that runs there is ours (mechwidget.views.recipe_document); what the file says goes in as
// base64, and never as code.

import { SessionContext } from "@jupyterlab/apputils";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { MimeModel } from "@jupyterlab/rendermime";
import type { KernelMessage, ServiceManager } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";
import type { Widget } from "@lumino/widgets";
import { fromPage } from "./page-modules";

const ANSWER = "application/vnd.mechwidget.document+json";
const VIEW = "application/vnd.jupyter.widget-view+json";
const MODULE = "mechwidget.views.recipe_document";
/** A message of more than 10 MiB would close the connection. */
const PART = 2 ** 21;

export interface Answer {
  open: boolean;
  error: { message: string; hint: string } | null;
  text?: string;
  revision?: number;
}

interface WidgetLibrary {
  registerWidgetManager(
    context: unknown,
    rendermime: IRenderMimeRegistry,
    renderers: Iterable<never>,
  ): { dispose(): void };
}

/** What the kernel says that is no answer of ours. */
export class KernelTrouble extends Error {}

export class RecipeKernel {
  readonly context: SessionContext;
  readonly #rendermime: IRenderMimeRegistry;
  #manager: { dispose(): void } | null = null;

  constructor(
    manager: ServiceManager.IManager,
    rendermime: IRenderMimeRegistry,
    path: string,
    private readonly show: (workbench: Widget) => void,
  ) {
    this.#rendermime = rendermime.clone();
    this.context = new SessionContext({
      kernelManager: manager.kernels,
      sessionManager: manager.sessions,
      specsManager: manager.kernelspecs,
      path,
      name: path,
      type: "mechwidget",
      kernelPreference: { autoStartDefault: true, shutdownOnDispose: true },
    });
  }

  /** Starts the kernel, or finds the one that an earlier page has left to this document. */
  async start(): Promise<void> {
    await this.context.initialize();
    if (!this.context.session?.kernel) {
      throw new KernelTrouble("No kernel could be started. The server's log says why.");
    }
    const library = await fromPage<WidgetLibrary>("@jupyter-widgets/jupyterlab-manager");
    if (!library.registerWidgetManager) {
      throw new KernelTrouble(
        "This page draws no widgets: install jupyterlab_widgets where the server runs.",
      );
    }
    this.#manager = library.registerWidgetManager(this.#asNotebook(), this.#rendermime, []);
    await this.context.ready;
  }

  /** Shows the session that the kernel has already; `open` is whether it has one. */
  present(): Promise<Answer> {
    return this.#ask("present()");
  }

  async open(name: string, text: string): Promise<Answer> {
    const packed = base64(JSON.stringify({ name, text }));
    for (let at = 0; at < packed.length; at += PART) {
      await this.#run(`receive("${packed.slice(at, at + PART)}")`, () => {});
    }
    return this.#ask("open_received()");
  }

  /** The recipe as it is now, with the numbers. */
  publish(): Promise<Answer> {
    return this.#ask("publish()");
  }

  async restart(): Promise<void> {
    await this.context.restartKernel();
  }

  /** Stops the kernel. */
  dispose(): void {
    this.#manager?.dispose();
    this.context.dispose();
  }

  async #ask(call: string): Promise<Answer> {
    let answer: Answer | null = null;
    await this.#run(call, (given) => {
      answer = given;
    });
    if (answer === null) throw new KernelTrouble("The kernel gave no answer.");
    return answer;
  }

  /** Runs one call of our module, shows what it displays, hands over what it answers. */
  async #run(call: string, onAnswer: (answer: Answer) => void): Promise<void> {
    const kernel = this.context.session?.kernel;
    if (!kernel) throw new KernelTrouble("The kernel is gone. Restart it.");
    const code = `import ${MODULE} as _mechwidget_document; _mechwidget_document.${call}`;
    const future = kernel.requestExecute({ code, silent: false, store_history: false });
    let trouble = "";
    future.onIOPub = ({ header, content }: KernelMessage.IIOPubMessage) => {
      if (header.msg_type === "error") trouble = inWords(content);
      if (header.msg_type !== "display_data") return;
      const data = content.data as Record<string, unknown>;
      if (data[ANSWER]) onAnswer(data[ANSWER] as Answer);
      else if (data[VIEW]) this.#draw(data);
    };
    await future.done;
    if (trouble) throw new KernelTrouble(trouble);
  }

  #draw(data: Record<string, unknown>): void {
    const renderer = this.#rendermime.createRenderer(VIEW);
    void renderer.renderModel(new MimeModel({ data, trusted: true }));
    this.show(renderer);
  }

  /** What the widget library wants to know of a notebook: that this one keeps no widgets. */
  #asNotebook(): unknown {
    const model = { getMetadata: () => undefined, setMetadata: () => {}, dirty: false };
    const saveState = new Signal<object, string>(model);
    const urlResolver = {
      resolveUrl: async (url: string) => url,
      getDownloadUrl: async (url: string) => url,
    };
    return { sessionContext: this.context, model, saveState, urlResolver };
  }
}

function inWords(content: Record<string, unknown>): string {
  const [name, value] = [String(content.ename), String(content.evalue)];
  if (name === "ModuleNotFoundError" && value.includes("mechwidget")) {
    return "The kernel has no mechwidget, or an older one. Install this version into the kernel's environment, then restart it.";
  }
  return `${name}: ${value}`;
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}
