// What a person chooses in the attribution view: the method, of what, in which order, how exactly.
// In: the page's state. Out: the wish, as it is now.

import { element } from "../charts/dom";
import type { Of } from "../wire/attribution";
import type { Order } from "./attribution-rows";
import { METHODS, ORDERS, type Shown } from "./attribution-words";

type Choices = Record<string, { text: string; title: string }>;

const STEPS = [16, 32, 64, 128];
const OF: Choices = {
  components: { text: "components", title: "Of every head and MLP, summed over the tokens" },
  tokens: { text: "input tokens", title: "Of the embedding of every input token" },
};

/** The more steps, the smaller the error of the integral. */
const stepChoices = (): Choices =>
  Object.fromEntries(
    STEPS.map((n) => [
      n,
      { text: `${n} steps`, title: "At how many points the gradient is taken" },
    ]),
  );

export class AttributionControls {
  readonly el = element("div", { class: "mw-attribution-controls" });
  readonly #method: HTMLSelectElement;
  readonly #of: HTMLSelectElement;
  readonly #order: HTMLSelectElement;
  readonly #steps: HTMLSelectElement;
  readonly #neurons = element("input", {
    type: "checkbox",
    class: "mw-check",
    "data-testid": "mw-attribution-neurons",
  });
  readonly #neuronsLabel = element("label", { class: "mw-attribution-check" }, this.#neurons);

  constructor(private readonly onChange: () => void) {
    this.#method = this.#choice("method", "Method", METHODS);
    this.#of = this.#choice("of", "Of what", OF);
    this.#order = this.#choice("order", "Order", ORDERS);
    this.#steps = this.#choice("steps", "Steps of the integral", stepChoices());
    this.#steps.value = "32";
    this.#neurons.addEventListener("change", onChange);
    this.#neuronsLabel.append("neurons");
    this.el.append(this.#method, this.#of, this.#steps, this.#order, this.#neuronsLabel);
  }

  get method(): Shown {
    return this.#method.value as Shown;
  }

  set method(method: Shown) {
    this.#method.value = method;
    this.onChange();
  }

  get of(): Of {
    return this.method === "direct" ? "components" : (this.#of.value as Of);
  }

  get order(): Order {
    return this.#order.value as Order;
  }

  get steps(): number {
    return Number(this.#steps.value);
  }

  /** Neurons in the place of MLPs. */
  get asNeurons(): boolean {
    return this.#neurons.checked && !this.#neuronsLabel.hidden;
  }

  draw(edited: boolean): void {
    if (!edited && this.order === "change") this.#order.value = "largest";
    this.#of.hidden = this.method === "direct";
    this.#steps.hidden = this.method !== "integrated";
    this.#neuronsLabel.hidden = this.method !== "direct" || this.order === "layers";
    const change = this.#order.options[2];
    if (change) change.disabled = !edited;
  }

  #choice(name: string, label: string, options: Choices): HTMLSelectElement {
    const made = element("select", {
      class: "mw-select",
      "aria-label": label,
      "data-testid": `mw-attribution-${name}`,
    });
    for (const [value, { text, title }] of Object.entries(options)) {
      made.append(element("option", { value, title }, text));
    }
    made.addEventListener("change", this.onChange);
    return made;
  }
}
