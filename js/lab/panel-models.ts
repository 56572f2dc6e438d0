// The models that this machine has, in the panel. In: the server's list. Out: each with what it is,
// a way to start a workbench on it, and the Python that loads it.

import { button, element } from "../charts/dom";
import type { ModelAnswer } from "./answers";
import { Section } from "./panel-section";
import { redraw } from "./redraw";
import { offlineFacts } from "./words";

export class ModelsSection {
  readonly section = new Section("Models on this machine", "mw-lab-models");

  constructor(
    private readonly list: () => Promise<ModelAnswer[]>,
    private readonly start: (model: ModelAnswer) => void,
  ) {}

  async refresh(): Promise<void> {
    try {
      const models = await this.list();
      this.section.count(models.length);
      this.section.say("");
      redraw(this.section.body, [
        element("ul", { class: "mw-lab-list" }, ...models.map((each) => this.#row(each))),
      ]);
    } catch (error) {
      this.section.fail(error, () => void this.refresh());
    }
  }

  #row(model: ModelAnswer): HTMLElement {
    const { name, problem } = model;
    const facts = offlineFacts(model);
    return element(
      "li",
      { class: "mw-lab-item", "data-testid": "mw-lab-model" },
      element(
        "div",
        { class: "mw-lab-item-words" },
        element("span", { class: "mw-lab-item-name", title: name }, name),
        element("span", { class: "mw-lab-facts", title: facts }, facts),
        ...(problem ? [element("span", { class: "mw-lab-facts" }, problem)] : []),
      ),
      button(
        {
          class: "mw-button",
          disabled: problem !== null,
          title: problem ?? `New workbench on ${name}`,
          "aria-label": `New workbench on ${name}`,
          "data-key": `model ${name}`,
        },
        () => this.start(model),
        "New",
      ),
    );
  }
}
