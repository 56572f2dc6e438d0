// Recipes as documents: what kind of file `*.mech.json` is, and what it opens in. In: the page. Out: a
// file type, a factory of document views whose contents are fetched when the first one is opened.

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ILayoutRestorer } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import type { DocumentContext } from "@jupyterlab/docregistry";
import { ABCWidgetFactory, DocumentWidget } from "@jupyterlab/docregistry";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { Widget } from "@lumino/widgets";
import { headsIcon } from "./icon";
import { IServices, type Services } from "./services";

const FILE_TYPE = "mechwidget-recipe";
const FACTORY = "Workbench";

type RecipeDocument = DocumentWidget<Widget>;

class RecipeFactory extends ABCWidgetFactory<RecipeDocument> {
  constructor(
    private readonly fill: (document: RecipeDocument) => Promise<void>,
    options: Record<string, unknown>,
  ) {
    super(options);
  }

  protected createNewWidget(context: DocumentContext): RecipeDocument {
    const content = new Widget();
    const document = new DocumentWidget({ content, context });
    document.title.icon = headsIcon;
    this.fill(document).catch((error) => {
      content.node.textContent = `The workbench could not be fetched: ${error}`;
    });
    return document;
  }
}

export const documents: JupyterFrontEndPlugin<void> = {
  id: "mechwidget:documents",
  description: "Opens recipes (*.mech.json) as documents with a workbench of their own.",
  autoStart: true,
  requires: [IServices, IRenderMimeRegistry],
  optional: [ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    { settings }: Services,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
  ): void => {
    const fill = async (document: RecipeDocument): Promise<void> => {
      const { openRecipe } = await import("./recipe-view");
      openRecipe(app, document, rendermime, settings);
    };
    app.docRegistry.addFileType({
      name: FILE_TYPE,
      displayName: "Recipe",
      extensions: [".mech.json"],
      mimeTypes: ["application/json"],
      contentType: "file",
      fileFormat: "text",
      icon: headsIcon,
    });
    const factory = new RecipeFactory(fill, {
      name: FACTORY,
      modelName: "text", // the same as the editor's: both show one document
      fileTypes: [FILE_TYPE],
      defaultFor: [FILE_TYPE],
    });
    const tracker = new WidgetTracker<RecipeDocument>({ namespace: "mechwidget-recipe" });
    factory.widgetCreated.connect((_, document) => {
      document.context.pathChanged.connect(() => void tracker.save(document));
      void tracker.add(document);
    });
    app.docRegistry.addWidgetFactory(factory);
    void restorer?.restore(tracker, {
      command: "docmanager:open",
      args: ({ context }: RecipeDocument) => ({ path: context.path, factory: FACTORY }),
      name: ({ context }: RecipeDocument) => context.path,
    });
  },
};
