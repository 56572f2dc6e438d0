// Composition between heads: a graph with a layer per column, or the whole matrix, and the strongest
// edges as a list. A slider says from which score on edges are shown. Pressing an edge locks the head
// that reads and puts both side by side; pressing a head locks it, and its edges stand out.

import { button, element, setAttributes, setText } from "../charts/dom";
import { count, plain } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { cellSizeIn, HeatGrid, type Label } from "../charts/heat-grid";
import { type GraphEdge, LayerGraph } from "../charts/layer-graph";
import { Legend } from "../charts/legend";
import type { HeadPlace } from "../store/session-store";
import {
  askComposition,
  type Composition,
  type CompositionKind,
  type HeadEdge,
} from "../wire/weights";
import { CompositionList } from "./composition-list";
import { Fetches } from "./fetches";
import { headOf, type Scene } from "./pane";
import type { Cast } from "./stage";
import { edgeName, KIND_NAMES, KINDS, reasonsText, sameHead } from "./weight-words";

/** So many edges are shown until a person moves the slider. */
const AT_FIRST = 60;
/** As many as the kernel sends at most. */
const MOST_EDGES = 600;
const USUAL_WIDTH = 560;

export class WeightComposition {
  readonly el = element("div", { class: "mw-weight-composition", "data-testid": "mw-composition" });
  readonly #kinds = new Map<CompositionKind, HTMLButtonElement>();
  readonly #drawings = new Map<"graph" | "matrix", HTMLButtonElement>();
  readonly #slider = element("input", {
    class: "mw-strength mw-weight-threshold",
    type: "range",
    step: "any",
    "aria-label": "Least score of an edge that is shown",
    "data-testid": "mw-composition-threshold",
  });
  readonly #from = element("span", { class: "mw-weight-from" });
  readonly #count = element("span", { class: "mw-muted mw-progress" });
  readonly #readout = element("div", {
    class: "mw-readout",
    "data-testid": "mw-composition-readout",
  });
  readonly #graph: LayerGraph;
  readonly #matrix: HeatGrid;
  readonly #holder = element("div", { class: "mw-weight-holder" });
  readonly #legend = new Legend();
  readonly #list: CompositionList;
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #body = element("div", { class: "mw-weight-body" });
  readonly #notes = element("p", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #fetches: Record<CompositionKind, Fetches<Composition>>;
  #kind: CompositionKind = "q";
  #drawing: "graph" | "matrix" = "graph";
  #least: number | null = null;
  #shown: Composition | null = null;
  #edges: { of: Composition; least: number; drawn: readonly Drawn[] } | null = null;
  #lit: HeadEdge | null = null;
  #cell: Cell | null = null;
  #width = USUAL_WIDTH;

  constructor(private readonly cast: Cast) {
    const { client, invalidate, signal, store } = cast;
    const fetches = (): Fetches<Composition> => new Fetches(client, invalidate, signal);
    this.#fetches = { q: fetches(), k: fetches(), v: fetches() };
    this.#graph = new LayerGraph(
      "Composition graph",
      {
        enter: ({ row, column }) => {
          const layer = this.#shown?.layers[column];
          if (layer !== undefined) store.hover({ type: "head", layer, head: row });
        },
        leave: () => store.hover(null),
        press: ({ row, column }) => {
          const layer = this.#shown?.layers[column];
          if (layer !== undefined) store.lock({ type: "head", layer, head: row });
        },
        edge: (edge) => this.#point(edge),
        pressEdge: (edge) => this.#lock((edge as Drawn).edge),
      },
      signal,
    );
    this.#matrix = new HeatGrid(
      "Composition matrix",
      {
        enter: (cell) => this.#lookAt(cell),
        leave: () => this.#lookAt(null),
        press: (cell) => {
          const edge = this.#edgeOf(cell);
          if (edge) this.#lock(edge);
        },
      },
      signal,
    );
    this.#list = new CompositionList(
      (edge) => {
        this.#lit = edge;
        invalidate();
      },
      (edge) => this.#lock(edge),
    );
    const observer = new ResizeObserver(invalidate);
    observer.observe(this.el);
    signal.addEventListener("abort", () => observer.disconnect());
    this.#build();
  }

  /** True while something is on its way. */
  draw(scene: Scene, base: string): boolean {
    for (const [kind, node] of this.#kinds)
      setAttributes(node, { "aria-pressed": String(kind === this.#kind) });
    for (const [drawing, node] of this.#drawings)
      setAttributes(node, { "aria-pressed": String(drawing === this.#drawing) });
    const fetches = this.#fetches[this.#kind];
    const key = `${base} composition ${this.#kind}`;
    const kind = this.#kind;
    const now = base
      ? fetches.get(key, (signal, partly) => askComposition(this.cast.client, kind, signal, partly))
      : null;
    const refusal = fetches.refusal(key);
    const partial = fetches.partial(key);
    const shown = now ?? (refusal ? null : (partial?.value ?? fetches.last));
    this.#shown = shown;
    this.#body.hidden = !shown;
    setText(this.#empty, refusal);
    const progress = partial?.progress;
    if (shown) this.#drawShown(scene, shown);
    if (!now && !refusal && progress)
      setText(this.#count, `${progress.done} of ${progress.total} layers`);
    else if (!shown) setText(this.#count, "");
    return !now && !refusal;
  }

  #drawShown(scene: Scene, shown: Composition): void {
    const { theme, page } = scene;
    if (this.el.clientWidth > 0) this.#width = this.el.clientWidth;
    const least = this.#drawSlider(shown);
    const edges = this.#drawnAt(shown, least);
    const hovered = headOf(page.hover.component);
    const locked = headOf(page.locked);
    const focus = hovered ?? locked;
    this.#graph.el.hidden = this.#drawing !== "graph";
    this.#matrix.el.hidden = this.#drawing !== "matrix";
    if (this.#drawing === "graph") this.#drawGraph(scene, shown, edges, focus);
    else this.#drawMatrix(scene, shown);
    const max = shown.edges[0]?.score ?? 1;
    this.#legend.draw({
      scale: "sequential",
      theme,
      from: 0,
      to: max,
      low: "0",
      high: plain(max),
      label: `${KINDS[shown.kind].formula}; unrelated maps score about ${plain(shown.chance)}`,
      note: `about ${plain(shown.chance)} by chance`,
    });
    const graph = this.#drawing === "graph";
    for (const el of [this.#slider, this.#from]) el.hidden = !graph;
    const more = shown.edges.length === MOST_EDGES ? ", the strongest" : "";
    const all = `${count(shown.edges.length, "edge")}${more}`;
    setText(this.#count, graph ? `${edges.length} of ${all}` : "");
    setText(this.#readout, this.#words(shown, focus));
    this.#list.draw(shown, locked);
    setText(this.#notes, notesOf(shown));
  }

  #drawSlider({ edges }: Composition): number {
    const max = edges[0]?.score ?? 1;
    const min = edges.at(-1)?.score ?? 0;
    const usual = edges[Math.min(AT_FIRST, edges.length) - 1]?.score ?? 0;
    const least = Math.max(min, Math.min(max, this.#least ?? usual));
    setAttributes(this.#slider, {
      min,
      max,
      disabled: edges.length === 0,
      "aria-valuetext": `${plain(least)} and more`,
    });
    if (this.#slider.valueAsNumber !== least) this.#slider.value = String(least);
    setText(this.#from, `≥ ${plain(least)}`);
    return this.#slider.valueAsNumber;
  }

  /** The edges on show, the strongest last; the same ones while nothing has changed. */
  #drawnAt(shown: Composition, least: number): readonly Drawn[] {
    if (this.#edges?.of === shown && this.#edges.least === least) return this.#edges.drawn;
    const max = shown.edges[0]?.score ?? 1;
    const columns = new Map(shown.layers.map((layer, column) => [layer, column]));
    const node = ({ layer, head }: HeadPlace): Cell => ({
      row: head,
      column: columns.get(layer) ?? 0,
    });
    const drawn = shown.edges
      .filter(({ score }) => score >= least - 1e-9)
      .map((edge) => {
        const weight = max > least ? (edge.score - least) / (max - least) : 1;
        return { edge, from: node(edge.from), to: node(edge.to), weight };
      })
      .reverse();
    this.#edges = { of: shown, least, drawn };
    return drawn;
  }

  #drawGraph(
    { theme }: Scene,
    shown: Composition,
    edges: readonly Drawn[],
    focus: HeadPlace | null,
  ): void {
    const column = focus ? shown.layers.indexOf(focus.layer) : -1;
    this.#graph.draw({
      label: `Composition graph, ${KINDS[shown.kind].text}: layers across, heads down`,
      columns: headCounts(shown),
      names: shown.layers.map(String),
      width: this.#width - 2,
      edges,
      focus: focus && column >= 0 ? { row: focus.head, column } : null,
      lit: edges.find(({ edge }) => edge === this.#lit) ?? null,
      theme,
      stamp: [shown],
      describe: ({ row, column: at }) => {
        const here = { layer: shown.layers[at] ?? 0, head: row };
        const own = edges.filter(
          ({ edge }) => sameHead(edge.from, here) || sameHead(edge.to, here),
        );
        return `Head ${here.layer}.${row}, ${count(own.length, "edge")} shown`;
      },
    });
  }

  #drawMatrix({ theme }: Scene, shown: Composition): void {
    const n = shown.matrix.shape[0] ?? 0;
    const size = cellSizeIn(this.#width - 8, n, { least: 2, most: shown.by === "head" ? 22 : 34 });
    const labels = shown.by === "head" ? layerSpans(shown.heads) : spans(shown.layers);
    this.#matrix.draw({
      label: `Composition matrix, ${KINDS[shown.kind].text}: writers down, readers across`,
      rows: n,
      columns: n,
      size: { width: size, height: size },
      scale: "sequential",
      theme,
      max: shown.edges[0]?.score ?? 1,
      down: labels,
      across: labels,
      lit: this.#cell,
      stamp: [shown],
      value: (row, column) => shown.matrix.values[row * n + column] ?? Number.NaN,
      print: plain,
      describe: (cell) => this.#cellWords(shown, cell),
    });
  }

  /** Both heads of an edge are put side by side, and the one that reads is locked. */
  #lock({ from, to }: HeadEdge): void {
    const { store } = this.cast;
    store.set({ pinned: [from, to], locked: { type: "head", ...to } });
  }

  #point(edge: GraphEdge | null): void {
    this.#lit = edge ? (edge as Drawn).edge : null;
    this.cast.invalidate();
  }

  #lookAt(cell: Cell | null): void {
    this.#cell = cell;
    const edge = cell && this.#edgeOf(cell);
    this.cast.store.hover(edge ? { type: "head", ...edge.to } : null);
    this.cast.invalidate();
  }

  #edgeOf({ row, column }: Cell): HeadEdge | null {
    const shown = this.#shown;
    const [from, to] = [shown?.heads[row], shown?.heads[column]];
    if (!shown || shown.by === "layer" || !from || !to) return null;
    return { from, to, score: shown.matrix.values[row * shown.heads.length + column] ?? 0 };
  }

  #cellWords(shown: Composition, cell: Cell): string {
    const n = shown.matrix.shape[0] ?? 0;
    const value = plain(shown.matrix.values[cell.row * n + cell.column] ?? Number.NaN);
    const edge = this.#edgeOf(cell);
    if (edge) return `${edgeName(edge)}: ${value}`;
    const [from, to] = [shown.layers[cell.row], shown.layers[cell.column]];
    return `layer ${from} → layer ${to}: ${value}, the largest of their heads`;
  }

  #words(shown: Composition, focus: HeadPlace | null): string {
    if (this.#drawing === "matrix" && this.#cell) return this.#cellWords(shown, this.#cell);
    if (this.#lit) return `${edgeName(this.#lit)}: ${plain(this.#lit.score)}`;
    if (focus) return `head ${focus.layer}.${focus.head}: ${edgesOf(shown, focus)}`;
    return "Point at a head or an edge; press an edge to lock its heads.";
  }

  #build(): void {
    const segments = (label: string): HTMLElement =>
      element("div", { class: "mw-segments", role: "group", "aria-label": label });
    const [kinds, drawings] = [segments("What is composed"), segments("How it is drawn")];
    for (const kind of KIND_NAMES) {
      const { text, title, formula } = KINDS[kind];
      const node = button(
        { title: `${title}: ${formula}`, "data-testid": `mw-composition-${kind}` },
        () => {
          this.#kind = kind;
          this.#least = null;
          this.cast.invalidate();
        },
        text,
      );
      this.#kinds.set(kind, node);
      kinds.append(node);
    }
    for (const drawing of ["graph", "matrix"] as const) {
      const node = button(
        { "data-testid": `mw-composition-${drawing}` },
        () => {
          this.#drawing = drawing;
          this.cast.invalidate();
        },
        drawing,
      );
      this.#drawings.set(drawing, node);
      drawings.append(node);
    }
    this.#slider.addEventListener("input", () => {
      this.#least = this.#slider.valueAsNumber;
      this.cast.invalidate();
    });
    const line = element("div", { class: "mw-weight-line" }, kinds, drawings, this.#slider);
    line.append(this.#from, element("span", { class: "mw-grow" }), this.#count);
    this.#holder.append(this.#graph.el, this.#matrix.el);
    this.#body.append(this.#readout, this.#holder, this.#legend.el, this.#list.el, this.#notes);
    this.el.append(line, this.#empty, this.#body);
  }
}

interface Drawn extends GraphEdge {
  readonly edge: HeadEdge;
}

function edgesOf({ edges }: Composition, head: HeadPlace): string {
  const reads = edges.find(({ to }) => sameHead(to, head));
  const read = edges.find(({ from }) => sameHead(from, head));
  const parts = [
    reads ? `reads ${reads.from.layer}.${reads.from.head} most (${plain(reads.score)})` : "",
    read ? `is read by ${read.to.layer}.${read.to.head} most (${plain(read.score)})` : "",
  ].filter(Boolean);
  return parts.join(", ") || "no edge of it is among the strongest";
}

function notesOf(shown: Composition): string {
  const { kind, by, reasons } = shown;
  const parts = [
    `${KINDS[kind].formula}, Frobenius norms, layer norms folded in, rotary positions at distance 0`,
    by === "layer" ? "the matrix is the largest score of two layers’ heads" : "",
    reasonsText(reasons),
  ];
  return `${parts.filter(Boolean).join(". ")}.`;
}

const spans = (layers: readonly number[]): Label[] =>
  layers.map((layer, at) => ({ text: String(layer), from: at, to: at + 1 }));

function layerSpans(heads: readonly HeadPlace[]): Label[] {
  const found = new Map<number, { from: number; to: number }>();
  heads.forEach(({ layer }, at) => {
    found.set(layer, { from: found.get(layer)?.from ?? at, to: at + 1 });
  });
  return [...found].map(([layer, span]) => ({ text: String(layer), ...span }));
}

/** How many heads each layer has. */
function headCounts({ heads, layers }: Composition): number[] {
  const counts = new Map<number, number>();
  for (const { layer } of heads) counts.set(layer, (counts.get(layer) ?? 0) + 1);
  return layers.map((layer) => counts.get(layer) ?? 0);
}
