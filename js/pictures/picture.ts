// The picture that is saved: the drawing on its ground, and under it what it is of, in words. All in
// one file that asks nothing of anybody: no script, no font, no address.

import type { Drawing } from "./element";
import { fill } from "./paint";
import { node, xmlText } from "./svg";
import { measure } from "./text";

export interface Caption {
  readonly title: string;
  /** What it is of: model, prompt, edits, metric, conventions. */
  readonly lines: readonly string[];
}

const MARGIN = 16;
const LINE = 16;
const NARROWEST = 320;
const MOST_LINES = 14;

/** `style` is that of an element in the same theme: its colours and its typeface. */
export function composeSvg(
  drawing: Drawing,
  caption: Caption,
  style: CSSStyleDeclaration,
  ground: string,
): string {
  const width = Math.max(NARROWEST, Math.ceil(drawing.width));
  const lines = caption.lines.flatMap((line) => wrap(line, width - 2 * MARGIN, style));
  const shown = lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), "…"] : lines;
  const below = Math.ceil(drawing.height);
  const height = below + MARGIN + (shown.length + 1) * LINE + MARGIN / 2;
  const text = { "font-family": style.fontFamily, ...fill(style.color) };
  const words = [caption.title, ...shown].map((line, i) => {
    const heading =
      i === 0 ? { "font-size": "12px", "font-weight": "600" } : { "font-size": "11px" };
    const y = below + MARGIN + i * LINE + 8;
    return node("text", { x: MARGIN, y, ...text, ...heading }, line);
  });
  const svg = node(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
    },
    node("title", {}, caption.title),
    node("desc", {}, caption.lines.join("\n")),
    drawing.defs,
    node("rect", { width, height, ...fill(ground) }),
    drawing.body,
    node("g", { class: "caption" }, ...words),
  );
  // An attribute of our own, since serialisers may write the namespace a second time.
  svg.removeAttribute("xmlns");
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(svg)}\n`;
}

/** Lines that fit; a word that does not fit is cut by characters. */
function wrap(text: string, width: number, style: CSSStyleDeclaration): string[] {
  const fits = (line: string): boolean => {
    const found = measure(line, style);
    const scale = 11 / (Number.parseFloat(style.fontSize) || 13);
    return (found ? found.width * scale : line.length * 6) <= width;
  };
  const lines: string[] = [];
  let line = "";
  for (const word of xmlText(text).split(/(?<=\s)/)) {
    if (fits(line + word)) {
      line += word;
      continue;
    }
    if (line) lines.push(line.trimEnd());
    line = "";
    for (const character of word) {
      if (fits(line + character)) line += character;
      else {
        lines.push(line);
        line = character;
      }
      if (lines.length > MOST_LINES) return lines;
    }
  }
  return [...lines, line.trimEnd()].filter(Boolean);
}
