// Where a neuron is most active in the reference set: how much was looked at, a histogram, and the
// prompts with the highest or the lowest peak. It fills in while the set is looked through, can be
// stopped, and what was found stays.

import { button, element, keyed, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import { histogram } from "../charts/histogram";
import type { SessionState } from "../types";
import type { Context, Contexts } from "../wire/neuron";
import { emptyEnd, lookedSentence } from "./neuron-context-words";
import type { Scene } from "./pane";
import type { Sofar } from "./stoppable";
import { tokenActivation } from "./token-activations";

type End = "highest" | "lowest";

export interface ContextEvents {
  stop(): void;
  goOn(): void;
  /** Makes a prompt of the set the session's. */
  take(prompt: number): void;
  changed(): void;
}

export class NeuronContextsList {
  readonly el = element("div", { class: "mw-neuron-contexts" });
  readonly #said = element("div", {
    class: "mw-neuron-looked",
    role: "status",
    "data-testid": "mw-neuron-looked",
    "data-mw-convention": "",
  });
  readonly #bar = element("progress", { class: "mw-neuron-progress", "aria-label": "Prompts" });
  readonly #halt: HTMLButtonElement;
  readonly #ends: Record<End, HTMLButtonElement>;
  readonly #plot = element("div", { class: "mw-neuron-plot" });
  readonly #rebuildPlot = keyed(this.#plot);
  readonly #list = element("ol", { class: "mw-context-list", "aria-label": "Contexts" });
  readonly #rebuildList = keyed(this.#list);
  readonly #empty = element("div", { class: "mw-muted mw-empty" });
  readonly #segments: HTMLElement;
  #end: End = "highest";
  #stopped = false;

  constructor(private readonly events: ContextEvents) {
    this.#halt = button({ class: "mw-button", "data-testid": "mw-neuron-halt" }, () =>
      this.#stopped ? events.goOn() : events.stop(),
    );
    const end = (name: End): HTMLButtonElement =>
      button(
        { "data-testid": `mw-contexts-${name}` },
        () => {
          this.#end = name;
          events.changed();
        },
        name,
      );
    this.#ends = { highest: end("highest"), lowest: end("lowest") };
    this.#segments = element("div", {
      class: "mw-segments",
      role: "group",
      "aria-label": "Which peaks",
    });
    this.#segments.append(this.#ends.highest, this.#ends.lowest);
    const line = element("div", { class: "mw-neuron-looked-line" });
    line.append(this.#said, this.#bar, this.#halt);
    const head = element("div", { class: "mw-neuron-plot-line" }, this.#plot, this.#segments);
    this.el.append(line, head, this.#empty, this.#list);
  }

  draw(scene: Scene, { value, whole, progress, refusal, stopped }: Sofar<Contexts>): void {
    const { state, theme } = scene;
    if (!state) return;
    this.#stopped = stopped;
    const busy = !whole && !stopped && !refusal;
    setAttributes(this.el, { "aria-busy": busy && scene.client.status === "live" ? "true" : null });
    setText(this.#said, refusal || lookedSentence(value, state, { busy, stopped }));
    this.#bar.hidden = !busy;
    const total = progress?.total ?? value?.total ?? state.corpus?.prompts ?? 1;
    setAttributes(this.#bar, { max: total, value: progress?.done ?? value?.looked ?? 0 });
    this.#halt.hidden = !busy && !stopped;
    setText(this.#halt, stopped ? "go on" : "stop");
    for (const [name, node] of Object.entries(this.#ends)) {
      setAttributes(node, { "aria-pressed": String(name === this.#end) });
    }
    const shown = value?.[this.#end] ?? [];
    this.#segments.hidden = !value || value.tokens === 0;
    this.#plot.hidden = !value || value.tokens === 0;
    const stamp = value ? [value.looked, value.tokens, value.from, value.to].join() : "";
    this.#rebuildPlot(stamp, () => (value ? [histogram(value)] : []));
    setText(this.#empty, value && shown.length === 0 ? emptyEnd(value, this.#end) : "");
    const max = value ? Math.max(...[...value.highest, ...value.lowest].map(size), 0) : 0;
    const key = [theme, this.#end, scene.enabled, ...shown.map(keyOf)].join(" ");
    this.#rebuildList(key, () =>
      shown.map((one) => this.#item(one, max, state, scene.enabled, theme)),
    );
  }

  #item(
    one: Context,
    max: number,
    state: SessionState,
    enabled: boolean,
    theme: Scene["theme"],
  ): HTMLElement {
    const tokens = one.tokens.map((text, nth) => {
      const at = one.first + nth;
      const value = one.activations[nth] ?? Number.NaN;
      const special = one.special.includes(nth);
      const node = tokenActivation({ text, at, value, special }, max, theme, false);
      setAttributes(node, { "data-peak": at === one.position });
      return node;
    });
    const cutStart = one.first > 0 ? ["…"] : [];
    const cutEnd = one.first + one.tokens.length < one.length ? ["…"] : [];
    const take = button(
      {
        class: "mw-button mw-context-take",
        disabled: !enabled,
        title: "Make this the prompt of the session",
        "aria-label": `Take prompt ${one.prompt} of ${state.corpus?.name || "the set"}`,
        "data-testid": `mw-context-take-${one.prompt}`,
      },
      () => this.events.take(one.prompt),
      "use",
    );
    return element(
      "li",
      { class: "mw-context", "data-testid": "mw-context" },
      element(
        "span",
        { class: "mw-context-value", title: `Prompt ${one.prompt}, token ${one.position}` },
        plain(one.value),
      ),
      element("span", { class: "mw-context-tokens" }, ...cutStart, ...tokens, ...cutEnd),
      take,
    );
  }
}

const size = ({ value }: Context): number => Math.abs(value);

/** Other numbers have another key: the peak comes first, the rest of the prompt with the end. */
const keyOf = ({ prompt, position, value, activations }: Context): string =>
  `${prompt}.${position}.${value}.${activations.reduce((n, one) => n + Number(!Number.isNaN(one)), 0)}`;
