// What a neuron reads and writes, by its weights alone: a column for each direction, the tokens that
// have most of it above those that have least.

import { element, keyed, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { Ends, NeuronInput, NeuronWeights } from "../wire/neuron";

const TITLES: Record<string, { title: string; says: string }> = {
  in: { title: "reads", says: "The direction of the stream that it answers to" },
  gate: {
    title: "reads: gate",
    says: "The direction whose product with the stream passes the nonlinearity",
  },
  up: { title: "reads: up", says: "The direction whose product multiplies the gate" },
};

const FACTS =
  "Lengths of the directions in the stream; cos: of the angle between what it reads and what it writes";

export class NeuronWeightsTable {
  readonly el = element("div", { class: "mw-neuron-weights" });
  readonly #columns = element("div", { class: "mw-neuron-weight-columns" });
  readonly #note = element("div", {
    class: "mw-muted mw-neuron-convention",
    "data-mw-convention": "",
  });
  readonly #rebuild = keyed(this.#columns);

  constructor() {
    this.el.append(this.#columns, this.#note);
  }

  draw(weights: NeuronWeights | null, refusal: string): void {
    this.#rebuild(JSON.stringify(weights), () => (weights ? columnsOf(weights) : []));
    setText(this.#note, weights ? noteOf(weights) : refusal || " ");
  }
}

function columnsOf({ inputs, writes }: NeuronWeights): HTMLElement[] {
  const made = inputs.map((one) => {
    const { title, says } = TITLES[one.name] ?? { title: one.name, says: "" };
    return column(title, says, factsOf(one), one);
  });
  const length = `‖W_out‖ ${plain(writes.norm)}`;
  made.push(column("writes", "The tokens that it speaks for and against", length, writes));
  return made;
}

function factsOf({ bias, norm, cosine }: NeuronInput): string {
  const parts = [
    `‖W‖ ${plain(norm)}`,
    bias === 0 ? "" : `bias ${signed(bias)}`,
    cosine === null ? "" : `cos ${signed(cosine)}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

function column(title: string, says: string, facts: string, ends: Ends): HTMLElement {
  const tokens = (list: Ends["most"], label: string): HTMLElement =>
    element(
      "ol",
      { class: "mw-neuron-told", "aria-label": `${title}, ${label}` },
      ...list.map(({ text, gain }) =>
        element(
          "li",
          {},
          element("bdi", { title: visible(text) }, short(text, 14)),
          element("span", { class: "mw-muted" }, signed(gain)),
        ),
      ),
    );
  const none = ends.most.length === 0;
  return element(
    "div",
    { class: "mw-neuron-weight-column" },
    element("div", { class: "mw-neuron-weight-title", title: says }, title),
    element("div", { class: "mw-muted mw-neuron-column", title: FACTS }, facts),
    none ? element("div", { class: "mw-muted" }, "no tokens") : tokens(ends.most, "most"),
    ...(none ? [] : [tokens(ends.least, "least")]),
  );
}

function noteOf({ inputs, normed, why, note }: NeuronWeights): string {
  const parts = [
    inputs.length > 0
      ? `reads: direction · token embedding, ${normed ? "the norm’s gain folded in" : "no norm in between"}`
      : "",
    "writes: logits per unit of activation, the final norm at scale 1",
    "by the weights alone, whatever the prompt",
    why,
    note,
  ];
  return parts.filter(Boolean).join(" · ");
}
