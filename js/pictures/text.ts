// Text as text: each line of each text node where the page has it, as wide as the page has it, cut
// where the page cuts it. In: a text node and its style. Out: SVG text.

import { fill } from "./paint";
import { node, round, type Sheet, type Values } from "./svg";

interface Line {
  text: string;
  left: number;
  top: number;
  width: number;
  height: number;
}

const pen = (): CanvasRenderingContext2D | null =>
  document.createElement("canvas").getContext("2d");

export function fontOf(style: CSSStyleDeclaration): Values {
  return {
    "font-family": style.fontFamily,
    "font-size": style.fontSize,
    "font-weight": style.fontWeight === "400" ? null : style.fontWeight,
    "font-style": style.fontStyle === "normal" ? null : style.fontStyle,
  };
}

export function measure(text: string, style: CSSStyleDeclaration): TextMetrics | null {
  const context = pen();
  if (!context) return null;
  context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  return context.measureText(text);
}

/** How far the baseline is below the top of a line of this height. */
export function baselineOf(height: number, style: CSSStyleDeclaration): number {
  const found = measure("x", style);
  const [up, down] = [found?.fontBoundingBoxAscent ?? 0, found?.fontBoundingBoxDescent ?? 0];
  return up + down > 0 ? (height - up - down) / 2 + up : height * 0.78;
}

export function drawText(text: Text, style: CSSStyleDeclaration, sheet: Sheet): SVGElement[] {
  return linesOf(text, style).map((line) =>
    node(
      "text",
      {
        x: line.left - sheet.left,
        y: line.top - sheet.top + baselineOf(line.height, style),
        ...fontOf(style),
        ...fill(style.color),
        // Another machine has other fonts: the words keep their room.
        textLength: line.width > 1 ? round(line.width) : null,
        lengthAdjust: line.width > 1 ? "spacingAndGlyphs" : null,
        "xml:space": "preserve",
      },
      line.text,
    ),
  );
}

/** The lines of a text node as they stand on the page; none where nothing is seen. */
function linesOf(text: Text, style: CSSStyleDeclaration): Line[] {
  const content = text.data;
  if (!content.trim() && !style.whiteSpace.startsWith("pre")) return [];
  const range = document.createRange();
  range.selectNodeContents(text);
  const rects = Array.from(range.getClientRects()).filter(({ width }) => width > 0);
  const [only] = rects;
  if (!only) return [];
  const cut = cutOf(text);
  const sameLine = rects.every(({ top }) => Math.abs(top - only.top) < 2);
  if (sameLine) {
    const whole = range.getBoundingClientRect();
    if (cut !== null && whole.right > cut + 0.5) return [shortened(text, range, cut, style)];
    return [{ text: collapsed(content, style), ...sizeOf(whole) }];
  }
  return wrapped(text, range, style);
}

const sizeOf = ({ left, top, width, height }: DOMRect): Omit<Line, "text"> => ({
  left,
  top,
  width,
  height,
});

const collapsed = (text: string, { whiteSpace }: CSSStyleDeclaration): string =>
  whiteSpace.startsWith("pre") ? text : text.replace(/\s+/g, " ");

function wrapped(text: Text, range: Range, style: CSSStyleDeclaration): Line[] {
  const lines: (Line & { right: number })[] = [];
  let at = 0;
  for (const character of text.data) {
    range.setStart(text, at);
    at += character.length;
    range.setEnd(text, at);
    const rect = range.getBoundingClientRect();
    const last = lines.at(-1);
    if (rect.width === 0 && !last) continue;
    if (last && (rect.width === 0 || Math.abs(rect.top - last.top) < 2)) {
      last.text += character;
      last.right = Math.max(last.right, rect.right);
    } else lines.push({ text: character, ...sizeOf(rect), right: rect.right });
  }
  return lines.map(({ right, ...line }) => ({
    ...line,
    text: collapsed(line.text, style).trimEnd(),
    width: right - line.left,
  }));
}

/** Where the page cuts the text off with an ellipsis; null where it does not. */
function cutOf(text: Text): number | null {
  for (let el = text.parentElement, up = 0; el && up < 2; el = el.parentElement, up += 1) {
    const { textOverflow, paddingRight } = getComputedStyle(el);
    if (textOverflow !== "ellipsis" || el.scrollWidth <= el.clientWidth) continue;
    return (
      el.getBoundingClientRect().left +
      el.clientLeft +
      el.clientWidth -
      Number.parseFloat(paddingRight)
    );
  }
  return null;
}

function shortened(text: Text, range: Range, cut: number, style: CSSStyleDeclaration): Line {
  const dots = measure("…", style)?.width ?? 8;
  const whole = range.getBoundingClientRect();
  const characters = Array.from(text.data);
  let [low, high] = [0, characters.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    range.setStart(text, 0);
    range.setEnd(text, characters.slice(0, middle).join("").length);
    if (range.getBoundingClientRect().right <= cut - dots) low = middle;
    else high = middle - 1;
  }
  const kept = collapsed(characters.slice(0, low).join(""), style);
  return { ...sizeOf(whole), text: `${kept}…`, width: 0 };
}
