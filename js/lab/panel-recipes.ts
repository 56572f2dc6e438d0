// The recipes below the served folder, in the panel. In: the server's list. Out: each with ways to
// open, rename, delete and compare it.

import { button, element, type IconName, icon } from "../charts/dom";
import type { RecipeAnswer } from "./answers";
import { Section } from "./panel-section";
import type { RecipeActions } from "./recipe-actions";
import { redraw } from "./redraw";
import { bytes, when } from "./words";

const SUFFIX = ".mech.json";

export class RecipesSection {
  readonly section = new Section("Recipes", "mw-lab-recipes");
  #known: readonly RecipeAnswer[] = [];

  constructor(
    private readonly list: () => Promise<{ recipes: RecipeAnswer[]; complete: boolean }>,
    private readonly actions: RecipeActions,
  ) {}

  async refresh(): Promise<void> {
    try {
      const { recipes, complete } = await this.list();
      this.#known = recipes;
      this.section.count(recipes.length);
      this.section.say(sentence(recipes.length, complete));
      redraw(this.section.body, [
        element("ul", { class: "mw-lab-list" }, ...recipes.map((each) => this.#row(each))),
      ]);
    } catch (error) {
      this.section.fail(error, () => void this.refresh());
    }
  }

  #row(recipe: RecipeAnswer): HTMLElement {
    const name = recipe.name.replace(SUFFIX, "");
    const facts = [recipe.path.split("/").slice(0, -1).join("/"), bytes(recipe.size)];
    facts.push(when(recipe.modified));
    return element(
      "li",
      { class: "mw-lab-item", "data-testid": "mw-lab-recipe" },
      element(
        "div",
        { class: "mw-lab-item-words" },
        button(
          { class: "mw-lab-link", title: `Open ${recipe.path}`, "data-key": `open ${recipe.path}` },
          () => this.actions.open(recipe.path),
          name,
        ),
        element("span", { class: "mw-lab-facts" }, facts.filter(Boolean).join(" · ")),
      ),
      this.#tool("exchange", "Compare", recipe, () => this.actions.compare(recipe, this.#known)),
      this.#tool("pencil", "Rename", recipe, () => this.actions.rename(recipe)),
      this.#tool("cross", "Delete", recipe, () => this.actions.delete(recipe)),
    );
  }

  #tool(sign: IconName, word: string, recipe: RecipeAnswer, work: () => Promise<boolean>) {
    const disabled =
      (word === "Compare" && this.#known.length < 2) || (word !== "Compare" && !recipe.writable);
    return button(
      {
        class: "mw-icon-button",
        disabled,
        title: word === "Compare" ? "Compare with another recipe" : word,
        "aria-label": `${word} ${recipe.name}`,
        "data-key": `${word} ${recipe.path}`,
      },
      async () => {
        if (await work()) await this.refresh();
      },
      icon(sign),
    );
  }
}

function sentence(n: number, complete: boolean): string {
  if (!complete) return "There are more than are listed: the server has limits.";
  return n === 0 ? 'None yet. session.save("name.mech.json") writes one.' : "";
}
