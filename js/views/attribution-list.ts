// The terms as a tree of rows of one height: a bar, the number without edits, with them, the change,
// and what was measured. Only rows near to what is seen are on the page, however many layers are open.
// Arrows walk and open, Enter uses the armed tool, Shift+Enter locks.

import { element, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import type { ComponentJson } from "../types";
import { componentKey } from "../types";
import type { Pair, Term } from "./attribution-rows";
import type { CellMark } from "./marks";
import type { Scene } from "./pane";

export const ROW_HEIGHT = 22;
const SPARE = 6;
const PAGE = 10;

export interface TermsScene {
  readonly scene: Scene;
  readonly rows: readonly Term[];
  /** Numbers of the run with the edits are shown beside those without. */
  readonly edited: boolean;
  /** The measured effect of a row; NaN: not (yet), null: no row has any. */
  readonly exact: ((row: Term) => number) | null;
  mark(component: ComponentJson): CellMark | null;
}

export interface TermsEvents {
  look(row: Term | null): void;
  use(row: Term): void;
  lock(row: Term): void;
  toggle(row: Term): void;
  scrolled(): void;
}

interface Row {
  readonly el: HTMLElement;
  readonly twist: HTMLElement;
  readonly mark: HTMLElement;
  readonly name: HTMLElement;
  readonly track: HTMLElement;
  readonly zero: HTMLElement;
  readonly carry: HTMLElement;
  readonly ghost: HTMLElement;
  readonly bar: HTMLElement;
  readonly before: HTMLElement;
  readonly after: HTMLElement;
  readonly change: HTMLElement;
  readonly exact: HTMLElement;
}

let count = 0;

export class TermList {
  readonly el: HTMLElement;
  readonly #spacer = element("div", { class: "mw-terms-spacer", role: "presentation" });
  readonly #pool: Row[] = [];
  readonly #id: string;
  #shown: TermsScene | null = null;
  #active = 0;

  constructor(private readonly events: TermsEvents) {
    count += 1;
    this.#id = `mw-terms-${count}`;
    this.el = element(
      "div",
      {
        class: "mw-terms",
        role: "tree",
        tabindex: "0",
        "aria-label": "What each part adds",
        "data-testid": "mw-terms",
      },
      this.#spacer,
    );
    this.#listen();
  }

  draw(shown: TermsScene): void {
    const before = this.#shown?.rows[this.#active]?.key;
    this.#shown = shown;
    const { rows } = shown;
    if (before !== undefined && rows[this.#active]?.key !== before) {
      const moved = rows.findIndex(({ key }) => key === before);
      if (moved >= 0) this.#active = moved;
    }
    this.#active = Math.min(this.#active, Math.max(0, rows.length - 1));
    this.#spacer.style.height = `${rows.length * ROW_HEIGHT}px`;
    const height = this.el.clientHeight || 14 * ROW_HEIGHT;
    const from = Math.max(0, Math.floor(this.el.scrollTop / ROW_HEIGHT) - SPARE);
    const to = Math.min(rows.length, from + Math.ceil(height / ROW_HEIGHT) + 2 * SPARE);
    while (this.#pool.length < to - from) this.#pool.push(this.#makeRow());
    const scale = scaleOf(shown);
    this.#pool.forEach((row, at) => {
      const term = rows[from + at];
      row.el.hidden = !term || from + at >= to;
      if (term && !row.el.hidden) this.#drawRow(row, term, from + at, scale, shown);
    });
    const there = rows.length > 0 && this.#active >= from && this.#active < to;
    setAttributes(this.el, {
      "aria-activedescendant": there ? `${this.#id}-${this.#active}` : null,
    });
  }

  #makeRow(): Row {
    const span = (name: string, hidden = false): HTMLElement =>
      element("span", { class: name, "aria-hidden": hidden ? "true" : null });
    const row: Row = {
      el: element("div", { class: "mw-term", role: "treeitem" }),
      twist: span("mw-term-twist", true),
      mark: span("mw-term-mark", true),
      name: span("mw-term-name"),
      track: span("mw-term-track", true),
      zero: span("mw-term-zero"),
      carry: span("mw-term-carry"),
      ghost: span("mw-term-ghost"),
      bar: span("mw-term-bar"),
      before: span("mw-term-number mw-term-before"),
      after: span("mw-term-number"),
      change: span("mw-term-number mw-term-change"),
      exact: span("mw-term-number mw-term-exact"),
    };
    row.track.append(row.zero, row.carry, row.ghost, row.bar);
    row.el.append(row.twist, row.mark, row.name, row.track);
    row.el.append(row.before, row.after, row.change, row.exact);
    this.#spacer.append(row.el);
    return row;
  }

  #drawRow(row: Row, term: Term, at: number, scale: Scale, shown: TermsScene): void {
    const { scene, edited, exact } = shown;
    const { page } = scene;
    const { component, level, open, sum } = term;
    const mark = component && shown.mark(component);
    const measured = exact ? exact(term) : Number.NaN;
    const key = component ? componentKey(component) : term.token === null ? "" : term.key;
    row.el.style.transform = `translate(0, ${at * ROW_HEIGHT}px)`;
    setAttributes(row.el, {
      id: `${this.#id}-${at}`,
      "data-row": at,
      "data-testid": `mw-term-${term.key.replace(/[ .]/g, "-")}`,
      "data-lit": key !== "" && key === keyOf(page.hover, term),
      "data-locked": key !== "" && page.locked !== null && key === componentKey(page.locked),
      "data-tone": mark?.tone,
      "data-off": mark?.mark === "off",
      "data-sum": sum,
      "data-plain": component === null && term.token === null && open === null,
      "aria-level": level,
      "aria-expanded": open === null ? null : String(open),
      "aria-selected": String(at === this.#active),
      "aria-label": sentence(term, edited, measured, mark),
      title: term.title,
    });
    row.el.style.setProperty("--mw-indent", `${12 * (level - 1)}px`);
    setText(row.twist, open === null ? "" : open ? "▾" : "▸");
    setText(row.mark, mark ? mark.glyph || "×" : "");
    setText(row.name, term.name);
    const [before, after] = term.value;
    setText(row.before, edited ? signed(before) : "");
    setText(row.after, signed(edited && page.baseline ? before : after));
    setText(row.change, edited ? moved(after - before) : "");
    setText(row.exact, exact && !Number.isNaN(measured) ? signed(measured) : "");
    row.before.hidden = row.change.hidden = !edited;
    row.exact.hidden = exact === null;
    this.#drawBars(row, term, scale, edited, edited && page.baseline);
  }

  #drawBars(row: Row, term: Term, scale: Scale, edited: boolean, baseline: boolean): void {
    const place = (node: HTMLElement, run: 0 | 1): void => {
      const start = term.from?.[run] ?? 0;
      const value = term.value[run] || 0;
      const [low, high] = [Math.min(start, start + value), Math.max(start, start + value)];
      node.style.left = `${scale.x(low)}%`;
      node.style.width = `${Math.max(0, scale.x(high) - scale.x(low))}%`;
      node.toggleAttribute("data-negative", value < 0);
    };
    row.zero.style.left = `${scale.x(0)}%`;
    row.carry.hidden = term.from === null || term.sum;
    row.carry.style.left = `${scale.x(term.from?.[baseline ? 0 : 1] ?? 0)}%`;
    row.ghost.hidden = !edited || baseline;
    if (!row.ghost.hidden) place(row.ghost, 0);
    place(row.bar, baseline ? 0 : 1);
  }

  #listen(): void {
    const { el, events } = this;
    const rowOf = (target: EventTarget | null): Term | null => {
      const row = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
      if (!row) return null;
      this.#active = Number(row.dataset.row);
      return this.#shown?.rows[this.#active] ?? null;
    };
    el.addEventListener("scroll", () => events.scrolled(), { passive: true });
    el.addEventListener("pointermove", ({ target }) => {
      const term = rowOf(target);
      if (term) events.look(term);
    });
    el.addEventListener("pointerleave", () => events.look(null));
    el.addEventListener("blur", () => events.look(null));
    el.addEventListener("focus", () => events.look(this.#shown?.rows[this.#active] ?? null));
    el.addEventListener("click", ({ target, shiftKey }) => {
      const term = rowOf(target);
      if (!term) return;
      const twist = target instanceof Element && target.closest(".mw-term-twist");
      if (term.open !== null && (twist || term.component === null)) events.toggle(term);
      else if (shiftKey) events.lock(term);
      else events.use(term);
    });
    el.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event: KeyboardEvent): void {
    const rows = this.#shown?.rows ?? [];
    const term = rows[this.#active];
    if (!term || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key === "Enter" || key === " ") {
      event.preventDefault();
      // A held key would ablate and restore at the keyboard's repeat rate.
      if (event.repeat) return;
      if (event.shiftKey) this.events.lock(term);
      else this.events.use(term);
      return;
    }
    if (key === "ArrowRight" || key === "ArrowLeft") {
      event.preventDefault();
      if (term.open === (key === "ArrowLeft")) this.events.toggle(term);
      else if (key === "ArrowRight" && term.open) this.#go(this.#active + 1);
      else if (key === "ArrowLeft") this.#go(parentOf(rows, this.#active));
      return;
    }
    const last = rows.length - 1;
    const steps: Record<string, number> = {
      ArrowUp: this.#active - 1,
      ArrowDown: this.#active + 1,
      PageUp: this.#active - PAGE,
      PageDown: this.#active + PAGE,
      Home: 0,
      End: last,
    };
    const next = steps[key];
    if (next === undefined) return;
    event.preventDefault();
    this.#go(next);
  }

  #go(to: number): void {
    const rows = this.#shown?.rows ?? [];
    this.#active = Math.max(0, Math.min(rows.length - 1, to));
    const top = this.#active * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.el;
    if (top < scrollTop) this.el.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.el.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
    this.events.look(rows[this.#active] ?? null);
    this.events.scrolled();
  }
}

/** The row that the one at `at` is a part of. */
function parentOf(rows: readonly Term[], at: number): number {
  const level = rows[at]?.level ?? 1;
  for (let i = at - 1; i >= 0; i--) if ((rows[i]?.level ?? 1) < level) return i;
  return at;
}

function keyOf({ component, token }: Scene["page"]["hover"], term: Term): string {
  if (term.token !== null) return component === null && token === term.token ? term.key : "";
  return component ? componentKey(component) : "";
}

interface Scale {
  /** In percent of the track. */
  x(value: number): number;
}

/** One scale for all rows and both runs, with zero and some air on it. */
function scaleOf({ rows }: TermsScene): Scale {
  let [low, high] = [0, 0];
  for (const { from, value } of rows) {
    for (const run of [0, 1] as const) {
      const start = from?.[run] ?? 0;
      for (const end of [start, start + value[run]]) {
        if (Number.isFinite(end)) [low, high] = [Math.min(low, end), Math.max(high, end)];
      }
    }
  }
  if (rows.every(({ from }) => from === null)) {
    high = Math.max(-low, high);
    low = -high;
  }
  const room = high - low || 1;
  return { x: (value) => 1 + (98 * ((Number.isFinite(value) ? value : 0) - low)) / room };
}

const moved = (change: number): string => (change === 0 ? "·" : signed(change));

function sentence(
  { name, value, sum, open }: Term,
  edited: boolean,
  exact: number,
  mark: CellMark | null,
): string {
  const [before, after]: Pair = value;
  const words = [
    `${name}: ${sum ? plain(after) : signed(after)} logits`,
    edited && before !== after ? `was ${signed(before)}` : "",
    Number.isNaN(exact) ? "" : `exact effect ${signed(exact)}`,
    mark?.words ?? "",
    open === null ? "" : open ? "open" : "can be opened",
  ];
  return words.filter(Boolean).join(", ");
}
