// How the model is to go on writing: a short text that says it, and a few fields under it for whoever
// wants another way.

import { button, element, focusedIn, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { ContinuationWish, SessionStore } from "../store/session-store";
import type { Sampling } from "../wire/continuation";
import type { Pane, Scene } from "./pane";

type Field = "tokens" | "temperature" | "top_p" | "seed";

const FIELDS: Record<Field, { label: string; min: number; max: number; step: number | "any" }> = {
  tokens: { label: "tokens", min: 1, max: 500, step: 1 },
  temperature: { label: "temperature", min: 0, max: 100, step: "any" },
  top_p: { label: "top-p", min: 0.01, max: 1, step: "any" },
  seed: { label: "seed", min: 0, max: 2 ** 31 - 1, step: 1 },
};

const ON: Record<ContinuationWish["on"], string> = {
  both: "prompt and new tokens",
  prompt: "the prompt only",
  generated: "new tokens only",
};

export function samplingOf({ tokens, temperature, top_p, seed, on }: ContinuationWish): Sampling {
  return { new_tokens: tokens, temperature, top_p, seed, on };
}

/** "greedy", or how it is drawn. */
export function settingsText({ temperature, top_p, seed }: ContinuationWish): string {
  if (temperature === 0) return "greedy";
  const nucleus = top_p < 1 ? ` · top-p ${plain(top_p)}` : "";
  return `T ${plain(temperature)}${nucleus} · seed ${seed}`;
}

export class ContinuationSettings implements Pane {
  readonly el = element("div", { class: "mw-sampling" });
  readonly open: HTMLButtonElement;
  readonly #fields: Record<Field, HTMLInputElement>;
  readonly #on = element("select", {
    class: "mw-select",
    "aria-label": "Which tokens edits act on",
    "data-testid": "mw-sampling-on",
  });
  readonly #live = element("input", { type: "checkbox", "data-testid": "mw-sampling-live" });
  #shown = false;

  constructor(
    private readonly store: SessionStore,
    invalidate: () => void,
  ) {
    this.open = button(
      { class: "mw-sampling-open mw-muted", "data-testid": "mw-sampling-open" },
      () => {
        this.#shown = !this.#shown;
        invalidate();
      },
    );
    const entries = Object.keys(FIELDS).map((name) => [name, this.#field(name as Field)]);
    this.#fields = Object.fromEntries(entries) as Record<Field, HTMLInputElement>;
    for (const [value, text] of Object.entries(ON))
      this.#on.append(element("option", { value }, text));
    this.#on.addEventListener("change", () =>
      this.#set({ on: this.#on.value as ContinuationWish["on"] }),
    );
    this.#live.addEventListener("change", () => this.#set({ live: this.#live.checked }));
    for (const [name, input] of Object.entries(this.#fields))
      this.el.append(labelled(FIELDS[name as Field].label, input));
    this.el.append(
      labelled("edits act on", this.#on),
      element("label", { class: "mw-sampling-live" }, this.#live, "write anew after every edit"),
    );
  }

  draw({ page }: Scene): void {
    const wish = page.continuation;
    setText(this.open, `${settingsText(wish)} ▾`);
    setAttributes(this.open, {
      "aria-expanded": String(this.#shown),
      title: "How the next token is chosen",
      "aria-label": `Sampling: ${settingsText(wish)}`,
    });
    this.el.hidden = !this.#shown;
    if (!this.#shown) return;
    for (const [name, input] of Object.entries(this.#fields)) {
      const value = wish[name as Field];
      if (focusedIn(this.el) !== input && input.valueAsNumber !== value) input.value = `${value}`;
    }
    if (this.#on.value !== wish.on) this.#on.value = wish.on;
    this.#live.checked = wish.live;
  }

  #field(name: Field): HTMLInputElement {
    const { min, max, step } = FIELDS[name];
    const input = element("input", {
      class: "mw-input",
      type: "number",
      min,
      max,
      step,
      "data-testid": `mw-sampling-${name}`,
    });
    input.addEventListener("change", () => {
      const value = step === 1 ? Math.trunc(input.valueAsNumber) : input.valueAsNumber;
      if (!Number.isFinite(value)) return;
      this.#set({ [name]: Math.max(min, Math.min(value, max)) });
      input.value = `${this.store.value.continuation[name]}`;
    });
    return input;
  }

  #set(change: Partial<ContinuationWish>): void {
    this.store.set({ continuation: { ...this.store.value.continuation, ...change } });
  }
}

function labelled(label: string, control: HTMLElement): HTMLElement {
  return element("label", { class: "mw-sampling-field" }, element("span", {}, label), control);
}
