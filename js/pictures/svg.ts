// Nodes of an SVG, by the DOM and never by markup: what is text stays text. Characters that XML has
// no place for are replaced, so that the file can be read whatever a token holds.

const NS = "http://www.w3.org/2000/svg";

export type Values = Record<string, string | number | null | undefined>;

// Outside this set a file is not well-formed: controls, lone surrogates, U+FFFE and U+FFFF.
const NOT_XML = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

export const xmlText = (text: string): string => text.replace(NOT_XML, "\uFFFD");

export function node(
  name: string,
  values: Values = {},
  ...children: (Node | string)[]
): SVGElement {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === undefined) continue;
    made.setAttribute(key, typeof value === "number" ? round(value) : xmlText(value));
  }
  for (const child of children) made.append(typeof child === "string" ? xmlText(child) : child);
  return made;
}

/** Tenths of a pixel are enough, and files stay small. */
export const round = (value: number): string => String(Math.round(value * 100) / 100);

/** What holds for the whole drawing: where it begins, and what its parts refer to. */
export class Sheet {
  readonly defs = node("defs");
  /** Rings and outlines, which lie over their neighbours. */
  readonly over = node("g");
  #ids = 0;
  #bottom = 0;

  constructor(
    readonly left: number,
    readonly top: number,
  ) {}

  /** Something is drawn down to here. */
  reach(bottom: number): void {
    this.#bottom = Math.max(this.#bottom, bottom);
  }

  /** Where the last of what is drawn ends. */
  get bottom(): number {
    return this.#bottom;
  }

  /** Puts a definition on the sheet; its reference. */
  define(made: SVGElement): string {
    this.#ids += 1;
    const id = `d${this.#ids}`;
    made.setAttribute("id", id);
    this.defs.append(made);
    return `url(#${id})`;
  }
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
