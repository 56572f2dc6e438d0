// Which neuron is looked at in depth: the ones that write most to the metric to choose from, and its
// address (layer, expert, index) to type. In: candidates. Out: the neuron that was chosen.

import { button, element, focusedIn, keyed, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import type { Candidate, Candidates, NeuronPart } from "../wire/neuron";
import { expertOf, sameNeuron } from "./pane";

export const partName = (neuron: NeuronPart): string =>
  neuron.type === "neuron"
    ? `${neuron.layer}.${neuron.index}`
    : `${neuron.layer}.e${neuron.expert}.${neuron.index}`;

export class NeuronPicker {
  readonly el = element("div", { class: "mw-neuron-picker" });
  readonly #fields: Record<"layer" | "expert" | "index", HTMLInputElement>;
  readonly #expert: HTMLElement;
  readonly #lead = element("span", { class: "mw-muted" });
  readonly #chips = element("div", {
    class: "mw-neuron-chips",
    role: "group",
    "aria-label": "Neurons worth a look",
  });
  readonly #rebuild = keyed(this.#chips);
  #layers: Candidates["layers"] = [];

  constructor(private readonly choose: (neuron: NeuronPart) => void) {
    const field = (name: string): HTMLInputElement => {
      const made = element("input", {
        class: "mw-input mw-neuron-number-field",
        type: "number",
        min: 0,
        step: 1,
        "data-testid": `mw-neuron-${name}`,
      });
      made.addEventListener("change", () => this.#typed());
      return made;
    };
    this.#fields = { layer: field("layer"), expert: field("expert"), index: field("index") };
    const labelled = (words: string, input: HTMLElement): HTMLElement =>
      element("label", { class: "mw-neuron-field mw-muted" }, words, input);
    this.#expert = labelled("expert", this.#fields.expert);
    const address = element("div", { class: "mw-neuron-address" });
    address.append(
      labelled("layer", this.#fields.layer),
      this.#expert,
      labelled("neuron", this.#fields.index),
    );
    this.el.append(address, this.#lead, this.#chips);
  }

  draw(found: Candidates | null, neuron: NeuronPart | null): void {
    if (found) this.#layers = found.layers;
    const layer = neuron ? this.#layers[neuron.layer] : undefined;
    this.#expert.hidden = !(layer && layer.experts > 0);
    const values = {
      layer: neuron?.layer,
      expert: expertOf(neuron) ?? 0,
      index: neuron?.index,
    };
    const last = {
      layer: this.#layers.length - 1,
      expert: (layer?.experts ?? 0) - 1,
      index: (layer?.neurons ?? 0) - 1,
    };
    for (const [name, input] of Object.entries(this.#fields)) {
      const key = name as keyof typeof values;
      setAttributes(input, { max: Math.max(0, last[key]), disabled: neuron === null });
      const value = values[key];
      if (value !== undefined && focusedIn(this.el) !== input) input.value = String(value);
    }
    setText(this.#lead, found ? leadOf(found) : "");
    setAttributes(this.#lead, { title: found?.reason ?? null });
    const key = JSON.stringify([found?.neurons, neuron]);
    this.#rebuild(key, () => (found?.neurons ?? []).map((one) => this.#chip(one, neuron)));
  }

  #chip(one: Candidate, chosen: NeuronPart | null): HTMLElement {
    const { neuron, effect, activation } = one;
    const number = effect === null ? plain(activation) : signed(effect);
    const says = effect === null ? "its activation" : "its direct effect, in logits";
    return button(
      {
        class: "mw-button mw-neuron-chip",
        "aria-pressed": String(chosen !== null && sameNeuron(neuron, chosen)),
        title: `Neuron ${partName(neuron)}: ${number}, ${says}`,
        "data-testid": `mw-candidate-${partName(neuron)}`,
      },
      () => this.choose(neuron),
      element("span", { class: "mw-neuron-chip-name" }, partName(neuron)),
      element("span", { class: "mw-muted" }, number),
    );
  }

  #typed(): void {
    const value = (name: "layer" | "expert" | "index", last: number): number => {
      const typed = Math.trunc(this.#fields[name].valueAsNumber);
      const kept = Math.max(0, Math.min(Number.isFinite(typed) ? typed : 0, last));
      this.#fields[name].value = String(kept);
      return kept;
    };
    let layer = value("layer", this.#layers.length - 1);
    // A layer without neurons of its own has none to show: the next one that has some.
    const having = this.#layers.findIndex((one, at) => at >= layer && one.neurons > 0);
    if (having >= 0) layer = having;
    const { neurons, experts } = this.#layers[layer] ?? { neurons: 0, experts: 0 };
    if (neurons === 0) return;
    const index = value("index", neurons - 1);
    if (experts === 0) this.choose({ type: "neuron", layer, index });
    else {
      const expert = value("expert", experts - 1);
      this.choose({ type: "expert_neuron", layer, expert, index });
    }
  }
}

const leadOf = ({ effectOf, neurons }: Candidates): string => {
  if (neurons.length === 0) return "";
  return effectOf ? `write most to ${effectOf}` : "most active at the asked token";
};
