// A head map of many thousand cells on one canvas; same scene, same events, same words as the one
// made of elements (head-elements.ts).

import { CanvasGrid, type Geometry, type Rect } from "./canvas-grid";
import {
  cellName,
  gap,
  type HeadCell,
  type HeadChart,
  type HeadEvents,
  type HeadScene,
  headGeometry,
  type Tone,
} from "./head-grid";

interface Inks {
  ground: string;
  line: string;
  tones: Record<Tone, string>;
  ring: string;
}

const TAU = 2 * Math.PI;
const ROOM_FOR_A_GLYPH = 9;

export class HeadCanvas implements HeadChart {
  readonly #grid: CanvasGrid;

  constructor(events: HeadEvents, signal: AbortSignal) {
    this.#grid = new CanvasGrid("Heads", events, signal, "button");
  }

  get el(): HTMLElement {
    return this.#grid.el;
  }

  draw(scene: HeadScene): void {
    const geometry = headGeometry(scene);
    this.el.setAttribute("aria-label", scene.label);
    this.#grid.draw({
      shape: scene.shape,
      geometry,
      describe: scene.describe,
      pressed: ({ row, column }) => scene.cell(row, column).mark === "whole",
      paint: (context) => paintCells(context, scene, geometry, inksOf(this.el)),
    });
    const { row, column } = this.#grid.at;
    this.#grid.cursor.dataset.testid = cellName(row, column, scene.heads);
  }
}

function inksOf(el: HTMLElement): Inks {
  const style = getComputedStyle(el);
  const read = (name: string): string => style.getPropertyValue(name).trim() || "#888";
  return {
    ground: read("--mw-ground"),
    line: read("--mw-line"),
    tones: {
      ablate: read("--mw-ablate"),
      patch: read("--mw-patch"),
      steer: read("--mw-steer"),
      mixed: read("--mw-ink"),
    },
    ring: read("--mw-ink"),
  };
}

function paintCells(
  context: CanvasRenderingContext2D,
  scene: HeadScene,
  geometry: Geometry,
  inks: Inks,
): void {
  const marked: [HeadCell, Rect][] = [];
  for (let row = 0; row < scene.shape.rows; row++) {
    for (let column = 0; column < scene.shape.columns; column++) {
      if (!scene.shape.exists(row, column)) continue;
      const cell = scene.cell(row, column);
      const rect = geometry.rect(row, column);
      paintCell(context, cell, rect, scene, inks);
      if (cell.mark || cell.pending || cell.locked || cell.lit) marked.push([cell, rect]);
    }
  }
  // Marks reach over their neighbours, so they come after every fill.
  for (const [cell, rect] of marked) paintMark(context, cell, rect, scene.size, inks);
}

function paintCell(
  context: CanvasRenderingContext2D,
  cell: HeadCell,
  { x, y, width, height }: Rect,
  scene: HeadScene,
  inks: Inks,
): void {
  const fill = scene.ramp[cell.level];
  if (fill) {
    context.fillStyle = fill;
    context.fillRect(x, y, width, height);
    return;
  }
  context.fillStyle = inks.line;
  const dot = Math.max(1, scene.size / 6);
  context.beginPath();
  context.arc(x + width / 2, y + height / 2, dot / 2, 0, TAU);
  context.fill();
}

function paintMark(
  context: CanvasRenderingContext2D,
  cell: HeadCell,
  { x, y, width, height }: Rect,
  size: number,
  inks: Inks,
): void {
  const strokeBoth = (path: () => void, ink: string, thick: number): void => {
    for (const [style, wide] of [
      [inks.ground, thick + 2],
      [ink, thick],
    ] as const) {
      context.beginPath();
      path();
      context.strokeStyle = style;
      context.lineWidth = wide;
      context.stroke();
    }
  };
  const out = gap(size) + 0.5;
  const tone = inks.tones[cell.tone ?? "ablate"];
  context.setLineDash(cell.pending ? [2, 2] : []);
  if (cell.mark === "off" || cell.mark === "edit") {
    strokeBoth(() => context.rect(x, y, width, height), tone, cell.mark === "off" ? 1 : 2);
  } else if (cell.mark || cell.pending) {
    const strike = (): void => {
      context.moveTo(x, y + height);
      context.lineTo(x + width, y);
      if (cell.mark !== "whole") return;
      context.moveTo(x, y);
      context.lineTo(x + width, y + height);
    };
    strokeBoth(strike, tone, 1.5);
  }
  context.setLineDash([]);
  if (cell.glyph && size >= ROOM_FOR_A_GLYPH) {
    const middle = [x + width / 2, y + height / 2] as const;
    context.font = `700 ${Math.round(size * 0.6)}px ui-monospace, monospace`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    context.strokeStyle = inks.ground;
    context.strokeText(cell.glyph, ...middle);
    context.fillStyle = tone;
    context.fillText(cell.glyph, ...middle);
  }
  if (!cell.locked && !cell.lit) return;
  const ring = (): void => context.rect(x - out, y - out, width + 2 * out, height + 2 * out);
  strokeBoth(ring, inks.ring, cell.locked ? 2 : 1);
}
