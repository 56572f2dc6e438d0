// A part of the page as a drawing: its boxes as rectangles, its words as text, its canvases as images,
// in the colours that it has now. What is there to be pressed and says nothing is left out.
// In: an element that is on the page. Out: a group of SVG nodes, in the element's own coordinates.

import { drawBox, drawPseudo } from "./box";
import { fill } from "./paint";
import { type Box, node, Sheet, xmlText } from "./svg";
import { baselineOf, drawText, fontOf } from "./text";

/** Controls, and what only a screen reader hears. */
const LEFT_OUT = [
  ".mw-icon-button",
  ".mw-button",
  ".mw-switch",
  ".mw-chip-remove",
  ".mw-strength-slider",
  ".mw-neuron-clamp-line",
  ".mw-tools",
  ".mw-picture-menu",
  ".mw-readout-words",
  ".mw-readout-hint",
  "[data-mw-convention]", // the caption says it
  "[role=status]",
  "[role=tab]:not([aria-selected=true])",
  ".mw-segments > [aria-pressed=false]",
].join(", ");

/** Frames around controls whose words are kept. */
const FRAMELESS = "select, input, textarea, .mw-segments";

const MARGIN = 8;

export interface Drawing {
  readonly body: SVGElement;
  readonly defs: SVGElement;
  readonly width: number;
  readonly height: number;
}

export function drawElement(root: Element): Drawing {
  const rect = root.getBoundingClientRect();
  const sheet = new Sheet(rect.left, rect.top);
  const body = node("g");
  draw(root, body, sheet);
  body.append(sheet.over);
  // A pane may be as tall as its column: what is empty below is no part of the picture.
  const height = Math.min(rect.height, sheet.bottom + MARGIN);
  return { body, defs: sheet.defs, width: rect.width, height };
}

function draw(el: Element, into: SVGElement, sheet: Sheet): void {
  if (el.matches(LEFT_OUT)) return;
  const style = getComputedStyle(el);
  const opacity = Number(style.opacity);
  if (style.display === "none" || opacity === 0) return;
  const rect = el.getBoundingClientRect();
  const box = {
    x: rect.left - sheet.left,
    y: rect.top - sheet.top,
    width: rect.width,
    height: rect.height,
  };
  const group = opacity < 1 ? into.appendChild(node("g", { opacity })) : into;
  const turned = turnOf(style);
  if (turned) {
    if (style.visibility === "hidden") return;
    drawTurned(el, turned, style, box, group);
    sheet.reach(box.y + box.height);
    return;
  }
  if (style.visibility !== "hidden") {
    const behind = el.matches(FRAMELESS) ? [] : drawBox(style, box, sheet);
    const own = drawOwn(el, style, box);
    for (const one of behind) sheet.reach(bottomOf(one));
    if (own.length > 0) sheet.reach(box.y + box.height);
    group.append(...behind, ...drawPseudo(el, "::before", box, sheet), ...own);
  }
  if (el instanceof SVGElement) return;
  const inside = clipped(el, style, box, group, sheet);
  for (const child of Array.from(el.childNodes)) {
    if (child instanceof Element) draw(child, inside, sheet);
    else if (child instanceof Text && style.visibility !== "hidden" && !isField(el)) {
      const lines = drawText(child, style, sheet);
      if (lines.length > 0) sheet.reach(box.y + box.height);
      inside.append(...lines);
    }
  }
  if (style.visibility !== "hidden") group.append(...drawPseudo(el, "::after", box, sheet));
}

const bottomOf = (rect: SVGElement): number =>
  Number(rect.getAttribute("y")) + Number(rect.getAttribute("height"));

const isField = (el: Element): el is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement =>
  el instanceof HTMLInputElement ||
  el instanceof HTMLSelectElement ||
  el instanceof HTMLTextAreaElement;

/** What an element shows that is no child of it: a canvas, an icon, what stands in a field. */
function drawOwn(el: Element, style: CSSStyleDeclaration, box: Box): SVGElement[] {
  if (el instanceof HTMLCanvasElement) {
    if (el.width === 0 || el.height === 0) return [];
    const image = { ...box, href: el.toDataURL("image/png"), preserveAspectRatio: "none" };
    return [node("image", { ...image, style: "image-rendering:pixelated" })];
  }
  if (el instanceof SVGSVGElement) return [icon(el, box)];
  if (!isField(el)) return [];
  const words = el instanceof HTMLSelectElement ? (el.selectedOptions[0]?.text ?? "") : el.value;
  const left = Number.parseFloat(style.paddingLeft) + Number.parseFloat(style.borderLeftWidth);
  const size = Number.parseFloat(style.fontSize);
  const y = box.y + (box.height - size) / 2 + baselineOf(size, style);
  return [node("text", { x: box.x + left, y, ...fontOf(style), ...fill(style.color) }, words)];
}

function icon(el: SVGSVGElement, box: Box): SVGElement {
  const copy = el.cloneNode(true) as SVGSVGElement;
  const [from, to] = [el, copy].map((one) => [one, ...Array.from(one.querySelectorAll("*"))]);
  (from ?? []).forEach((original, i) => {
    const { fill: filled, stroke: lined, strokeWidth } = getComputedStyle(original);
    const target = to?.[i];
    for (const name of ["class", "style"]) target?.removeAttribute(name);
    target?.setAttribute("fill", xmlText(filled));
    target?.setAttribute("stroke", xmlText(lined));
    target?.setAttribute("stroke-width", xmlText(strokeWidth));
  });
  for (const [name, value] of Object.entries(box)) copy.setAttribute(name, String(value));
  return copy;
}

/** The group for the children: cut off where the page cuts them off. */
function clipped(
  el: Element,
  style: CSSStyleDeclaration,
  box: Box,
  group: SVGElement,
  sheet: Sheet,
): SVGElement {
  const cuts = style.overflowX !== "visible" || style.overflowY !== "visible";
  const spills = el.scrollWidth > el.clientWidth + 1 || el.scrollHeight > el.clientHeight + 1;
  if (!cuts || !spills) return group;
  const [left, top] = [el.clientLeft, el.clientTop];
  const inner = {
    x: box.x + left,
    y: box.y + top,
    width: el.clientWidth || box.width,
    height: el.clientHeight || box.height,
  };
  const path = sheet.define(node("clipPath", {}, node("rect", inner)));
  return group.appendChild(node("g", { "clip-path": path }));
}

/** The turning part of a transform; null where a thing is only moved. */
function turnOf({ transform }: CSSStyleDeclaration): number[] | null {
  const numbers = /^matrix\((.*)\)$/.exec(transform)?.[1]?.split(",").map(Number) ?? [];
  const [, b = 0, c = 0] = numbers;
  return Math.abs(b) > 1e-6 || Math.abs(c) > 1e-6 ? numbers.slice(0, 4) : null;
}

/** Turned words: what stands around the middle of a box on the page is turned around it here. */
function drawTurned(
  el: Element,
  turn: number[],
  style: CSSStyleDeclaration,
  box: Box,
  into: SVGElement,
): void {
  if (!(el instanceof HTMLElement) || !el.textContent) return;
  const [width, height] = [el.offsetWidth, el.offsetHeight];
  const middle = `${box.x + box.width / 2} ${box.y + box.height / 2}`;
  const size = Number.parseFloat(style.fontSize);
  const y = (height - size) / 2 + baselineOf(size, style) - height / 2;
  const words = node(
    "text",
    { x: -width / 2, y, ...fontOf(style), ...fill(style.color), "xml:space": "preserve" },
    el.textContent,
  );
  const turned = `matrix(${turn.join(" ")} 0 0)`;
  into.append(node("g", { transform: `translate(${middle}) ${turned}` }, words));
}
