// What a person chooses of the attention view: one head or many, matrix or arcs, along which side, which
// weight, which moment, which stack. In: a scene. Out: controls that show and set the choices.

import { button, element, setAttributes, setText } from "../charts/dom";
import type { Moment, Weight } from "../wire/patterns";
import type { By } from "./attention-words";
import type { Scene } from "./pane";

export type Scope = "head" | "layer" | "pinned" | "model";

export interface Choices {
  readonly scope: Scope;
  readonly mode: "matrix" | "arcs";
  readonly by: By;
  readonly weight: Weight;
  readonly moment: Moment;
  readonly cross: boolean;
}

type Options = readonly (readonly [value: string, text: string, title: string])[];

const SCOPES: Options = [
  ["head", "head", "One head, large"],
  ["layer", "layer", "All heads of this head's layer, side by side"],
  ["pinned", "chosen", "The heads that were chosen: Ctrl/⌘-click a head on the map, or here"],
  ["model", "all", "All heads of all layers"],
];
const MODES: Options = [
  ["matrix", "matrix", "Queries down, keys across"],
  ["arcs", "arcs", "Arcs from each query to the keys that it reads"],
];
const SIDES: Options = [
  ["query", "by query", "Read along rows: what a query reads; a row is a softmax and sums to 1"],
  ["key", "by key", "Read along columns: who reads a key; columns sum to what it receives"],
];
const WEIGHTS: Options = [
  ["pattern", "pattern", "The attention pattern as it is"],
  [
    "value",
    "moved",
    "Value-weighted: the length of what each edge moves, ‖pattern · v · W_O‖ (Kobayashi et al. 2020)",
  ],
];
const MOMENTS: Options = [
  ["before", "before", "The baseline, with no edits (hold B)"],
  ["after", "after", "With the edits that are switched on"],
  ["change", "change", "After minus before"],
];
const STACKS: Options = [
  ["self", "self", "Attention to tokens of its own stack"],
  ["cross", "cross", "Attention to the encoder's tokens"],
];

class Segments {
  readonly el: HTMLElement;
  readonly #buttons: readonly HTMLButtonElement[];

  constructor(label: string, data: string, options: Options, choose: (value: string) => void) {
    this.el = element("div", { class: "mw-segments", role: "group", "aria-label": label });
    this.#buttons = options.map(([value, text, title]) =>
      button(
        { [`data-${data}`]: value, "data-testid": `mw-attention-${value}`, title },
        () => choose(value),
        text,
      ),
    );
    this.el.append(...this.#buttons);
  }

  draw(value: string): void {
    for (const [i, node] of this.#buttons.entries()) {
      setAttributes(node, { "aria-pressed": String(this.#values[i] === value) });
    }
  }

  get #values(): (string | null)[] {
    return this.#buttons.map((node) => node.dataset.testid?.replace("mw-attention-", "") ?? null);
  }

  button(value: string): HTMLButtonElement | undefined {
    return this.#buttons[this.#values.indexOf(value)];
  }
}

export class ChoiceBar {
  /** Moments and stacks stand in the head of the pane, the rest in a line of its own. */
  readonly moments: HTMLElement;
  readonly stacks: HTMLElement;
  readonly el = element("div", { class: "mw-attention-choices" });
  #choices: Choices = {
    scope: "head",
    mode: "matrix",
    by: "query",
    weight: "pattern",
    moment: "after",
    cross: false,
  };
  readonly #parts: Record<"scope" | "mode" | "by" | "weight" | "moment" | "stack", Segments>;

  constructor(private readonly invalidate: () => void) {
    const segments = (name: keyof Choices, label: string, options: Options): Segments =>
      new Segments(label, name, options, (value) => this.set({ [name]: value }));
    this.#parts = {
      scope: segments("scope", "How many heads", SCOPES),
      mode: segments("mode", "Matrix or arcs", MODES),
      by: segments("by", "Along which side", SIDES),
      weight: segments("weight", "Which weight", WEIGHTS),
      moment: segments("moment", "Which pattern", MOMENTS),
      stack: new Segments("Attention to which tokens", "stack", STACKS, (value) =>
        this.set({ cross: value === "cross" }),
      ),
    };
    const { scope, weight, mode, by, moment, stack } = this.#parts;
    this.moments = moment.el;
    this.stacks = stack.el;
    this.el.append(scope.el, weight.el, mode.el, by.el);
  }

  set(change: Partial<Choices>): void {
    this.#choices = { ...this.#choices, ...change };
    this.invalidate();
  }

  /** What is chosen and can be had: the baseline while it is held, cross where there is another stack. */
  of({ page, state, head }: Scene): Choices {
    const cross =
      this.#choices.cross &&
      head !== null &&
      head.head < (state?.model.cross_heads[head.layer] ?? 0);
    const pinned = page.pinned.length > 0;
    const scope = this.#choices.scope === "pinned" && !pinned ? "head" : this.#choices.scope;
    return {
      ...this.#choices,
      scope,
      cross,
      moment: page.baseline ? "before" : this.#choices.moment,
    };
  }

  draw(scene: Scene, choices: Choices): void {
    const { state, head, page } = scene;
    const { scope, mode, by, weight, moment, stack } = this.#parts;
    scope.draw(choices.scope);
    mode.draw(choices.mode);
    by.draw(choices.by);
    weight.draw(choices.weight);
    moment.draw(choices.moment);
    stack.draw(choices.cross ? "cross" : "self");
    const chosen = scope.button("pinned");
    if (chosen) {
      setText(chosen, page.pinned.length > 0 ? `chosen ${page.pinned.length}` : "chosen");
      setAttributes(chosen, { disabled: page.pinned.length === 0 });
    }
    for (const part of [mode, by]) part.el.hidden = choices.scope !== "head";
    this.stacks.hidden = !head || !state?.model.cross_heads[head.layer];
    const edited = state?.interventions.some((item) => item.enabled) ?? false;
    this.moments.style.visibility = edited ? "visible" : "hidden";
  }
}
