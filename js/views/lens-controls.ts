// What a person chooses of the lens: the measure that colours it, its depth, which prompt, and which
// side of the edits. Choices that cannot be made now say why. Out: the choice, checked each time.

import { button, element, keyed, setAttributes, setText } from "../charts/dom";
import type { SessionState } from "../types";
import { MEASURE_NAMES } from "../wire/lens";
import { type Colouring, MEASURES, PATCHING } from "./lens-measures";
import { type DepthName, depthChoices, depthOf, usualDepth } from "./lens-rows";
import type { Scene } from "./pane";
import type { MapNow, PatchingMaps } from "./patching-map";

export type Moment = "before" | "after" | "change";
export type Showing = "a" | "b" | "both";

export interface Choice {
  readonly colouring: Colouring;
  readonly depth: DepthName;
  readonly showing: Showing;
  readonly moment: Moment;
  /** Of the patching map, while that is looked at. */
  readonly map: MapNow | null;
}

const MOMENTS: Record<Moment, string> = {
  before: "The baseline, with no edits (hold B)",
  after: "With the edits that are switched on",
  change: "After minus before; cells whose top token changed are marked",
};
const SHOWINGS: Record<Showing, [text: string, title: string]> = {
  a: ["A", "Prompt A"],
  b: ["B", "Prompt B, which has no edits"],
  both: ["A over B", "Both: drag a cell of B onto A to patch the stream"],
};

export class LensControls {
  readonly el = element("div", { class: "mw-lens-controls" });
  readonly #colouring: HTMLSelectElement;
  readonly #depth: HTMLSelectElement;
  readonly #showings: HTMLElement;
  readonly #moments: HTMLElement;
  readonly #progress = element("span", { class: "mw-muted mw-progress" });
  readonly #stop: HTMLButtonElement;
  readonly #offerDepths: ReturnType<typeof keyed>;
  #wish: Colouring = "probability";
  #depthWish: DepthName | null = null;
  #showing: Showing = "both";
  #moment: Moment = "after";

  constructor(
    private readonly maps: PatchingMaps,
    private readonly invalidate: () => void,
  ) {
    this.#colouring = selectOf("mw-lens-colour", "What colours the lens", (value) => {
      this.#wish = value as Colouring;
    });
    for (const name of [...MEASURE_NAMES, "patching"] as const) {
      this.#colouring.append(element("option", { value: name }, textOf(name)));
    }
    this.#depth = selectOf("mw-lens-depth", "Which rows", (value) => {
      this.#depthWish = value as DepthName;
    });
    this.#offerDepths = keyed(this.#depth);
    this.#showings = segments("Which prompt", SHOWINGS, "mw-lens-show", (name) => {
      this.#showing = name;
    });
    const moments = Object.fromEntries(
      Object.entries(MOMENTS).map(([name, title]) => [name, [name, title]]),
    ) as Record<Moment, [string, string]>;
    this.#moments = segments("Which run", moments, "mw-lens", (name) => {
      this.#moment = name;
    });
    this.#stop = button({ class: "mw-button", "data-testid": "mw-lens-stop" }, () =>
      this.#stopOrGo(),
    );
    for (const node of [this.#colouring, this.#depth]) node.addEventListener("change", invalidate);
    for (const node of [this.#showings, this.#moments]) node.addEventListener("click", invalidate);
    this.el.append(this.#colouring, this.#depth, this.#progress);
    this.el.append(
      this.#stop,
      element("span", { class: "mw-grow" }),
      this.#showings,
      this.#moments,
    );
  }

  draw({ state, page }: Scene): Choice {
    if (!state) throw new Error("there is nothing to choose from before the kernel has spoken");
    const colouring = this.#drawColouring(state);
    const depth = this.#drawDepth(state);
    const showing = state.other ? this.#showing : "a";
    const edited = state.interventions.some(({ enabled }) => enabled);
    const comparable = edited && showing !== "b" && colouring !== "patching";
    const moment = !comparable || page.baseline ? "before" : this.#moment;
    this.#showings.hidden = !state.other;
    press(this.#showings, showing);
    this.#moments.style.visibility = comparable ? "visible" : "hidden";
    this.#moments.hidden = !edited;
    press(this.#moments, moment);
    const map = colouring === "patching" ? this.maps.of(state, depthOf(depth)) : null;
    if (!map) this.maps.rest();
    this.#drawProgress(map);
    return { colouring, depth, showing, moment, map };
  }

  #drawColouring(state: SessionState): Colouring {
    for (const option of Array.from(this.#colouring.options)) {
      const lacks = lacksOf(option.value as Colouring, state);
      setAttributes(option, {
        disabled: lacks !== "",
        title: lacks || titleOf(option.value as Colouring),
      });
      setText(
        option,
        lacks
          ? `${textOf(option.value as Colouring)} (${lacks})`
          : textOf(option.value as Colouring),
      );
    }
    const chosen = lacksOf(this.#wish, state) ? "probability" : this.#wish;
    if (this.#colouring.value !== chosen) this.#colouring.value = chosen;
    return chosen;
  }

  #drawDepth({ model }: SessionState): DepthName {
    const choices = depthChoices(model.n_layers);
    this.#offerDepths(JSON.stringify(choices), () =>
      choices.map(([value, text]) => element("option", { value }, text)),
    );
    const wish = this.#depthWish ?? usualDepth(model.n_layers);
    const chosen = choices.some(([name]) => name === wish) ? wish : "layers";
    if (this.#depth.value !== chosen) this.#depth.value = chosen;
    return chosen;
  }

  #drawProgress(map: MapNow | null): void {
    const { progress = null, stopped = false } = map ?? {};
    setText(this.#progress, progress ? `${progress.done}/${progress.total}` : "");
    this.#progress.title = "cells patched";
    this.#stop.hidden = !progress && !stopped;
    setText(this.#stop, stopped ? "go on" : "stop");
  }

  #stopOrGo(): void {
    if (this.#stop.textContent === "stop") this.maps.stop();
    else this.maps.goOn();
    this.invalidate();
  }
}

const textOf = (name: Colouring): string =>
  name === "patching" ? PATCHING.text : MEASURES[name].text;
const titleOf = (name: Colouring): string =>
  name === "patching" ? PATCHING.title : MEASURES[name].title;
const lacksOf = (name: Colouring, state: SessionState): string =>
  name === "patching" ? PATCHING.lacks(state) : MEASURES[name].lacks(state);

function selectOf(
  testid: string,
  label: string,
  choose: (value: string) => void,
): HTMLSelectElement {
  const node = element("select", {
    class: "mw-select",
    "aria-label": label,
    "data-testid": testid,
  });
  node.addEventListener("change", () => choose(node.value));
  return node;
}

function segments<N extends string>(
  label: string,
  choices: Record<N, [text: string, title: string]>,
  testid: string,
  choose: (name: N) => void,
): HTMLElement {
  const node = element("div", { class: "mw-segments", role: "group", "aria-label": label });
  for (const [name, [text, title]] of Object.entries(choices) as [N, [string, string]][]) {
    const attributes = { "data-choice": name, "data-testid": `${testid}-${name}`, title };
    node.append(button(attributes, () => choose(name), text));
  }
  return node;
}

function press(group: HTMLElement, chosen: string): void {
  for (const node of Array.from(group.children)) {
    setAttributes(node, {
      "aria-pressed": String((node as HTMLElement).dataset.choice === chosen),
    });
  }
}
