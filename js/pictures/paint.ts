// CSS colours and gradients as SVG can have them: hexadecimal with an opacity of its own, and linear
// gradients in the coordinates of the drawing. In: computed values. Out: attributes and definitions.

import { type Box, node, type Sheet } from "./svg";

export interface Colour {
  readonly hex: string;
  readonly opacity: number;
}

/** A computed colour; null where it is transparent or none. */
export function colourOf(text: string): Colour | null {
  const numbers = (text.match(/-?[\d.]+(?:e-?\d+)?%?/g) ?? []).map((one) =>
    one.endsWith("%") ? Number(one.slice(0, -1)) / 100 : Number(one),
  );
  const [r, g, b, alpha = 1] = numbers;
  if (r === undefined || g === undefined || b === undefined || alpha === 0) return null;
  if (text.startsWith("rgb")) return { hex: hex(r, g, b), opacity: alpha };
  // color-mix and its like compute to this.
  if (text.startsWith("color(srgb")) {
    return { hex: hex(r * 255, g * 255, b * 255), opacity: alpha };
  }
  return null;
}

export function fill(text: string): Record<string, string | number> {
  const colour = colourOf(text);
  if (!colour) return { fill: "none" };
  return colour.opacity < 1
    ? { fill: colour.hex, "fill-opacity": colour.opacity }
    : { fill: colour.hex };
}

export function stroke(text: string, width: number): Record<string, string | number> {
  const colour = colourOf(text);
  if (!colour || width <= 0) return {};
  const opacity = colour.opacity < 1 ? { "stroke-opacity": colour.opacity } : {};
  return { stroke: colour.hex, "stroke-width": width, ...opacity };
}

const hex = (...parts: number[]): string =>
  `#${parts
    .map((part) =>
      Math.round(Math.min(255, Math.max(0, part)))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;

/** The linear gradients of a background, the topmost first, as references to the sheet. */
export function gradients(image: string, box: Box, sheet: Sheet): string[] {
  return splitTop(image)
    .filter((one) => one.startsWith("linear-gradient("))
    .map((one) => gradient(one.slice("linear-gradient(".length, -1), box, sheet));
}

function gradient(inside: string, box: Box, sheet: Sheet): string {
  const parts = splitTop(inside);
  const along = directionOf(parts[0] ?? "", box);
  const stops = along.given ? parts.slice(1) : parts;
  const { x, y, width, height } = box;
  const [middleX, middleY] = [x + width / 2, y + height / 2];
  const length = Math.abs(width * along.dx) + Math.abs(height * along.dy);
  const made = node("linearGradient", {
    gradientUnits: "userSpaceOnUse",
    x1: middleX - (along.dx * length) / 2,
    y1: middleY - (along.dy * length) / 2,
    x2: middleX + (along.dx * length) / 2,
    y2: middleY + (along.dy * length) / 2,
  });
  const read = stops.flatMap((stop) => readStop(stop, length));
  read.forEach(({ colour, at }, i) => {
    const offset = at ?? i / Math.max(1, read.length - 1);
    const { hex: colourHex, opacity } = colour ?? { hex: "#000000", opacity: 0 };
    made.append(
      node("stop", {
        offset,
        "stop-color": colourHex,
        "stop-opacity": opacity < 1 ? opacity : null,
      }),
    );
  });
  return sheet.define(made);
}

const SIDES: Record<string, readonly [number, number]> = {
  top: [0, -1],
  bottom: [0, 1],
  left: [-1, 0],
  right: [1, 0],
};

function directionOf(
  text: string,
  { width, height }: Box,
): { dx: number; dy: number; given: boolean } {
  const degrees = /^(-?[\d.]+)deg$/.exec(text.trim());
  if (degrees) {
    const angle = (Number(degrees[1]) * Math.PI) / 180;
    return { dx: Math.sin(angle), dy: -Math.cos(angle), given: true };
  }
  if (!text.startsWith("to ")) return { dx: 0, dy: 1, given: false };
  const sides = text.slice(3).trim().split(/\s+/);
  const x = sides.reduce((sum, side) => sum + (SIDES[side]?.[0] ?? 0), 0);
  const y = sides.reduce((sum, side) => sum + (SIDES[side]?.[1] ?? 0), 0);
  if (sides.length < 2) return { dx: x, dy: y, given: true };
  // Towards a corner the middle line runs through the two others.
  const size = Math.hypot(width, height) || 1;
  return { dx: (x * height) / size, dy: (y * width) / size, given: true };
}

function readStop(text: string, length: number): { colour: Colour | null; at: number | null }[] {
  const [, paint = "", rest = ""] =
    /^((?:[a-z-]+\([^)]*\))|transparent|#\w+|[a-z]+)\s*(.*)$/s.exec(text.trim()) ?? [];
  const colour = colourOf(paint);
  const places = rest.match(/calc\([^)]*\)|-?[\d.]+(?:%|px)/g) ?? [];
  if (places.length === 0) return [{ colour, at: null }];
  return places.map((place) => ({ colour, at: offsetOf(place, length) }));
}

/** `50%`, `3px`, `calc(50% - 1px)` as a share of the line. */
function offsetOf(place: string, length: number): number {
  let total = 0;
  for (const [, sign, number, unit] of place.matchAll(/([+-]?)\s*([\d.]+)(%|px)/g)) {
    const size = unit === "%" ? Number(number) / 100 : Number(number) / (length || 1);
    total += sign === "-" ? -size : size;
  }
  return Math.min(1, Math.max(0, total));
}

/** Splits at the commas that are in no bracket. */
function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const character of text) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (character === "," && depth === 0) {
      parts.push(part.trim());
      part = "";
    } else part += character;
  }
  return [...parts, part.trim()].filter(Boolean);
}
