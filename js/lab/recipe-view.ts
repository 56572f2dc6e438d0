// A recipe as a document: a workbench on a kernel of its own, which is stopped when the document is
// closed. In: the document. Out: the workbench in it; the text of the document follows the session, so
// that saving, autosaving, undoing a close and the JSON view are JupyterLab's own.

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { ToolbarButton } from "@jupyterlab/apputils";
import type { DocumentWidget } from "@jupyterlab/docregistry";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { Widget } from "@lumino/widgets";
import { button, element } from "../charts/dom";
import { createHost } from "../host/host";
import { COMMANDS } from "./command-names";
import { inWords } from "./connection";
import { RecipeKernel } from "./recipe-kernel";
import { RecipeText } from "./recipe-text";
import type { Settings } from "./settings";
import { sheet } from "./style";
import { fileName } from "./words";

export function openRecipe(
  app: JupyterFrontEnd,
  document: DocumentWidget<Widget>,
  rendermime: IRenderMimeRegistry,
  settings: Settings,
): void {
  const view = new RecipeView(app, document, rendermime);
  const life = new AbortController();
  const wish = ({ theme }: { theme: string }) =>
    document.content.node.setAttribute("data-mw-theme-wish", theme);
  settings.onChange(wish, life.signal);
  document.disposed.connect(() => {
    life.abort();
    view.dispose();
  });
  void view.open();
}

class RecipeView {
  readonly #life = new AbortController();
  readonly #bar: HTMLElement;
  readonly #stage = element("div", { class: "mw-lab-stage" });
  readonly #kernel: RecipeKernel;
  readonly #text: RecipeText;
  #shown: Widget | null = null;

  constructor(
    app: JupyterFrontEnd,
    private readonly document: DocumentWidget<Widget>,
    rendermime: IRenderMimeRegistry,
  ) {
    const { context, content } = document;
    content.node.style.overflow = "auto";
    const { el } = createHost(content.node, this.#life.signal);
    this.#bar = element("div", {
      class: "mw-lab-bar",
      role: "status",
      "data-testid": "mw-lab-bar",
    });
    el.append(sheet(), this.#bar);
    content.node.append(this.#stage);
    this.#kernel = new RecipeKernel(app.serviceManager, rendermime, context.path, (workbench) =>
      this.#show(workbench),
    );
    this.#text = new RecipeText(
      context,
      () => this.#kernel.publish(),
      () => this.#offerReload(),
      (error) => this.#say(`The text does not follow the session: ${inWords(error)}`, true),
    );
    context.model.contentChanged.connect(() => this.#text.textChanged());
    context.saveState.connect((_, state) => {
      if (state === "started") this.#text.saving();
      if (state === "completed") void this.#text.saved();
    });
    this.#addTools(app);
  }

  /** Starts the kernel and shows what it has, or what the file says. */
  async open(): Promise<void> {
    await this.#attempt("Starting a kernel for this recipe …", async () => {
      await this.document.context.ready;
      await this.#kernel.start();
      const { open } = await this.#kernel.present();
      if (open)
        this.#text.changed(); // an earlier page may have left it ahead of the file
      else await this.#load();
    });
  }

  dispose(): void {
    this.#text.stop();
    this.#life.abort();
    this.#kernel.dispose();
  }

  async #load(): Promise<void> {
    const { model, path } = this.document.context;
    this.#text.parted();
    this.#say("Loading the model …");
    const text = model.toString();
    const { error } = await this.#kernel.open(fileName(path), text);
    if (error) return this.#say([error.message, error.hint].filter(Boolean).join(" "), true);
    this.#say("");
    this.#text.agreed();
    if (model.toString() !== text) this.#offerReload();
  }

  async #attempt(words: string, work: () => Promise<void>): Promise<void> {
    this.#say(words);
    try {
      await work();
      if (this.#bar.textContent === words) this.#say("");
    } catch (error) {
      if (!this.document.isDisposed) this.#say(inWords(error), true);
    }
  }

  #show(workbench: Widget): void {
    const { content } = this.document;
    if (content.isDisposed) return;
    this.#shown?.dispose();
    this.#shown = workbench;
    Widget.attach(workbench, this.#stage);
    this.#watch();
  }

  /** The page's own picture of the session tells when it is another one. */
  #watch(): void {
    const root = () => this.#stage.querySelector<HTMLElement>("[data-mw-revision]");
    let first: string | undefined;
    const observer = new MutationObserver(() => {
      const revision = root()?.dataset.mwRevision;
      if (revision === undefined || revision === first) return;
      if (first !== undefined) this.#text.changed();
      first = revision;
    });
    observer.observe(this.#stage, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ["data-mw-revision"],
    });
    const stop = () => observer.disconnect();
    this.#shown?.disposed.connect(stop);
    this.#life.signal.addEventListener("abort", stop, { once: true });
  }

  #addTools(app: JupyterFrontEnd): void {
    const { toolbar, context } = this.document;
    const restart = () =>
      void this.#attempt("Restarting the kernel …", async () => {
        await this.#kernel.restart();
        await this.#load();
      });
    const json = () => void app.commands.execute(COMMANDS.openAsJson, { path: context.path });
    const save = () => {
      app.shell.activateById(this.document.id); // the command saves what is in front, once at a time
      void app.commands.execute("docmanager:save");
    };
    const add = (name: string, label: string, tooltip: string, onClick: () => void) =>
      toolbar.addItem(name, new ToolbarButton({ label, tooltip, onClick }));
    add("save", "Save", "Write the session of now into the file", save);
    add("restart", "Restart", "A new kernel, and the recipe as the document has it", restart);
    add("json", "JSON", "The text of this document in an editor", json);
  }

  #offerReload(): void {
    const load = () => void this.#attempt("Loading the model …", () => this.#load());
    this.#say("The text of this recipe was changed outside the workbench.");
    const keep = () => {
      this.#say("");
      this.#text.agreed();
      this.#text.changed();
    };
    this.#bar.append(
      " ",
      button({ class: "mw-button", "data-testid": "mw-lab-reload" }, load, "Load it"),
      " ",
      button({ class: "mw-button" }, keep, "Keep the workbench"),
    );
  }

  #say(words: string, isTrouble = false): void {
    this.#bar.textContent = words;
    this.#bar.hidden = words === "";
    this.#bar.toggleAttribute("data-trouble", isTrouble);
  }
}
