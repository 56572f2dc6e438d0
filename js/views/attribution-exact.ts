// What taking a part away really does, beside what an attribution says of it: the parts that matter
// are measured on demand, one run each, and stand against their estimates. What was measured before it
// was stopped stays, and is marked as a part.

import { button, element, setAttributes, setText } from "../charts/dom";
import { signed } from "../charts/format";
import { type Point, rankCorrelation, Scatter } from "../charts/scatter";
import { askExact, type Cell } from "../wire/attribution";
import type { SessionClient } from "../wire/session-client";
import type { Term } from "./attribution-rows";
import { EXACT_CONVENTION } from "./attribution-words";

const AT_ONCE = 20;
const SIZE = 148;
const KEPT = 8;

interface Measuring {
  readonly base: string;
  readonly controller: AbortController;
  readonly total: number;
  done: number;
}

export interface ExactScene {
  /** What the numbers depend on; empty while those of the newest edits are still to come. */
  readonly base: string;
  /** All terms, those that matter most first. */
  readonly terms: readonly Term[];
  readonly lit: string | null;
  readonly enabled: boolean;
}

export class ExactPanel {
  readonly el = element("section", {
    class: "mw-exact",
    "aria-label": "Measured effects",
    "data-testid": "mw-exact",
  });
  readonly #go: HTMLButtonElement;
  readonly #said = element("span", { class: "mw-muted", role: "status" });
  readonly #facts = element("div", { class: "mw-exact-facts" });
  readonly #correlation = element("p", { "data-testid": "mw-exact-correlation" });
  readonly #furthest = element("p", { class: "mw-muted" });
  readonly #axes = element("p", { class: "mw-muted" }, "across: attribution · up: exact effect");
  readonly #body: HTMLElement;
  readonly #scatter: Scatter;
  /** By what the numbers depend on, then by row. */
  readonly #kept = new Map<string, Map<string, number>>();
  readonly #notes = new Map<string, string>();
  #measuring: Measuring | null = null;
  #shown: ExactScene | null = null;

  constructor(
    private readonly client: SessionClient,
    private readonly invalidate: () => void,
    private readonly signal: AbortSignal,
    events: { enter(key: string | null): void; press(key: string): void },
  ) {
    this.#scatter = new Scatter(SIZE, events.enter, events.press);
    this.#go = button({ class: "mw-button", "data-testid": "mw-exact-go" }, () => this.#press());
    this.#facts.append(this.#correlation, this.#furthest, this.#axes);
    this.#body = element("div", { class: "mw-exact-body" }, this.#facts);
    this.#body.prepend(this.#scatter.el);
    const bar = element("div", { class: "mw-exact-bar" }, this.#go, this.#said);
    this.el.append(bar, this.#body);
    signal.addEventListener("abort", () => this.#measuring?.controller.abort());
  }

  /** The measured effect of a row; NaN where there is none (yet). Null: nothing was measured. */
  lookup(base: string): ((term: Term) => number) | null {
    const known = this.#kept.get(base);
    return known && known.size > 0 ? ({ key }) => known.get(key) ?? Number.NaN : null;
  }

  draw(scene: ExactScene): void {
    this.#shown = scene;
    const { base, terms, lit, enabled } = scene;
    // Another question: what is under way is about one that nobody looks at any more.
    if (base && this.#measuring && this.#measuring.base !== base) this.#stop();
    const known = this.#kept.get(base);
    const left = cellsOf(terms).filter(({ key }) => !known?.has(key)).length;
    const here = this.#measuring;
    const next = Math.min(AT_ONCE, left);
    const more = left === 0 ? "All are measured" : `Measure ${next} more`;
    setText(this.#go, here ? "Stop" : known?.size ? more : `Measure the top ${next}`);
    this.#go.disabled = !here && (!enabled || base === "" || left === 0);
    setAttributes(this.#go, {
      title: here
        ? "What is measured so far stays"
        : "Zero each (a token: at the mean), one run per part",
    });
    const progress = here
      ? `measuring, ${here.done} of ${here.total}`
      : (this.#notes.get(base) ?? "");
    setText(
      this.#said,
      progress || (known?.size ? "" : "what taking each of them away really does"),
    );
    this.#drawPoints(terms, known, lit);
  }

  #drawPoints(
    terms: readonly Term[],
    known: Map<string, number> | undefined,
    lit: string | null,
  ): void {
    const points = terms.flatMap(({ key, name, value: [, x] }): Point[] => {
      const y = known?.get(key);
      if (y === undefined || !Number.isFinite(x) || !Number.isFinite(y)) return [];
      return [{ key, x, y, words: `${name}: attributed ${signed(x)}, exact ${signed(y)}` }];
    });
    this.#body.hidden = points.length === 0;
    if (points.length === 0) return;
    const rho = rankCorrelation(points.map(({ x, y }) => [x, y]));
    const n = `${points.length} ${points.length === 1 ? "part" : "parts"}`;
    const said = Number.isNaN(rho)
      ? `${n} measured: too few, or too alike, to rank`
      : `rank correlation ${signed(rho)} over ${n}`;
    setText(this.#correlation, said);
    setAttributes(this.#correlation, { title: "Spearman’s ρ of attribution and measured effect" });
    const apart = ({ x, y }: Point): number => Math.abs(x - y);
    const worst = points.reduce((one, other) => (apart(other) > apart(one) ? other : one));
    setText(this.#furthest, `furthest apart: ${worst.words}`);
    this.#scatter.draw(points, lit, `Attribution against measured effect: ${said}. ${worst.words}`);
    setAttributes(this.#scatter.el, { width: SIZE, height: SIZE });
    this.#axes.title = EXACT_CONVENTION;
  }

  #press(): void {
    if (this.#measuring) this.#stop();
    else if (this.#shown) void this.#measure(this.#shown);
    this.invalidate();
  }

  #stop(): void {
    const here = this.#measuring;
    if (!here) return;
    here.controller.abort();
    this.#measuring = null;
    this.#notes.set(here.base, `stopped: ${here.done} of ${here.total} measured, a part only`);
  }

  async #measure({ base, terms }: ExactScene): Promise<void> {
    const known = this.#keep(base);
    const cells = cellsOf(terms)
      .filter(({ key }) => !known.has(key))
      .slice(0, AT_ONCE);
    const controller = new AbortController();
    const here: Measuring = { base, controller, total: cells.length, done: 0 };
    this.#measuring = here;
    this.#notes.delete(base);
    const fill = (effects: readonly number[]): void => {
      effects.forEach((value, at) => {
        const cell = cells[at];
        if (cell && !Number.isNaN(value)) known.set(cell.key, value);
      });
    };
    const onPartial = (effects: readonly number[], { done }: { done: number }): void => {
      if (controller.signal.aborted) return;
      here.done = done;
      fill(effects);
      this.invalidate();
    };
    const wanted = cells.map(({ cell }) => cell);
    try {
      const { signal } = controller;
      fill(await askExact(this.client, wanted, { signal, onPartial }));
      const lost = cells.filter(({ key }) => !known.has(key)).length;
      if (lost > 0) this.#notes.set(base, `${lost} gave no finite number`);
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#notes.set(base, error instanceof Error ? error.message : String(error));
    } finally {
      if (this.#measuring === here) this.#measuring = null;
      if (!this.signal.aborted) this.invalidate();
    }
  }

  #keep(base: string): Map<string, number> {
    const known = this.#kept.get(base) ?? new Map<string, number>();
    this.#kept.delete(base);
    this.#kept.set(base, known);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
      this.#notes.delete(oldest);
    }
    return known;
  }
}

/** What can be taken away, with the name of its row; biases and sums cannot. */
function cellsOf(terms: readonly Term[]): { key: string; cell: Cell }[] {
  return terms.flatMap(({ key, component, token, value }) => {
    const cell = component ?? token;
    const taken = cell !== null && value.some(Number.isFinite);
    return taken && component?.type !== "layer" ? [{ key, cell }] : [];
  });
}
