// Nodes in columns and lines between them: layers across, the heads of each down, an edge for each
// pair that a person wants to see, the strong ones dark and wide. The nodes are a keyboard grid. In: a
// scene. Out: which node or edge is looked at, which was pressed.

import { CanvasGrid, type GridEvents } from "./canvas-grid";
import { ramp, type Theme } from "./colour";
import { element } from "./dom";
import type { Cell } from "./grid-keys";

export interface GraphEdge {
  /** A node is a row of a column. */
  readonly from: Cell;
  readonly to: Cell;
  /** From 0 to 1: how dark and how wide. */
  readonly weight: number;
}

export interface GraphScene {
  readonly label: string;
  /** How many nodes each column has. */
  readonly columns: readonly number[];
  readonly names: readonly string[];
  readonly width: number;
  /** The strongest last. */
  readonly edges: readonly GraphEdge[];
  /** Whose edges stand out; null: all of them. */
  readonly focus: Cell | null;
  readonly lit: GraphEdge | null;
  readonly theme: Theme;
  readonly stamp: readonly unknown[];
  describe(cell: Cell): string;
}

export interface GraphEvents extends GridEvents {
  edge(edge: GraphEdge | null): void;
  pressEdge(edge: GraphEdge): void;
}

const TOP = 18;
const NEAR = 5; // px from an edge that still point at it
const LEAST_COLUMN = 16;

interface Point {
  x: number;
  y: number;
}

export class LayerGraph {
  readonly el: HTMLElement;
  readonly #grid: CanvasGrid;
  #scene: GraphScene | null = null;
  #hovered: GraphEdge | null = null;

  constructor(label: string, events: GraphEvents, signal: AbortSignal) {
    this.#grid = new CanvasGrid(label, events, signal, "button");
    this.el = element("div", { class: "mw-graph" }, this.#grid.el);
    this.#grid.el.addEventListener("pointermove", (event) => this.#point(event, events));
    this.#grid.el.addEventListener("pointerleave", () => this.#look(null, events));
    this.#grid.el.addEventListener("click", (event) => {
      const edge = this.#edgeAt(event);
      if (edge) events.pressEdge(edge);
    });
  }

  draw(scene: GraphScene): void {
    this.#scene = scene;
    const { columns } = scene;
    const rows = Math.max(1, ...columns);
    const { column, row, radius } = sizes(scene);
    const exists = (at: number, layer: number): boolean => at < (columns[layer] ?? 0);
    this.#grid.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape: { rows, columns: columns.length, exists },
      geometry: {
        width: column * columns.length,
        height: TOP + row * rows,
        rect: (at, layer) => {
          const { x, y } = middle(scene, { row: at, column: layer });
          return { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius };
        },
        hit(x, y) {
          const [at, layer] = [Math.floor((y - TOP) / row), Math.floor(x / column)];
          if (at < 0 || !exists(at, layer)) return null;
          const node = middle(scene, { row: at, column: layer });
          const near = Math.hypot(x - node.x, y - node.y) <= Math.max(radius + 1, 5);
          return near ? { row: at, column: layer } : null;
        },
      },
      stamp: [...scene.stamp, scene.width, scene.theme, scene.edges, scene.lit, key(scene.focus)],
      paint: (context) => paint(context, scene),
      describe: scene.describe,
      pressed: (cell) => key(scene.focus) === key(cell),
    });
  }

  #point(event: PointerEvent, events: GraphEvents): void {
    const edge = this.#edgeAt(event);
    this.#look(edge, events);
    if (edge && event.target instanceof HTMLElement) event.target.style.cursor = "pointer";
  }

  #look(edge: GraphEdge | null, events: GraphEvents): void {
    if (edge === this.#hovered) return;
    this.#hovered = edge;
    events.edge(edge);
  }

  /** The edge under the pointer, unless a node is. */
  #edgeAt(event: MouseEvent): GraphEdge | null {
    const scene = this.#scene;
    if (!scene) return null;
    const box = this.#grid.el.getBoundingClientRect();
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    const { radius } = sizes(scene);
    let nearest: { edge: GraphEdge; far: number } | null = null;
    for (const edge of scene.edges) {
      const [from, to] = [middle(scene, edge.from), middle(scene, edge.to)];
      const ends = Math.min(distance(at, from), distance(at, to));
      const far = fromLine(at, from, to);
      if (ends > radius && far <= NEAR && far <= (nearest?.far ?? NEAR)) nearest = { edge, far };
    }
    return nearest?.edge ?? null;
  }
}

const key = (cell: Cell | null): string => (cell ? `${cell.row} ${cell.column}` : "");

function sizes({ columns, width }: GraphScene): { column: number; row: number; radius: number } {
  const rows = Math.max(1, ...columns);
  const column = Math.max(LEAST_COLUMN, Math.min(180, width / Math.max(1, columns.length)));
  const row = Math.max(6, Math.min(30, 330 / rows));
  return { column, row, radius: Math.max(2, Math.min(9, row / 2 - 1, column / 4)) };
}

function middle(scene: GraphScene, { row, column }: Cell): Point {
  const size = sizes(scene);
  return { x: (column + 0.5) * size.column, y: TOP + (row + 0.5) * size.row };
}

const distance = (one: Point, other: Point): number => Math.hypot(one.x - other.x, one.y - other.y);

function fromLine(at: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const share = ((at.x - from.x) * dx + (at.y - from.y) * dy) / (dx * dx + dy * dy || 1);
  const on = Math.max(0, Math.min(1, share));
  return distance(at, { x: from.x + on * dx, y: from.y + on * dy });
}

function paint(context: CanvasRenderingContext2D, scene: GraphScene): void {
  const [score, ink] = [ramp("sequential", scene.theme), ramp("ink", scene.theme)];
  const shade = (colours: readonly string[], weight: number): string =>
    colours[127 + Math.round(127 * weight)] ?? "";
  const focus = key(scene.focus);
  for (const edge of scene.edges) {
    const shown = !focus || key(edge.from) === focus || key(edge.to) === focus;
    if (edge === scene.lit) continue;
    const weight = shown ? 0.25 + 0.75 * edge.weight : 0.06;
    line(context, scene, edge, shade(score, weight), shown ? 0.75 + 2 * edge.weight : 0.5);
  }
  if (scene.lit) line(context, scene, scene.lit, shade(ink, 1), 2.5);
  const { radius } = sizes(scene);
  const ends = new Set(
    scene.edges
      .filter(({ from, to }) => !focus || key(from) === focus || key(to) === focus)
      .flatMap(({ from, to }) => [key(from), key(to)]),
  );
  scene.columns.forEach((n, column) => {
    for (let row = 0; row < n; row++) {
      const at = key({ row, column });
      const { x, y } = middle(scene, { row, column });
      context.beginPath();
      context.arc(x, y, at === focus ? radius + 1 : radius, 0, 2 * Math.PI);
      context.fillStyle = shade(ink, at === focus ? 1 : ends.has(at) ? 0.55 : 0.12);
      context.fill();
    }
  });
  paintNames(context, scene, shade(ink, 0.7));
}

function line(
  context: CanvasRenderingContext2D,
  scene: GraphScene,
  edge: GraphEdge,
  colour: string,
  width: number,
): void {
  const [from, to] = [middle(scene, edge.from), middle(scene, edge.to)];
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function paintNames(context: CanvasRenderingContext2D, scene: GraphScene, colour: string): void {
  const { column } = sizes(scene);
  const step = Math.ceil(22 / column);
  context.fillStyle = colour;
  context.font = "11px sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  scene.names.forEach((name, at) => {
    if (at % step === 0) context.fillText(name, (at + 0.5) * column, TOP / 2 - 2);
  });
}
