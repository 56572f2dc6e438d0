// One head large: its pattern as a matrix or as arcs between tokens, what the pointer is on in words, and
// edges that can be cut. Long patterns are moved and zoomed, and come in parts at the resolution that
// is drawn.

import { AttentionArcs, type Place } from "../charts/attention-arcs";
import { AttentionMatrix, pictureHeight } from "../charts/attention-matrix";
import type { Cut } from "../charts/cut-paint";
import { element, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { Legend } from "../charts/legend";
import { reach } from "../charts/matrix-paint";
import { PopupMenu } from "../charts/popup-menu";
import type { SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import type { HeadAddress } from "../wire/session-client";
import type { Choices } from "./attention-choices";
import { type CutOff, cutOff, type Edges } from "./attention-edges";
import { type AttentionValues, attentionValues, WHOLE } from "./attention-values";
import {
  normalisation,
  readWords,
  resolutionWords,
  restingWords,
  restWords,
  sharesWords,
} from "./attention-words";
import { edgeItems } from "./edge-items";
import type { Scene } from "./pane";
import type { PatternStore } from "./pattern-store";
import { pictureValues, type Sight } from "./pattern-values";
import { drawn, factorFor } from "./pattern-window";
import { PatternZoom } from "./pattern-zoom";
import type { Patterns } from "./patterns";

const NOWHERE: Place = { query: null, key: null };

interface Shown {
  readonly scene: Scene;
  readonly state: SessionState;
  readonly address: HeadAddress;
  readonly choices: Choices;
  readonly values: AttentionValues;
}

export class LargeHead {
  readonly el = element("div", { class: "mw-large" });
  readonly #readout = element("div", {
    class: "mw-readout",
    "data-testid": "mw-attention-readout",
  });
  readonly #does = element("div", { class: "mw-readout mw-does", "aria-hidden": "true" });
  readonly #legend = new Legend();
  readonly #shares = element("div", {
    class: "mw-shares mw-muted",
    "data-testid": "mw-attention-shares",
  });
  readonly #matrix: AttentionMatrix;
  readonly #arcs: AttentionArcs;
  readonly #zoom: PatternZoom;
  readonly #menu: PopupMenu;
  readonly #holder: HTMLElement;
  #at: Place = NOWHERE;
  /** Measured once a frame: what is measured after a write lays out the page again. */
  #room = { width: 480, height: 384 };
  #shown: Shown | null = null;

  constructor(
    private readonly store: SessionStore,
    private readonly patterns: Patterns,
    private readonly pictures: PatternStore,
    private readonly edges: Edges,
    private readonly invalidate: () => void,
    signal: AbortSignal,
  ) {
    this.#matrix = new AttentionMatrix(
      {
        enter: (cell) => this.#look(this.#edgeOf(cell)),
        leave: () => this.#look(NOWHERE),
        press: (cell, event) => this.#press(this.#edgeOf(cell), event),
      },
      signal,
    );
    this.#arcs = new AttentionArcs({
      look: (at) => this.#look(at),
      press: (query, key, event) => this.#press({ query, key }, event),
      scroll: invalidate,
    });
    this.#zoom = new PatternZoom(this.#matrix.el, invalidate);
    this.#menu = new PopupMenu(signal, "mw-edge-menu");
    this.#holder = element("div", { class: "mw-matrix-holder" });
    this.#holder.append(this.#matrix.el, this.#arcs.el, this.#menu.el);
    this.#holder.addEventListener("contextmenu", (event) => this.#openMenu(event));
    this.#holder.addEventListener("keydown", (event) => {
      if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
        this.#openMenu(event);
      }
    });
    const foot = element("div", { class: "mw-large-foot" }, this.#legend.el, this.#zoom.el);
    this.el.append(this.#readout, this.#holder, foot, this.#does, this.#shares);
  }

  /** How tall the picture of so many tokens is: its room is kept while it is on its way. */
  #keepRoom(rows: number, columns: number): void {
    const height = rows ? pictureHeight(rows, columns, this.#room) : 0;
    this.#holder.style.minHeight = `${height}px`;
  }

  /** The numbers that were drawn, or why there are none. */
  draw(scene: Scene, address: HeadAddress, choices: Choices): AttentionValues {
    const { state } = scene as Scene & { state: SessionState };
    this.#room = room(this.#holder);
    const values = this.#values(state, address, choices);
    const [rows, columns] = [values.queries.tokens.length, values.keys.tokens.length];
    const shown = values.picture !== null;
    const arcs = choices.mode === "arcs";
    this.#matrix.el.hidden = !shown || arcs;
    this.#arcs.el.hidden = !shown || !arcs;
    for (const el of [this.#legend.el, this.#shares]) {
      el.style.visibility = shown ? "visible" : "hidden";
    }
    if (!arcs) this.#keepRoom(rows, columns);
    else this.#holder.style.minHeight = "";
    this.#zoom.draw({ queries: rows, keys: columns }, shown && !arcs);
    this.#shown = shown ? { scene, state, address, choices, values } : null;
    if (this.#shown) this.#drawShown(this.#shown);
    else for (const el of [this.#readout, this.#does, this.#shares]) setText(el, " ");
    return values;
  }

  #values(state: SessionState, address: HeadAddress, choices: Choices): AttentionValues {
    const { cross = false, layer, head } = address;
    const { weight, moment, mode } = choices;
    const longest = Math.max(state.tokens.length, state.encoder?.length ?? 0);
    if (weight === "pattern" && longest <= WHOLE) {
      return attentionValues(this.patterns, state, address, moment);
    }
    const look = { layer, moment, weight, cross };
    const sight = mode === "arcs" ? this.#arcsSight(choices, longest) : this.#sight();
    return pictureValues(this.pictures, state, look, head, sight);
  }

  /** The tokens that the window shows, as finely as there are pixels. */
  #sight(): Sight | null {
    const { window } = this.#zoom;
    if (!window) return null;
    const { width } = this.#room;
    const { query, key, span } = window;
    return { query, key, queries: span, keys: span, factor: factorFor(span, width) };
  }

  #arcsSight({ by }: Choices, tokens: number): Sight {
    const { first, count } = this.#arcs.sight(tokens, this.#room.height);
    const all = { query: 0, key: 0, queries: tokens, keys: tokens, factor: 1 };
    return by === "query"
      ? { ...all, query: first, queries: count }
      : { ...all, key: first, keys: count };
  }

  #drawShown(shown: Shown): void {
    const { scene, state, address, choices, values } = shown;
    const { queries, keys } = values;
    const cuts = cutOff(state.interventions, address, queries.tokens.length, keys.tokens.length);
    const pick = scene.page.hover.token ?? scene.page.token;
    const lit = { query: queries.prompt ? pick : null, key: keys.prompt ? pick : null };
    this.#at = inside(this.#at, values);
    if (choices.mode === "arcs") this.#drawArcs(shown, cuts, lit);
    else this.#drawMatrix(shown, cuts, lit);
    this.#drawLegend(shown);
    const look = { layer: address.layer, moment: values.moment, weight: values.weight } as const;
    const rows = this.pictures.rows(
      state,
      {
        ...look,
        moment: look.moment === "change" ? "after" : look.moment,
        cross: address.cross ?? false,
      },
      address.head,
    ).value;
    const fit = rows?.total.length === queries.tokens.length ? rows : null;
    setText(this.#shares, sharesWords(state, address, fit));
    const { query, key } = this.#at;
    const token = choices.by === "query" ? (query ?? pick) : (key ?? pick);
    const words =
      query !== null && key !== null
        ? readWords(values, query, key)
        : restingWords(values, token, choices.by);
    const rest = query === null || values.moment === "change" ? "" : restWords(fit, query);
    setText(this.#readout, [words, rest].filter(Boolean).join(" · "));
    const edge = query !== null && key !== null ? { query, key } : null;
    const factor = choices.mode === "arcs" ? 1 : values.factor;
    setText(
      this.#does,
      edge
        ? this.edges.does(state, address, edge, factor, choices.by)
        : choices.mode === "arcs"
          ? this.#arcsWords(values)
          : normalisation(values, choices.by),
    );
  }

  #drawMatrix({ scene, address, choices, values }: Shown, cuts: CutOff, lit: Place): void {
    const { queries, keys, triangle, factor, moment } = values;
    const sides = { queries: queries.tokens.length, keys: keys.tokens.length };
    const part = drawn(this.#zoom.window, sides, factor);
    const { query, key } = this.#at;
    const cell =
      query === null || key === null
        ? null
        : {
            row: Math.floor((query - part.query) / factor),
            column: Math.floor((key - part.key) / factor),
          };
    const on = cell && cell.row >= 0 && cell.column >= 0 && cell.row < part.rows;
    const at = (row: number, column: number): [number, number] => [
      part.query + row * factor,
      part.key + column * factor,
    ];
    const marks = cutCells(cuts, part, triangle);
    this.#matrix.draw({
      label: labelOf(address, values),
      queries: queries.tokens,
      keys: keys.tokens,
      part,
      triangle,
      scale: scaleOf(values),
      theme: scene.theme,
      max: values.max,
      room: this.#room,
      cuts: marks,
      by: choices.by,
      lit,
      armed: this.edges.cuts && !address.cross && factor === 1,
      cell: on && cell.column < part.columns ? cell : null,
      value: (row, column) => values.value(...at(row, column)),
      stamp: [
        ...(values.picture ?? []),
        moment,
        triangle,
        ...Object.values(part),
        JSON.stringify(marks),
      ],
      describe: ({ row, column }) => readWords(values, ...at(row, column)),
    });
  }

  #drawArcs({ scene, state, address, choices, values }: Shown, cuts: CutOff, lit: Place): void {
    const cutNow = new Map(cuts.edges.map(({ query, key, on }) => [`${query} ${key}`, on]));
    const tone = getComputedStyle(this.el).getPropertyValue("--mw-ablate").trim() || "#c2330c";
    this.#arcs.draw({
      label: labelOf(address, values),
      queries: values.queries.tokens,
      keys: values.keys.tokens,
      triangle: values.triangle,
      scale: scaleOf(values),
      theme: scene.theme,
      max: values.max,
      by: choices.by,
      room: this.#room,
      at: this.#at,
      lit: choices.by === "query" ? { ...lit, key: null } : { ...lit, query: null },
      tone,
      stamp: [...(values.picture ?? []), JSON.stringify(cuts), state.tokens],
      value: values.value,
      cut: (query, key) => cutNow.get(`${query} ${key}`) ?? null,
      describe: (query, key) => readWords(values, query, key),
    });
  }

  #arcsWords({ max }: AttentionValues): string {
    const { drawn: some, of } = this.#arcs.shown;
    const least = plain(0.01 * max);
    const what = some < of ? `the ${some} strongest of ${of} arcs in sight` : `${of} arcs in sight`;
    return `${what}; those below ${least} are left out`;
  }

  #drawLegend({ scene, choices, values }: Shown): void {
    const { moment, weight, max, factor, note } = values;
    const change = moment === "change";
    const unit = weight === "value" ? "moved" : "attention";
    const notes = choices.mode === "matrix" ? [resolutionWords(factor), note] : [note];
    this.#legend.draw({
      scale: scaleOf(values),
      theme: scene.theme,
      from: change ? -max : 0,
      to: max,
      low: change ? plain(-max) : "0",
      high: change ? signed(max) : `${plain(max).replace(/\.00$/, "")} ${unit}`,
      label: normalisation(values, choices.by),
      note: notes.filter(Boolean).join(" · "),
    });
  }

  /** The first tokens of an entry on show. */
  #edgeOf({ row, column }: Cell): { query: number; key: number } {
    const { values } = this.#shown ?? {};
    const factor = values?.factor ?? 1;
    const sides = {
      queries: values?.queries.tokens.length ?? 0,
      keys: values?.keys.tokens.length ?? 0,
    };
    const part = drawn(this.#zoom.window, sides, factor);
    return { query: part.query + row * factor, key: part.key + column * factor };
  }

  #look(at: Place): void {
    this.#at = at;
    this.store.hover(null, this.#tokenOf(at));
    this.invalidate();
  }

  #press(edge: { query: number; key: number }, event: MouseEvent | KeyboardEvent): void {
    const shown = this.#shown;
    if (!shown) return;
    const { address, choices, values, state } = shown;
    const factor = choices.mode === "arcs" ? 1 : values.factor;
    if (factor > 1 && this.edges.cuts && !address.cross) this.#zoom.to(edge, factor);
    else if (!this.edges.cuts || address.cross) {
      this.store.set({ token: this.#tokenOf(edge) });
      if (!this.store.value.locked) this.store.lock({ type: "head", ...headOnly(address) });
    } else if (!event.shiftKey) this.edges.cut(state, address, edge);
    else if (choices.by === "query") this.edges.cutRow(address, edge.query);
    else {
      const queries = values.queries.tokens.length;
      this.edges.cutColumn(address, edge.key, queries, values.triangle);
    }
  }

  #openMenu(event: MouseEvent | KeyboardEvent): void {
    const { query, key } = this.#at;
    const shown = this.#shown;
    if (!shown || query === null || key === null) return;
    event.preventDefault();
    event.stopPropagation();
    const focused = this.#holder.querySelector("[role='gridcell'], [tabindex='0']");
    const ring = (focused ?? this.#holder).getBoundingClientRect();
    const [x, y] =
      event instanceof MouseEvent ? [event.clientX, event.clientY] : [ring.right, ring.bottom];
    const { state, address, values } = shown;
    const items = edgeItems(this.edges, state, address, values, { query, key });
    const label = `Head ${address.layer}.${address.head}`;
    this.#menu.show({ label, detail: `query ${query}, key ${key}`, groups: [items] }, { x, y });
  }

  /** The token of the prompt that an edge is about: its query, or its key where only that is one. */
  #tokenOf({ query, key }: Place): number | null {
    if (this.#shown?.values.queries.prompt && query !== null) return query;
    return this.#shown?.values.keys.prompt ? key : null;
  }
}

const headOnly = ({ layer, head }: HeadAddress): { layer: number; head: number } => ({
  layer,
  head,
});

export const scaleOf = ({ moment, weight }: Pick<AttentionValues, "moment" | "weight">) =>
  moment === "change" ? "diverging" : weight === "value" ? "sequential" : "ink";

function labelOf({ layer, head, cross }: HeadAddress, { moment, weight }: AttentionValues): string {
  const what = weight === "value" ? "What moves along" : cross ? "Cross attention" : "Attention";
  const of = weight === "value" ? "the edges of head" : "of head";
  return `${what} ${of} ${layer}.${head}, ${moment}: queries down, keys across`;
}

/** What is looked at, where it is there. */
function inside(at: Place, { queries, keys, triangle }: AttentionValues): Place {
  const { query, key } = at;
  const rows = queries.tokens.length;
  const columns = keys.tokens.length;
  if ((query ?? 0) >= rows || (key ?? 0) >= columns) return NOWHERE;
  if (query !== null && key !== null && key >= reach({ triangle, columns }, query)) return NOWHERE;
  return at;
}

function cutCells(
  { edges, rows }: CutOff,
  part: ReturnType<typeof drawn>,
  triangle: boolean,
): Cut[] {
  const entry = (token: number, first: number): number => Math.floor((token - first) / part.factor);
  const seen = (row: number, column: number): boolean =>
    row >= 0 && row < part.rows && column >= 0 && column < part.columns;
  const shift = (part.query - part.key) / part.factor;
  return [
    ...edges.map(({ query, key, on }) => {
      return { row: entry(query, part.query), column: entry(key, part.key), length: 0, on };
    }),
    ...rows.map(({ query, on }) => {
      const row = entry(query, part.query);
      const length = reach({ triangle, columns: part.columns, shift }, row);
      return { row, column: null, length, on };
    }),
  ].filter(({ row, column }) => seen(row, column ?? 0));
}

function room(holder: HTMLElement): { width: number; height: number } {
  const width = Math.max(220, holder.clientWidth || 480);
  return { width, height: Math.max(320, Math.min(680, width * 0.8)) };
}
