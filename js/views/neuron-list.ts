// The neurons as a list of rows, each with its activations along the tokens on a scale of its own.
// Only the rows that are seen exist; the list itself has the focus and says which row is active, so
// that a keyboard walks through all of them.

import { ActivationStrip } from "../charts/activation-strip";
import { element, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import type { RankedNeuron } from "../wire/neurons";
import { neuronName, type Strip } from "./neuron-strips";
import { editsOf, markOf, sentenceOf } from "./neuron-words";
import type { Scene } from "./pane";

export const ROW_HEIGHT = 26;
const SPARE = 3; // rows beyond what is seen, so that scrolling shows no gaps
const PAGE = 10;

export interface ListScene {
  readonly scene: Scene;
  readonly rows: readonly RankedNeuron[];
  /** Which row is looked at, from anywhere. */
  readonly looked: string | null;
  readonly locked: string | null;
  /** Numbers of what is edited are shown beside those before. */
  readonly edited: boolean;
  readonly effects: boolean;
  /** The token that the numbers of all rows are about; null: each row's own. */
  readonly token: number | null;
  readonly byLayer: boolean;
  strip(neuron: RankedNeuron): Strip | null;
}

export interface ListEvents {
  look(neuron: RankedNeuron | null, token: number | null): void;
  use(neuron: RankedNeuron): void;
  lock(neuron: RankedNeuron): void;
  /** Other rows are seen. */
  scrolled(): void;
}

interface Row {
  readonly el: HTMLElement;
  readonly mark: HTMLElement;
  readonly name: HTMLElement;
  readonly strip: ActivationStrip;
  readonly holder: HTMLElement;
  readonly value: HTMLElement;
  readonly change: HTMLElement;
  readonly effect: HTMLElement;
}

let count = 0;

const nameAt = (rows: readonly RankedNeuron[], at: number): string => {
  const row = rows[at];
  return row ? neuronName(row) : "";
};

export class NeuronList {
  readonly el: HTMLElement;
  readonly #spacer = element("div", { class: "mw-neuron-spacer", role: "presentation" });
  readonly #pool: Row[] = [];
  readonly #id: string;
  #shown: ListScene | null = null;
  #active = 0;

  constructor(private readonly events: ListEvents) {
    count += 1;
    this.#id = `mw-neurons-${count}`;
    this.el = element(
      "div",
      {
        class: "mw-neuron-list",
        role: "listbox",
        tabindex: "0",
        "aria-label": "Neurons, those that stand out most first",
        "data-testid": "mw-neuron-list",
      },
      this.#spacer,
    );
    this.#listen();
  }

  /** The rows that are seen now, those nearly seen included. */
  seen(rows: readonly RankedNeuron[]): readonly RankedNeuron[] {
    const [from, to] = this.#window(rows.length);
    return rows.slice(from, to);
  }

  draw(shown: ListScene): void {
    const before = this.#shown?.rows[this.#active];
    this.#shown = shown;
    const { rows } = shown;
    if (before && neuronName(before) !== nameAt(rows, this.#active)) {
      // Other rows: the one that is active stays it, wherever it stands now.
      const moved = rows.findIndex((row) => neuronName(row) === neuronName(before));
      if (moved >= 0) this.#active = moved;
    }
    this.#active = Math.min(this.#active, Math.max(0, rows.length - 1));
    this.#spacer.style.height = `${rows.length * ROW_HEIGHT}px`;
    const [from, to] = this.#window(rows.length);
    while (this.#pool.length < to - from) this.#pool.push(this.#makeRow());
    this.#pool.forEach((row, at) => {
      const neuron = rows[from + at];
      row.el.hidden = !neuron || from + at >= to;
      if (neuron && !row.el.hidden) this.#drawRow(row, neuron, from + at, shown);
    });
    const there = this.#active >= from && this.#active < to && rows.length > 0;
    setAttributes(this.el, {
      "aria-activedescendant": there ? `${this.#id}-${this.#active}` : null,
    });
  }

  #window(n: number): [number, number] {
    const height = this.el.clientHeight || 14 * ROW_HEIGHT;
    const from = Math.max(0, Math.floor(this.el.scrollTop / ROW_HEIGHT) - SPARE);
    return [from, Math.min(n, from + Math.ceil(height / ROW_HEIGHT) + 2 * SPARE)];
  }

  #makeRow(): Row {
    const row: Row = {
      el: element("div", { class: "mw-neuron-row", role: "option" }),
      mark: element("span", { class: "mw-neuron-mark", "aria-hidden": "true" }),
      name: element("span", { class: "mw-neuron-name" }),
      strip: new ActivationStrip(),
      holder: element("span", { class: "mw-neuron-strip-holder" }),
      value: element("span", { class: "mw-neuron-number" }),
      change: element("span", { class: "mw-neuron-number mw-neuron-change" }),
      effect: element("span", { class: "mw-neuron-number mw-neuron-effect" }),
    };
    row.holder.append(row.strip.el);
    row.el.append(row.mark, row.name, row.holder, row.value, row.change, row.effect);
    this.#spacer.append(row.el);
    return row;
  }

  #drawRow(row: Row, neuron: RankedNeuron, at: number, shown: ListScene): void {
    const { scene, rows, edited, effects, token } = shown;
    const { state, page, theme } = scene;
    if (!state) return;
    const name = neuronName(neuron);
    const strip = shown.strip(neuron);
    const mark = markOf(editsOf(state, neuron));
    const place = token ?? neuron.position;
    const before = strip && token !== null ? strip.before[place] : neuron.before;
    const after = strip && token !== null ? (strip.after ?? strip.before)[place] : neuron.after;
    const now = page.baseline ? before : after;
    row.el.style.transform = `translate(0, ${at * ROW_HEIGHT}px)`;
    setAttributes(row.el, {
      id: `${this.#id}-${at}`,
      "data-row": at,
      "data-testid": `mw-neuron-${neuron.layer}-${neuron.index}`,
      "data-lit": shown.looked === name,
      "data-locked": shown.locked === name,
      "data-tone": mark?.kind.tone,
      "data-off": mark?.off,
      "data-first": shown.byLayer && rows[at - 1]?.layer !== neuron.layer && at > 0,
      "aria-selected": String(shown.locked === name),
      "aria-setsize": rows.length,
      "aria-posinset": at + 1,
      "aria-label": sentenceOf(state, neuron),
    });
    setText(row.mark, mark?.kind.glyph ?? "");
    setText(row.name, name);
    setText(row.value, now === undefined ? "" : plain(now));
    const moved = edited && !page.baseline && before !== undefined && after !== undefined;
    setText(row.change, moved ? (after === before ? "·" : signed(after - before)) : "");
    row.change.hidden = !edited;
    const effect = page.baseline ? neuron.effectBefore : neuron.effect;
    setText(row.effect, Number.isNaN(effect) ? "" : signed(effect));
    row.effect.hidden = !effects;
    row.strip.el.style.visibility = strip ? "visible" : "hidden";
    if (!strip) return;
    row.strip.draw(
      {
        before: strip.before,
        after: page.baseline ? null : strip.after,
        max: strip.max,
        theme,
        width: row.holder.clientWidth,
        lit: page.hover.token,
        looked: place,
      },
      strip.stamp,
    );
  }

  #listen(): void {
    const { el, events } = this;
    el.addEventListener("scroll", () => events.scrolled(), { passive: true });
    el.addEventListener("pointermove", (event) => {
      const at = this.#rowOf(event.target);
      const neuron = at === null ? null : this.#shown?.rows[at];
      if (at === null || !neuron) return;
      this.#active = at;
      events.look(neuron, this.#tokenOf(event));
    });
    el.addEventListener("pointerleave", () => events.look(null, null));
    el.addEventListener("blur", () => events.look(null, null));
    el.addEventListener("focus", () => this.#look());
    el.addEventListener("click", (event) => {
      const at = this.#rowOf(event.target);
      const neuron = at === null ? null : this.#shown?.rows[at];
      if (!neuron) return;
      if (event.shiftKey) events.lock(neuron);
      else events.use(neuron);
    });
    el.addEventListener("keydown", (event) => this.#key(event));
  }

  #rowOf(target: EventTarget | null): number | null {
    const row = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
    return row ? Number(row.dataset.row) : null;
  }

  #tokenOf(event: PointerEvent): number | null {
    const row = this.#pool.find(({ strip }) => strip.el === event.target);
    return row?.strip.tokenAt(event.clientX) ?? null;
  }

  #key(event: KeyboardEvent): void {
    const neuron = this.#shown?.rows[this.#active];
    if ((event.key === "Enter" || event.key === " ") && neuron) {
      event.preventDefault();
      // A held key would ablate and restore at the keyboard's repeat rate.
      if (!event.repeat) this.events.use(neuron);
      return;
    }
    const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (along !== undefined && neuron && this.#shown) {
      event.preventDefault();
      this.#walk(neuron, along);
      return;
    }
    const last = (this.#shown?.rows.length ?? 0) - 1;
    const steps: Record<string, number> = {
      ArrowUp: -1,
      ArrowDown: 1,
      PageUp: -PAGE,
      PageDown: PAGE,
      Home: -last,
      End: last,
    };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#active = Math.max(0, Math.min(last, this.#active + step));
    this.#reveal();
    this.#look();
  }

  /** Along the tokens of the active row. */
  #walk(neuron: RankedNeuron, step: number): void {
    const n = this.#shown?.strip(neuron)?.before.length ?? 0;
    const from = this.#shown?.token ?? neuron.position;
    this.events.look(neuron, Math.max(0, Math.min(n - 1, from + step)));
  }

  #reveal(): void {
    const top = this.#active * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.el;
    if (top < scrollTop) this.el.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.el.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
  }

  #look(): void {
    const neuron = this.#shown?.rows[this.#active];
    if (neuron) this.events.look(neuron, null);
  }
}
