// How long the maps of a model are: of every head what it reads and what it moves, of every MLP what
// it writes, as small heat maps side by side. Pressing a head locks it.

import { element, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { cellSizeIn, HeatGrid, type Label } from "../charts/heat-grid";
import { Legend } from "../charts/legend";
import type { Frame } from "../wire/frames";
import { askNorms, type WeightNorms } from "../wire/weights";
import { Fetches } from "./fetches";
import { headOf, type Scene } from "./pane";
import type { Cast } from "./stage";
import { reasonsText } from "./weight-words";

const MAPS = {
  qk: { title: "‖W_Q W_Kᵀ‖", words: "what a head compares" },
  ov: { title: "‖W_V W_O‖", words: "what a head moves" },
  mlp: { title: "‖W_out‖", words: "what an MLP writes" },
} as const;
type MapName = keyof typeof MAPS;
const NAMES = Object.keys(MAPS) as MapName[];
const USUAL_WIDTH = 560;

interface Drawn {
  readonly el: HTMLElement;
  readonly grid: HeatGrid;
  readonly legend: Legend;
}

export class WeightNormsSection {
  readonly el = element("div", { class: "mw-weight-norms", "data-testid": "mw-norms" });
  readonly #readout = element("div", { class: "mw-readout", "data-testid": "mw-norms-readout" });
  readonly #maps = element("div", { class: "mw-weight-maps" });
  readonly #drawn = {} as Record<MapName, Drawn>;
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #notes = element("p", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #fetches: Fetches<WeightNorms>;
  #looked: { of: MapName; cell: Cell } | null = null;
  #shown: WeightNorms | null = null;
  #width = USUAL_WIDTH;

  constructor(private readonly cast: Cast) {
    const { client, invalidate, signal } = cast;
    this.#fetches = new Fetches(client, invalidate, signal);
    for (const name of NAMES) this.#drawn[name] = this.#map(name);
    const observer = new ResizeObserver(invalidate);
    observer.observe(this.el);
    signal.addEventListener("abort", () => observer.disconnect());
    this.#maps.append(...NAMES.map((name) => this.#drawn[name].el));
    this.el.append(this.#readout, this.#empty, this.#maps, this.#notes);
  }

  /** True while something is on its way. */
  draw(scene: Scene, base: string): boolean {
    const key = `${base} norms`;
    const now = base
      ? this.#fetches.get(key, (signal, partly) => askNorms(this.cast.client, signal, partly))
      : null;
    const refusal = this.#fetches.refusal(key);
    const shown =
      now ?? (refusal ? null : (this.#fetches.partial(key)?.value ?? this.#fetches.last));
    this.#shown = shown;
    setText(this.#empty, refusal);
    this.#maps.hidden = !shown;
    if (this.el.clientWidth > 0) this.#width = this.el.clientWidth;
    if (shown) for (const name of NAMES) this.#drawMap(scene, shown, name);
    setText(this.#readout, shown ? this.#words() : "");
    setText(this.#notes, shown ? notesOf(shown) : "");
    return !now && !refusal;
  }

  #drawMap({ theme, page }: Scene, norms: WeightNorms, name: MapName): void {
    const frame = norms[name];
    const [rows, columns] = [frame.shape[0] ?? 0, columnsOf(frame)];
    const max = Math.max(0, ...frame.values.filter((value) => !Number.isNaN(value)));
    const { el, grid, legend } = this.#drawn[name];
    el.hidden = !(max > 0);
    const across = (norms.qk.shape[1] ?? 0) * 2 + 1;
    const width = cellSizeIn(this.#width - 230, across, { least: 7, most: 44 });
    const height = Math.max(6, Math.min(28, 400 / Math.max(1, rows)));
    const locked = headOf(page.hover.component) ?? headOf(page.locked);
    const looked = this.#looked?.of === name ? this.#looked.cell : null;
    const own = name !== "mlp" && locked ? { row: locked.layer, column: locked.head } : null;
    grid.draw({
      label: `${MAPS[name].title}: layers down${name === "mlp" ? "" : ", heads across"}`,
      rows,
      columns,
      size: { width: name === "mlp" ? Math.max(width, 34) : width, height },
      scale: "sequential",
      theme,
      max,
      down: numbers(rows),
      across: name === "mlp" ? [] : numbers(columns),
      lit: looked ?? (own && own.row < rows && own.column < columns ? own : null),
      stamp: [norms],
      value: (row, column) => frame.values[row * columns + column] ?? Number.NaN,
      print: plain,
      describe: (cell) => wordsOf(norms, name, cell),
    });
    const label = `${MAPS[name].title}, ${MAPS[name].words}`;
    const ends = { from: 0, to: max, low: "0", high: plain(max) };
    legend.draw({ scale: "sequential", theme, ...ends, label });
  }

  #words(): string {
    if (this.#looked && this.#shown)
      return wordsOf(this.#shown, this.#looked.of, this.#looked.cell);
    return "Frobenius norms; each map has a scale of its own.";
  }

  #map(name: MapName): Drawn {
    const { store, invalidate, signal } = this.cast;
    const look = (cell: Cell | null): void => {
      this.#looked = cell && { of: name, cell };
      const part = cell && partAt(name, cell);
      store.hover(part);
      invalidate();
    };
    const grid = new HeatGrid(
      MAPS[name].title,
      { enter: look, leave: () => look(null), press: (cell) => store.lock(partAt(name, cell)) },
      signal,
    );
    const legend = new Legend();
    const title = element("h4", { class: "mw-muted", title: MAPS[name].words }, MAPS[name].title);
    const holder = element("div", { class: "mw-weight-holder" }, grid.el);
    return {
      el: element("div", { class: "mw-weight-map" }, title, holder, legend.el),
      grid,
      legend,
    };
  }
}

const partAt = (name: MapName, { row, column }: Cell) =>
  name === "mlp"
    ? ({ type: "mlp", layer: row } as const)
    : ({ type: "head", layer: row, head: column } as const);

const columnsOf = ({ shape }: Frame): number => shape[1] ?? 1;

const numbers = (n: number): Label[] =>
  Array.from({ length: n }, (_, at) => ({ text: String(at), from: at, to: at + 1 }));

function wordsOf(norms: WeightNorms, name: MapName, { row, column }: Cell): string {
  const frame = norms[name];
  const value = plain(frame.values[row * columnsOf(frame) + column] ?? Number.NaN);
  const part = name === "mlp" ? `MLP ${row}` : `head ${row}.${column}`;
  return `${part}: ${MAPS[name].title} = ${value}`;
}

function notesOf({ reasons }: WeightNorms): string {
  const words = "Frobenius norms of the maps with their layer norms folded in, biases left out";
  return `${[words, reasonsText(reasons)].filter(Boolean).join(". ")}.`;
}
