// The strokes of a head map on a canvas: a cell's fill and number, what a person did to it, the
// residual stream, a layer without heads, the ring around what is pointed at.

import type { Geometry, Rect } from "./canvas-grid";
import type { Cell } from "./grid-keys";
import { type HeadCell, type HeadScene, ROOM_FOR_TEXT, type Tone } from "./head-grid";

type Pencil = CanvasRenderingContext2D;

export interface Inks {
  ground: string;
  line: string;
  control: string;
  tones: Record<Tone, string>;
  ring: string;
  font: string;
}

const TAU = 2 * Math.PI;
const ROOM_FOR_A_GLYPH = 9;

export function inksOf(el: HTMLElement): Inks {
  const style = getComputedStyle(el);
  const read = (name: string): string => style.getPropertyValue(name).trim() || "#888";
  return {
    ground: read("--mw-ground"),
    line: read("--mw-line"),
    control: read("--mw-control"),
    tones: {
      ablate: read("--mw-ablate"),
      patch: read("--mw-patch"),
      steer: read("--mw-steer"),
      mixed: read("--mw-ink"),
    },
    ring: read("--mw-ink"),
    font: style.fontFamily || "sans-serif",
  };
}

export function paintCell(
  context: Pencil,
  { level }: HeadCell,
  { x, y, width, height }: Rect,
  scene: HeadScene,
  cell: Cell,
  inks: Inks,
): void {
  const fill = scene.ramp[level];
  if (!fill) {
    context.fillStyle = inks.line;
    disc(context, x + width / 2, y + height / 2, Math.max(1, Math.min(3, scene.size / 6)) / 2);
    return;
  }
  context.fillStyle = fill;
  if (scene.size < 12) context.fillRect(x, y, width, height);
  else {
    context.beginPath();
    context.roundRect(x, y, width, height, 3);
    context.fill();
  }
  if (!scene.prints || scene.size < ROOM_FOR_TEXT) return;
  const { text, ink } = scene.print(cell);
  context.font = `11px ${inks.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.fillText(text, x + width / 2, y + height / 2);
}

/** The stream runs on from layer to layer; a dot is where it can be taken hold of. */
export function paintStream(
  context: Pencil,
  { x, y, width, height }: Rect,
  size: number,
  inks: Inks,
): void {
  const middle = x + width / 2;
  context.fillStyle = inks.control;
  context.fillRect(middle - 0.5, y, 1, size);
  if (size >= 6) disc(context, middle, y + height / 2, Math.min(3, size / 5));
}

export function paintGap(
  context: Pencil,
  row: number,
  { columns, size }: HeadScene,
  geometry: Geometry,
  inks: Inks,
): void {
  const first = columns.findIndex(({ kind }) => kind === "head");
  const last = first + columns.filter(({ kind }) => kind === "head").length - 1;
  const [from, to] = [geometry.rect(row, first), geometry.rect(row, last)];
  context.fillStyle = inks.line;
  context.fillRect(from.x, from.y + size / 2 - 0.5, to.x + to.width - from.x, 1);
}

export function paintMark(
  context: Pencil,
  cell: HeadCell,
  { x, y, width, height }: Rect,
  size: number,
  inks: Inks,
): void {
  const tone = inks.tones[cell.tone ?? "ablate"];
  const pending = cell.pending || cell.painted;
  context.setLineDash(pending ? [2, 2] : []);
  if (cell.mark === "off" || cell.mark === "edit") {
    const thick = cell.mark === "off" ? 1 : 2;
    haloed(context, () => context.rect(x, y, width, height), tone, thick, inks);
  } else if (cell.mark) {
    const strike = (): void => {
      context.moveTo(x, y + height);
      context.lineTo(x + width, y);
      if (cell.mark !== "whole") return;
      context.moveTo(x, y);
      context.lineTo(x + width, y + height);
    };
    haloed(context, strike, tone, 1.5, inks);
  }
  if (pending && !cell.mark) {
    haloed(context, () => context.rect(x, y, width, height), tone, 1.5, inks);
  }
  context.setLineDash([]);
  if (!cell.glyph || size < ROOM_FOR_A_GLYPH) return;
  const middle = [x + width / 2, y + height / 2] as const;
  context.font = `700 ${Math.round(Math.min(20, size * 0.6))}px ui-monospace, monospace`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = inks.ground;
  context.strokeText(cell.glyph, ...middle);
  context.fillStyle = tone;
  context.fillText(cell.glyph, ...middle);
}

export function paintRing(
  context: Pencil,
  { x, y, width, height }: Rect,
  out: number,
  thick: number,
  inks: Inks,
): void {
  const ring = (): void => context.rect(x - out, y - out, width + 2 * out, height + 2 * out);
  haloed(context, ring, inks.ring, thick, inks);
}

function disc(context: Pencil, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, TAU);
  context.fill();
}

/** In its colour on a halo of the ground, so that it is seen on every fill. */
function haloed(
  context: Pencil,
  path: () => void,
  ink: string,
  thick: number,
  { ground }: Inks,
): void {
  for (const [style, wide] of [
    [ground, thick + 2],
    [ink, thick],
  ] as const) {
    context.beginPath();
    path();
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke();
  }
}
