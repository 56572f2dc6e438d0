// What is around and behind text: backgrounds, borders, rings, and what ::before and ::after draw.
// In: computed styles. Out: rectangles, lines and glyphs.

import { fill, gradients, stroke } from "./paint";
import { type Box, node, type Sheet } from "./svg";
import { baselineOf, fontOf, measure } from "./text";

const px = (text: string): number => Number.parseFloat(text) || 0;

export function drawBox(style: CSSStyleDeclaration, box: Box, sheet: Sheet): SVGElement[] {
  if (box.width <= 0 || box.height <= 0) return [];
  const made: SVGElement[] = [];
  const corner = radiusOf(style, box);
  const behind = fill(style.backgroundColor);
  if (behind.fill !== "none") made.push(node("rect", { ...box, rx: corner, ...behind }));
  // What is painted as a small piece of its box, such as an arrow, is none of it.
  const whole = /^(auto|100%)/.test(style.backgroundSize || "auto");
  for (const paint of gradients(whole ? style.backgroundImage : "", box, sheet).reverse()) {
    made.push(node("rect", { ...box, rx: corner, fill: paint }));
  }
  made.push(...borders(style, box, corner));
  const ring = /^(rgba?\([^)]*\)|color\([^)]*\)) 0px 0px 0px ([\d.]+)px inset/.exec(
    style.boxShadow,
  );
  if (ring?.[1]) made.push(frame(box, corner, ring[1], px(ring[2] ?? "")));
  const edge = /^(rgba?\([^)]*\)|color\([^)]*\)) ([\d.]+)px 0px 0px 0px inset/.exec(
    style.boxShadow,
  );
  if (edge?.[1]) made.push(node("rect", { ...box, width: px(edge[2] ?? ""), ...fill(edge[1]) }));
  if (style.outlineStyle !== "none" && px(style.outlineWidth) > 0) {
    const away = px(style.outlineOffset) + px(style.outlineWidth);
    const { x, y, width, height } = box;
    const outer = { x: x - away, y: y - away, width: width + 2 * away, height: height + 2 * away };
    sheet.over.append(
      frame(outer, (corner ?? 0) + away, style.outlineColor, px(style.outlineWidth)),
    );
  }
  return made;
}

function radiusOf({ borderTopLeftRadius }: CSSStyleDeclaration, box: Box): number | null {
  const given = borderTopLeftRadius.endsWith("%")
    ? (px(borderTopLeftRadius) / 100) * box.width
    : px(borderTopLeftRadius);
  return given > 0 ? Math.min(given, box.width / 2, box.height / 2) : null;
}

/** A stroke of this width inside the box. */
function frame(
  box: Box,
  corner: number | null,
  colour: string,
  width: number,
  dash = "",
): SVGElement {
  const { x, y, width: across, height: down } = box;
  return node("rect", {
    x: x + width / 2,
    y: y + width / 2,
    width: Math.max(0, across - width),
    height: Math.max(0, down - width),
    rx: corner === null ? null : Math.max(0, corner - width / 2),
    fill: "none",
    "stroke-dasharray": dash || null,
    ...stroke(colour, width),
  });
}

function borders(style: CSSStyleDeclaration, box: Box, corner: number | null): SVGElement[] {
  const { x, y, width, height } = box;
  const sides = (["Top", "Right", "Bottom", "Left"] as const).map((side) => ({
    side,
    width: style[`border${side}Style`] === "none" ? 0 : px(style[`border${side}Width`]),
    colour: style[`border${side}Color`],
  }));
  const [first] = sides;
  if (!first) return [];
  if (
    first.width > 0 &&
    sides.every((one) => one.width === first.width && one.colour === first.colour)
  ) {
    const dash = style.borderTopStyle === "dashed" ? "4 3" : "";
    return [frame(box, corner, first.colour, first.width, dash)];
  }
  const place = (side: string, wide: number): Box => {
    if (side === "Top") return { x, y, width, height: wide };
    if (side === "Bottom") return { x, y: y + height - wide, width, height: wide };
    return { x: side === "Left" ? x : x + width - wide, y, width: wide, height };
  };
  return sides
    .filter((one) => one.width > 0 && fill(one.colour).fill !== "none")
    .map((one) => node("rect", { ...place(one.side, one.width), ...fill(one.colour) }));
}

/** What ::before or ::after draws; only where it is placed in its element, as our marks are. */
export function drawPseudo(
  el: Element,
  which: "::before" | "::after",
  box: Box,
  sheet: Sheet,
): SVGElement[] {
  const style = getComputedStyle(el, which);
  const { content, position, display } = style;
  if (content === "none" || content === "normal" || content === "" || display === "none") return [];
  if (position !== "absolute") return [];
  const own = getComputedStyle(el);
  const [left, top] = [px(own.borderLeftWidth), px(own.borderTopWidth)];
  const here = {
    x: box.x + left + px(style.left),
    y: box.y + top + px(style.top),
    width: px(style.width),
    height: px(style.height),
  };
  const text = contentOf(content, el);
  const drawn = drawBox(style, here, sheet);
  if (text) {
    const size = px(style.fontSize);
    const width = measure(text, style)?.width ?? size * 0.6;
    const halo = px(style.webkitTextStrokeWidth);
    drawn.push(
      node(
        "text",
        {
          x: here.x + (here.width - width) / 2,
          y: here.y + (here.height - size) / 2 + baselineOf(size, style),
          ...fontOf(style),
          ...fill(style.color),
          ...(halo > 0
            ? { "paint-order": "stroke", ...stroke(style.webkitTextStrokeColor, halo) }
            : {}),
        },
        text,
      ),
    );
  }
  const opacity = Number(style.opacity);
  return opacity < 1 ? [node("g", { opacity }, ...drawn)] : drawn;
}

function contentOf(content: string, el: Element): string {
  const named = /^attr\(([\w-]+)\)$/.exec(content);
  if (named?.[1]) return el.getAttribute(named[1]) ?? "";
  return content.replace(/^"(.*)"$/s, "$1").replace(/\\"/g, '"');
}
