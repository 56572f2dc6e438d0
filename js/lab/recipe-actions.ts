// What a person does with a stored recipe: open, rename, delete, compare. In: a recipe. Out: requests
// that name the version which the person saw, so that nobody's change is lost; and dialogs.

import { Dialog, InputDialog, showDialog, showErrorMessage } from "@jupyterlab/apputils";
import { PathExt } from "@jupyterlab/coreutils";
import type { RecipeAnswer } from "./answers";
import type { Connection } from "./connection";
import { inWords } from "./connection";

const SUFFIX = ".mech.json";

export class RecipeActions {
  constructor(
    private readonly connection: Connection,
    readonly open: (path: string) => void,
    private readonly showComparison: (old: string, recent: string) => void,
  ) {}

  /** Asks for a name; whether the recipe has it now. */
  rename({ path, name }: RecipeAnswer): Promise<boolean> {
    return this.#attempt("The recipe was not renamed", async () => {
      const version = await this.connection.version(path);
      const { value } = await InputDialog.getText({
        title: "Rename recipe",
        text: name.replace(SUFFIX, ""),
        okLabel: "Rename",
      });
      const wanted = value?.trim().replace(SUFFIX, "");
      if (!wanted || `${wanted}${SUFFIX}` === name) return false;
      const to = PathExt.join(PathExt.dirname(path), `${wanted}${SUFFIX}`);
      await this.connection.rename(path, to, version);
      return true;
    });
  }

  /** Asks whether that is meant; whether the recipe is gone. */
  delete({ path }: RecipeAnswer): Promise<boolean> {
    return this.#attempt("The recipe was not deleted", async () => {
      const version = await this.connection.version(path);
      const { button } = await showDialog({
        title: "Delete recipe",
        body: `Delete ${path}? Where the server has a trash, it goes there.`,
        buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Delete" })],
      });
      if (!button.accept) return false;
      await this.connection.delete(path, version);
      return true;
    });
  }

  /** Asks with which other one, and shows what is different. */
  compare(recipe: RecipeAnswer, known: readonly RecipeAnswer[]): Promise<boolean> {
    return this.#attempt("The recipes were not compared", async () => {
      const others = known.map(({ path }) => path).filter((path) => path !== recipe.path);
      const { value } = await InputDialog.getItem({
        title: `Compare ${recipe.name} with`,
        items: others,
        okLabel: "Compare",
      });
      if (value !== null) this.showComparison(recipe.path, value);
      return false;
    });
  }

  async #attempt(title: string, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (error) {
      await showErrorMessage(title, inWords(error));
      return true; // what is listed may be the reason
    }
  }
}
