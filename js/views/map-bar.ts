// What stands over the head map: the score that colours it, the run that it is of, and how it is
// drawn: as a map or as a ranking, with its numbers printed, nearer or further away.

import { button, element, keyed, setAttributes, setText } from "../charts/dom";
import type { ScoreEntry } from "../wire/scores";
import { EFFECT, type MapValues, type Moment } from "./map-values";

const MOMENTS: Record<Moment, { text: string; title: string }> = {
  before: { text: "before", title: "The score of the run without edits" },
  after: { text: "after", title: "The score of the run with the edits" },
  change: { text: "change", title: "With the edits, minus without" },
};

export interface BarEvents {
  values(): MapValues | null;
  rank(): void;
  print(): void;
  zoom(direction: 1 | -1): void;
}

export interface BarScene {
  values: MapValues;
  moment: Moment;
  ranking: boolean;
  prints: boolean;
  /** Could the map be drawn larger, or smaller? Neither: it is as large as it gets. */
  nearer: boolean;
  further: boolean;
}

export class MapBar {
  readonly el = element("div", { class: "mw-map-bar" });
  readonly #choice = element("select", {
    class: "mw-select mw-map-choice",
    "aria-label": "What colours the map",
    "data-testid": "mw-map-choice",
  });
  readonly #options = keyed(this.#choice);
  readonly #progress = element("span", { class: "mw-muted mw-progress" });
  readonly #moments = element("div", { class: "mw-segments", role: "group" });
  readonly #rank: HTMLButtonElement;
  readonly #print: HTMLButtonElement;
  readonly #zoom = element("span", { class: "mw-map-zoom", role: "group" });
  readonly #further: HTMLButtonElement;
  readonly #nearer: HTMLButtonElement;

  constructor(events: BarEvents) {
    this.#choice.addEventListener("change", () => events.values()?.choose(this.#choice.value));
    this.#moments.setAttribute("aria-label", "Which run the score is of");
    for (const [moment, { text, title }] of Object.entries(MOMENTS)) {
      const attributes = { "data-moment": moment, "data-testid": `mw-map-${moment}`, title };
      this.#moments.append(button(attributes, () => events.values()?.look(moment as Moment), text));
    }
    this.#rank = button(
      {
        class: "mw-map-tool",
        "data-testid": "mw-map-rank",
        title: "The strongest cells, in order",
      },
      () => events.rank(),
      "ranked",
    );
    this.#print = button(
      {
        class: "mw-map-tool",
        "data-testid": "mw-map-print",
        title: "Print the numbers in the cells",
      },
      () => events.print(),
      "1.2",
    );
    this.#print.setAttribute("aria-label", "Print the numbers");
    const zoomer = (direction: 1 | -1, text: string, label: string, testid: string) =>
      button(
        { class: "mw-map-tool", "aria-label": label, title: label, "data-testid": testid },
        () => events.zoom(direction),
        text,
      );
    this.#further = zoomer(-1, "−", "Smaller cells (−, or pinch)", "mw-map-further");
    this.#nearer = zoomer(1, "+", "Larger cells (+, or pinch)", "mw-map-nearer");
    this.#zoom.setAttribute("aria-label", "Zoom");
    this.#zoom.append(this.#further, this.#nearer);
    const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Heads"));
    head.append(this.#choice, element("span", { class: "mw-grow" }), this.#progress);
    const row = element("div", { class: "mw-map-tools" }, this.#rank, this.#print, this.#zoom);
    row.append(element("span", { class: "mw-grow" }), this.#moments);
    this.el.append(head, row);
  }

  draw({ values, moment, ranking, prints, nearer, further }: BarScene): void {
    this.#drawChoice(values);
    const { progress } = values;
    const waits = values.waits(moment);
    setText(this.#progress, progress ? `${progress.done}/${progress.total}` : waits ? "…" : "");
    this.#progress.toggleAttribute("data-waits", waits && !progress);
    this.#progress.title = "computing; choosing another score stops it";
    this.#moments.style.visibility = values.follows ? "visible" : "hidden";
    for (const node of Array.from(this.#moments.children)) {
      const on = (node as HTMLElement).dataset.moment === moment;
      setAttributes(node, { "aria-pressed": String(on) });
    }
    setAttributes(this.#rank, { "aria-pressed": String(ranking) });
    setAttributes(this.#print, { "aria-pressed": String(prints) });
    this.#zoom.hidden = !nearer && !further;
    setAttributes(this.#nearer, { disabled: !nearer });
    setAttributes(this.#further, { disabled: !further });
  }

  #drawChoice(values: MapValues): void {
    const entries = values.entries.length > 0 ? values.entries : [UNKNOWN];
    const key = JSON.stringify(entries.map(({ name, title, missing }) => [name, title, missing]));
    this.#options(key, () => entries.map(option));
    if (this.#choice.value !== values.choice) this.#choice.value = values.choice;
    const chosen = entries.find(({ name }) => name === values.choice);
    this.#choice.title = chosen ? chosen.convention : "";
  }
}

/** Until the kernel has said which scores there are. */
const UNKNOWN: Pick<ScoreEntry, "name" | "title" | "missing" | "convention" | "unit"> = {
  name: EFFECT,
  title: "effect when ablated",
  missing: "",
  convention: "",
  unit: "",
};

/** One score of the menu; one that lacks something says what, and cannot be chosen. */
function option({ name, title, missing, convention, unit }: typeof UNKNOWN): HTMLOptionElement {
  const text = missing ? `${title} (${missing})` : title;
  const said = [convention, unit && `in ${unit}`].filter(Boolean).join(" · ");
  return element("option", { value: name, disabled: missing !== "", title: said }, text);
}
