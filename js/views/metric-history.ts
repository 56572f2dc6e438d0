// The metric over the states that were tried, the newest right: a stem from the baseline's value to
// each state's. Pointing at one says what was done, a click goes back to it. Undo moves the mark.

import { button, element, focusedIn, setAttributes, setText } from "../charts/dom";
import { count, metric, nats } from "../charts/format";
import type { SessionState, TrialJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Pane, Scene } from "./pane";
import { underway } from "./underway";

interface Stem {
  readonly el: HTMLButtonElement;
  draw(trial: TrialJson, drawn: Drawn): void;
}

interface Drawn {
  readonly say: (trial: TrialJson) => string;
  readonly at: (value: number) => number;
  readonly zero: number;
  readonly current: boolean;
  readonly stop: boolean;
  readonly enabled: boolean;
}

export class MetricHistory implements Pane {
  readonly el: HTMLElement;
  readonly #track = element("div", { class: "mw-trials", role: "group" });
  readonly #line = element("span", { class: "mw-trials-zero", "aria-hidden": "true" });
  readonly #readout = element("div", { class: "mw-readout", "data-testid": "mw-trial-readout" });
  readonly #stems = new Map<number, Stem>();
  #pointed: number | null = null;
  #scene: Scene | null = null;

  constructor(private readonly client: SessionClient) {
    this.#track.append(this.#line);
    this.#track.addEventListener("keydown", (event) => this.#key(event));
    this.el = element("div", { class: "mw-history" }, this.#track, this.#readout);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state } = scene;
    const tried = (state?.tried ?? []).filter(({ value }) => value !== null);
    if (!state?.outcome) return;
    const zero = state.outcome.metric?.before ?? 0;
    const at = scaleOf([...tried.map(({ value }) => value ?? 0), zero]);
    setAttributes(this.#track, {
      "aria-label": `${state.metric?.label ?? "KL from the baseline"}, of each state tried`,
    });
    this.#line.style.bottom = `${100 * at(zero)}%`;
    for (const [id, { el }] of this.#stems) {
      if (tried.some((trial) => trial.id === id)) continue;
      el.remove();
      this.#stems.delete(id);
    }
    const focused = focusedIn(this.#track);
    const last = tried.at(-1)?.id;
    tried.forEach((trial, place) => {
      const stem = this.#stem(trial.id);
      const current = trial.id === state.trial;
      const stop = focused ? focused === stem.el : trial.id === (state.trial ?? last);
      const { enabled } = scene;
      stem.draw(trial, { say: (one) => sayOf(one, state), at, zero, current, stop, enabled });
      const there = this.#track.children[place + 1];
      if (there !== stem.el) this.#track.insertBefore(stem.el, there ?? null);
    });
    this.#read(tried, state);
  }

  #read(tried: readonly TrialJson[], state: SessionState): void {
    const at = tried.findIndex(({ id }) => id === this.#pointed);
    const pointed = tried[at];
    const all = tried.length > 1 ? `${count(tried.length, "state")} tried` : "";
    const said = pointed ? `${at + 1} of ${tried.length} · ${sayOf(pointed, state)}` : all;
    setText(this.#readout, said);
    setAttributes(this.#readout, { title: said });
  }

  #stem(id: number): Stem {
    const known = this.#stems.get(id);
    if (known) return known;
    const made = stem(() => void underway(made.el, this.client.act("go_back", { id })));
    const point = (to: number | null) => (): void => {
      this.#pointed = to;
      if (this.#scene) this.draw(this.#scene);
    };
    for (const type of ["pointerenter", "focus"]) made.el.addEventListener(type, point(id));
    for (const type of ["pointerleave", "blur"]) made.el.addEventListener(type, point(null));
    this.#stems.set(id, made);
    return made;
  }

  #key(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    const stems = [...this.#track.querySelectorAll("button")];
    const next = stems[stems.indexOf(event.target as HTMLButtonElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function stem(onClick: () => void): Stem {
  const bar = element("span", { class: "mw-trial-stem" });
  const dot = element("span", { class: "mw-trial-dot" });
  const el = button({ class: "mw-trial", "data-testid": "mw-trial" }, onClick, bar, dot);
  return {
    el,
    draw(trial, { say, at, zero, current, stop, enabled }): void {
      const [from, to] = [at(zero), at(trial.value ?? zero)];
      bar.style.bottom = `${100 * Math.min(from, to)}%`;
      bar.style.height = `${100 * Math.abs(to - from)}%`;
      dot.style.bottom = `${100 * to}%`;
      setAttributes(el, {
        "aria-label": `Go back to: ${say(trial)}`,
        "aria-current": current ? "true" : null,
        title: say(trial),
        tabindex: stop ? 0 : -1,
        disabled: !enabled,
      });
    },
  };
}

function sayOf({ said, value }: TrialJson, { metric: question }: SessionState): string {
  const number = value ?? Number.NaN;
  return `${said}: ${question ? metric(number, question.unit) : `KL ${nats(number)}`}`;
}

/** Less than this share of the largest value is drawn as the small difference that it is. */
const SMALL = 0.1;

/** From a value to a height between 0 and 1. */
export function scaleOf(values: readonly number[]): (value: number) => number {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = Math.max(high - low, SMALL * Math.max(...values.map(Math.abs)));
  const from = (low + high - span) / 2;
  return (value) => (span > 0 ? (value - from) / span : 0.5);
}
