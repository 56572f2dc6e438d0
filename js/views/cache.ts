// The cache: how long every cached key or value is, layer by layer and position by position, what a
// sliding window has dropped, how large all of it is, and what the edits moved. Hovering lights up the
// token and the head everywhere; a click selects the token.

import { colour } from "../charts/colour";
import { element, keyed, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { Legend } from "../charts/legend";
import { PositionMap } from "../charts/position-map";
import type { SessionStore } from "../store/session-store";
import type { AxisTokenJson, ComponentJson, SessionState } from "../types";
import {
  askCache,
  type CacheContents,
  type CachedLayer,
  type CachePart,
  type CacheRow,
} from "../wire/cache";
import type { Frame } from "../wire/frames";
import type { SessionClient } from "../wire/session-client";
import { CONVENTION, kindsOf, rowName, sentenceOf, sizeOf } from "./cache-words";
import { Fetches } from "./fetches";
import { numbersKey } from "./neuron-rows";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { selectOf } from "./select";
import type { Cast } from "./stage";
import { standalone } from "./standalone";

type Moment = "after" | "before" | "change";

const MOMENTS: readonly (readonly [Moment, string])[] = [
  ["after", "with the edits"],
  ["before", "without"],
  ["change", "change"],
];

export class CachePane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-cache",
    "aria-label": "Cache",
    "data-testid": "mw-cache",
  });
  readonly #part = selectOf("What is cached", "mw-cache-part", [
    ["keys", "keys"],
    ["values", "values"],
  ]);
  readonly #layer = selectOf("Which layers", "mw-cache-layer", [["all", "all layers"]]);
  readonly #until = selectOf("When", "mw-cache-until", [["prompt", "after the prompt"]]);
  readonly #moment = selectOf("With or without the edits", "mw-cache-moment", MOMENTS);
  readonly #size = element("p", { class: "mw-cache-size", "data-testid": "mw-cache-size" });
  readonly #kinds = element("ul", { class: "mw-cache-kinds mw-muted" });
  readonly #reading = element("p", { class: "mw-cache-reading", "aria-live": "off" });
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #notes = element("div", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #legend = new Legend();
  readonly #map: PositionMap;
  readonly #fetches: Fetches<CacheContents>;
  readonly #rebuildLayers = keyed(this.#layer);
  readonly #rebuildUntil = keyed(this.#until);
  readonly #rebuildKinds = keyed(this.#kinds);
  readonly #client: SessionClient;
  readonly #store: SessionStore;
  readonly #shown: { found: CacheContents | null; at: Cell | null; key: string } = {
    found: null,
    at: null,
    key: "",
  };

  constructor({ client, store, invalidate, signal }: Cast) {
    this.#client = client;
    this.#store = store;
    this.#fetches = new Fetches(client, invalidate, signal);
    const events = {
      enter: (cell: Cell) => this.#hover(cell),
      leave: () => this.#hover(null),
      press: (cell: Cell) => this.#press(cell),
    };
    this.#map = new PositionMap("Cache", events, signal);
    for (const select of [this.#part, this.#layer, this.#until, this.#moment]) {
      select.addEventListener("change", invalidate);
    }
    setText(this.#notes, CONVENTION);
    const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Cache"));
    const chosen = element("div", { class: "mw-choices" });
    chosen.append(this.#part, this.#layer, this.#until, this.#moment);
    offersTable(this.el, () => ({ view: "cache", options: this.#options() }));
    this.el.append(head, chosen, this.#size, this.#map.el, this.#legend.el, this.#reading);
    this.el.append(this.#kinds, this.#empty, this.#notes);
  }

  draw(scene: Scene): void {
    const { state } = scene;
    if (!state) return;
    this.#drawChoices(state);
    const base = numbersKey(state);
    const { part, layer } = this.#choice();
    const written = this.#written();
    const key = `${base} cache ${part} ${layer} ${JSON.stringify(written)}`;
    const now =
      base && state.tokens.length > 0
        ? this.#fetches.get(key, (signal) =>
            askCache(this.#client, part, layer, written, { signal }),
          )
        : null;
    const refusal = this.#fetches.refusal(key);
    const found = now ?? (refusal ? null : this.#fetches.last);
    this.el.toggleAttribute("data-waiting", !now && !refusal && state.tokens.length > 0);
    this.#shown.found = found;
    if (now) this.#shown.key = key;
    setText(this.#empty, found ? "" : emptyText(scene, refusal));
    for (const el of [this.#map.el, this.#legend.el, this.#reading, this.#size, this.#kinds]) {
      el.hidden = found === null;
    }
    this.#moment.hidden = !found?.change;
    if (found) this.#drawFound(scene, state, found, part);
  }

  #drawFound(scene: Scene, state: SessionState, found: CacheContents, part: CachePart): void {
    const moment = this.#momentOf(scene, found);
    const read = state.tokens.length + found.later.length;
    setText(this.#size, sizeOf(found, read));
    const kinds = kindsOf(found, read);
    this.#rebuildKinds(kinds.join("\n"), () => kinds.map((said) => element("li", {}, said)));
    const none = found.rows.length === 0;
    for (const el of [this.#map.el, this.#legend.el, this.#reading]) el.hidden = none;
    if (none) return;
    const values = frameOf(found, moment);
    const max = largest(moment === "change" ? [values] : [found.before, found.after]);
    const tokens = axisOf(state, found);
    const { page, theme } = scene;
    const { hover } = page;
    this.#map.draw({
      label: `Norms of cached ${part}, ${WORDS[moment]}: layer and kv head down, tokens across`,
      theme,
      rows: found.rows.map((row, at) => ({
        label: rowName(row),
        apart: row.head !== null && at > 0 && !sameLayer(row, found.rows[at - 1]),
      })),
      columns: tokens.map(({ text }) => text),
      tick: String,
      slanted: true,
      lit: { row: rowOf(found, hover.component), column: hover.token },
      selected: page.token,
      edge: found.later.length > 0 ? state.tokens.length : null,
      fill: (row, column) => colour(values.at(row, column), max, "sequential", theme),
      describe: (row, column) => this.#words(state, found, part, { row, column }),
      stamp: [this.#shown.key, found, moment],
    });
    const unit = moment === "change" ? "norm of the change" : "norm";
    this.#legend.draw({
      scale: "sequential",
      theme,
      from: 0,
      to: 1,
      low: "0",
      high: plain(max),
      label: `${unit} of cached ${part}, ${WORDS[moment]}`,
      note: [
        found.layers.some(({ first }) => first > 0) ? "a line: dropped by the sliding window" : "",
        found.later.length > 0 ? "right of the bar: what it wrote" : "",
      ]
        .filter(Boolean)
        .join(" · "),
    });
    const at = this.#shown.at ?? litCell(found, hover.component, hover.token);
    const known = at && at.row < found.rows.length && at.column < tokens.length ? at : null;
    setText(this.#reading, known ? this.#words(state, found, part, known) : RESTING);
  }

  #words(
    state: SessionState,
    found: CacheContents,
    part: CachePart,
    { row, column }: Cell,
  ): string {
    const one = found.rows[row] as CacheRow;
    const layer = layerOf(found, one);
    const tokens = one.cross ? (state.encoder ?? []) : axisOf(state, found);
    return sentenceOf(
      one,
      layer,
      part,
      { text: tokens[column]?.text ?? "", position: column },
      {
        before: found.before.at(row, column),
        after: found.after?.at(row, column) ?? null,
        change: found.change?.at(row, column) ?? null,
      },
    );
  }

  #hover(cell: Cell | null): void {
    this.#shown.at = cell;
    const { found } = this.#shown;
    const row = cell ? found?.rows[cell.row] : undefined;
    if (!found || !cell || !row) this.#store.hover(null);
    else this.#store.hover(componentOf(row, layerOf(found, row)), this.#tokenAt(cell));
  }

  #press(cell: Cell): void {
    const token = this.#tokenAt(cell);
    if (token !== null) this.#store.set({ token });
  }

  /** The token of the prompt that a cell stands over; those that were written have no place there. */
  #tokenAt({ row, column }: Cell): number | null {
    const crosses = this.#shown.found?.rows[row]?.cross ?? false;
    return !crosses && column < (this.#client.shown?.tokens.length ?? 0) ? column : null;
  }

  #choice(): { part: CachePart; layer: number | null } {
    const layer = this.#layer.value;
    const part = this.#part.value as CachePart;
    return { part, layer: layer === "all" ? null : Number(layer) };
  }

  #written() {
    const { tokens, temperature, top_p, seed, on } = this.#store.value.continuation;
    if (this.#until.value === "prompt") {
      return { tokens: 0, temperature: 0, top_p: 1, seed: 0, on: "both" as const };
    }
    return { tokens, temperature, top_p, seed, on };
  }

  #options(): Record<string, unknown> {
    const { tokens, ...how } = this.#written();
    return { new_tokens: tokens, ...how };
  }

  #momentOf({ page }: Scene, found: CacheContents): Moment {
    if (!found.change || page.baseline) return "before";
    return this.#moment.value as Moment;
  }

  #drawChoices(state: SessionState): void {
    const { n_layers: n } = state.model;
    const main = state.model.heads.length;
    const chosen = [this.#layer.value, this.#until.value];
    this.#rebuildLayers(`${n} ${main}`, () => [
      element("option", { value: "all" }, "all layers"),
      ...Array.from({ length: n }, (_, layer) =>
        element("option", { value: layer }, `layer ${layer}`),
      ),
    ]);
    const { tokens } = this.#store.value.continuation;
    // A model with two stacks is looked at where its prompt ends.
    this.#rebuildUntil(`${tokens} ${state.encoder === null}`, () => [
      element("option", { value: "prompt" }, "after the prompt"),
      ...(state.encoder === null
        ? [element("option", { value: "written" }, `after ${tokens} more, as it writes on`)]
        : []),
    ]);
    [this.#layer, this.#until].forEach((select, at) => {
      const value = chosen[at] ?? "";
      const there = Array.from(select.options).some((option) => option.value === value);
      if (there && select.value !== value) select.value = value;
    });
    setAttributes(this.#until, { title: "The settings of the continuation say how it writes" });
  }
}

const WORDS: Record<Moment, string> = {
  after: "with the edits",
  before: "without edits",
  change: "difference that the edits make",
};
const RESTING = "Point at a cell for its numbers; a click selects the token.";

const frameOf = (found: CacheContents, moment: Moment): Frame => found[moment] ?? found.before;

const sameLayer = (one: CacheRow, other: CacheRow | undefined): boolean =>
  one.layer === other?.layer && one.cross === other.cross;

const layerOf = (found: CacheContents, row: CacheRow): CachedLayer | undefined =>
  found.layers.find((layer) => sameLayer({ ...layer, head: null }, row));

function largest(frames: readonly (Frame | null)[]): number {
  let max = 0;
  for (const frame of frames) {
    for (const value of frame?.values ?? []) if (value > max) max = value;
  }
  return max;
}

/** The tokens along the map; of cross attention, whose positions are others, as many as there are. */
function axisOf(state: SessionState, found: CacheContents): readonly AxisTokenJson[] {
  const later = found.later.map((text) => ({ text, special: false }));
  const own: AxisTokenJson[] = [...state.tokens, ...later];
  const n = found.before.shape[1] ?? 0;
  const beside = (state.encoder ?? []).slice(own.length, n);
  return [...own, ...beside].slice(0, n);
}

/** The head where it has a cache of its own, else the attention whose heads share it. */
function componentOf({ layer, head }: CacheRow, kept: CachedLayer | undefined): ComponentJson {
  return head !== null && kept?.heads === kept?.kvHeads
    ? { type: "head", layer, head }
    : { type: "attention", layer };
}

function rowOf(found: CacheContents, component: ComponentJson | null): number | null {
  if (component?.type !== "head" && component?.type !== "attention") return null;
  const at = found.rows.findIndex((row) => {
    if (row.layer !== component.layer || row.cross) return false;
    if (row.head === null || component.type === "attention") return row.head === null;
    const layer = layerOf(found, row);
    return layer ? Math.floor(component.head / (layer.heads / layer.kvHeads)) === row.head : false;
  });
  return at < 0 ? null : at;
}

function litCell(
  found: CacheContents,
  component: ComponentJson | null,
  token: number | null,
): Cell | null {
  const row = rowOf(found, component);
  return row === null || token === null ? null : { row, column: token };
}

function emptyText({ state, slow, client }: Scene, refusal: string): string {
  if (refusal) return refusal;
  if (state?.tokens.length === 0) return "Type a prompt to see what the model remembers of it.";
  if (state?.phase === "error") return "No cache: the last run failed.";
  return slow || client.status === "live" ? "Reading the cache …" : "";
}

export const cache = standalone({
  name: "cache",
  label: "cache",
  panes: (cast) => [new CachePane(cast)],
});
