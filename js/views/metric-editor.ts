// The question put to the model: an answer and, against it, a distractor. With both the metric is
// their logit difference, with an answer alone its probability, with neither there is none.

import { button, element, focusedIn, icon, setAttributes } from "../charts/dom";
import { visible } from "../charts/token-text";
import type { SessionState } from "../types";
import type { SessionClient } from "../wire/session-client";
import { drawFieldNote } from "./field-note";
import { metricOf, metricTexts, type Side } from "./metric-texts";
import type { Pane, Scene } from "./pane";

const SIDES: Record<Side, { label: string; title: string }> = {
  answer: {
    label: "Answer token",
    title: "The token whose logit counts for. A leading · is a space.",
  },
  distractor: {
    label: "Distractor token",
    title: "The token whose logit counts against. Empty: the probability of the answer.",
  },
};

let editors = 0;

export class MetricEditor implements Pane {
  readonly el = element("section", { class: "mw-metric-editor", "aria-label": "Metric" });
  readonly #fields: Record<Side, HTMLInputElement>;
  readonly #swap: HTMLButtonElement;
  readonly #note = element("div", { class: "mw-field-note", role: "status" });
  readonly #options: HTMLElement;
  /** Typed and not yet agreed to: not to be painted over. */
  #dirty = false;

  constructor(private readonly client: SessionClient) {
    editors += 1;
    this.#options = element("datalist", { id: `mw-metric-tokens-${editors}` });
    this.#fields = { answer: this.#field("answer"), distractor: this.#field("distractor") };
    const swap = "Swap answer and distractor";
    this.#swap = button(
      { class: "mw-icon-button", "aria-label": swap, title: swap },
      () => this.#exchange(),
      icon("swap"),
    );
    const line = element("div", { class: "mw-metric-line" });
    line.append("answer", this.#fields.answer, this.#swap, "not", this.#fields.distractor);
    this.el.append(line, this.#note, this.#options);
  }

  draw({ state, enabled }: Scene): void {
    const fields = Object.values(this.#fields);
    const refused = drawFieldNote(this.#note, fields, this.client, "set_metric", "");
    if (!this.#dirty && !refused && !(focusedIn(this.el) instanceof HTMLInputElement))
      this.#restore(state);
    for (const input of fields) setAttributes(input, { disabled: !enabled || !state });
    const { answer, distractor } = this.#fields;
    setAttributes(this.#swap, { disabled: !enabled || !answer.value || !distractor.value });
    drawOptions(this.#options, state);
  }

  #field(side: Side): HTMLInputElement {
    const { label, title } = SIDES[side];
    const input = element("input", {
      class: "mw-input mw-metric-input",
      type: "text",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      list: this.#options.id,
      placeholder: "none",
      "aria-label": label,
      "data-testid": `mw-metric-${side}`,
      title,
    });
    input.addEventListener("input", () => {
      this.#dirty = true;
      // An input hides a leading space, and whether it is there decides which token is meant.
      if (input.value.startsWith(" ")) input.value = input.value.replace(/^ /, "·");
    });
    input.addEventListener("change", () => void this.#submit());
    input.addEventListener("keydown", (event) => this.#key(event, input));
    return input;
  }

  #key(event: KeyboardEvent, input: HTMLInputElement): void {
    if (event.isComposing || (event.key !== "Escape" && event.key !== "Enter")) return;
    event.preventDefault();
    if (event.key === "Enter") {
      // A change event follows only when the text differs from what was there before.
      input.blur();
      input.focus();
      return;
    }
    // Esc here means this field, not the lock.
    event.stopPropagation();
    if (this.client.lastError?.op === "set_metric") this.client.dismissError();
    this.#restore(this.client.shown);
    input.blur();
  }

  #restore(state: SessionState | null): void {
    const texts = metricTexts(state);
    this.#dirty = false;
    for (const side of ["answer", "distractor"] as const) {
      const input = this.#fields[side];
      if (input.value !== texts[side]) input.value = texts[side];
    }
  }

  #exchange(): void {
    const { answer, distractor } = this.#fields;
    [answer.value, distractor.value] = [distractor.value, answer.value];
    void this.#submit();
  }

  async #submit(): Promise<void> {
    const { answer, distractor } = this.#fields;
    const old = this.client.state?.metric ?? null;
    const metric = metricOf(answer.value, distractor.value, old?.spec.position);
    if (metric === null && old === null) return this.#restore(this.client.shown);
    this.#dirty = true;
    if (await this.client.setMetric(metric)) this.#dirty = false;
  }
}

/** The top tokens are offered: the answer is usually among them. */
function drawOptions(options: HTMLElement, state: SessionState | null): void {
  const texts = state?.outcome?.top.map((top) => visible(top.text)) ?? [];
  const key = texts.join("\n");
  if (options.dataset.key === key) return;
  options.dataset.key = key;
  options.replaceChildren(...texts.map((value) => element("option", { value })));
}
