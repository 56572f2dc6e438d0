// Elements without markup: every text becomes a text node, every attribute is written only when
// it changes, so that a redraw of an unchanged pane costs nothing and moves nothing.

export type Attributes = Record<string, string | number | boolean | null | undefined>;

const SVG = "http://www.w3.org/2000/svg";

export function setAttributes(node: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else {
      const text = value === true ? "" : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }
}

export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}

export function button(
  attributes: Attributes,
  onClick: (event: MouseEvent) => void,
  ...children: (Node | string)[]
): HTMLButtonElement {
  const node = element("button", { type: "button", ...attributes }, ...children);
  node.addEventListener("click", onClick);
  return node;
}

/** The focused element within a node, in the document or in a shadow root. */
export function focusedIn(node: Element): Element | null {
  const root = node.getRootNode() as Node & Partial<DocumentOrShadowRoot>;
  const active = root.activeElement ?? null;
  return active && node.contains(active) ? active : null;
}

/** A block of children that is rebuilt only when what it shows has another key. */
export function keyed(node: Element): (key: string, build: () => (Node | string)[]) => boolean {
  let shown: string | null = null;
  return (key, build) => {
    if (key === shown) return false;
    shown = key;
    node.replaceChildren(...build());
    return true;
  };
}

const ICONS = {
  pencil: "M10.5 3 13 5.5 5.5 13H3v-2.5z M9 4.5 11.5 7",
  pin: "M6 2.5h4 M6.5 2.5v4L4.5 9h7l-2-2.5v-4 M8 9v4.5",
  undo: "M6 3.5 3 6.5l3 3 M3 6.5h6.5a3 3 0 0 1 0 6H6",
  redo: "M10 3.5l3 3-3 3 M13 6.5H6.5a3 3 0 0 0 0 6H10",
  cross: "M4.5 4.5l7 7 M11.5 4.5l-7 7",
  swap: "M3 6h10l-3-3 M13 10H3l3 3",
  play: "M5 3.5v9l7.5-4.5z",
  stop: "M4.5 4.5h7v7h-7z",
  check: "M3.5 8.5l3 3 6-7",
} as const;

export type IconName = keyof typeof ICONS;

export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  setAttributes(svg, { viewBox: "0 0 16 16", class: "mw-icon", "aria-hidden": "true" });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
