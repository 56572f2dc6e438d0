// What stands under a token that is pointed at: where it is, its id, and of one that is not what it
// looks like the characters and bytes that it is made of. In: a token, its place, and its partner in
// the other prompt. Out: a small sheet beside it, which a screen reader hears with the token.

import { element, setAttributes } from "../charts/dom";
import { Floating } from "../charts/floating";
import { type Character, charactersOf, isOdd, splitOf } from "../charts/token-bytes";
import { visible } from "../charts/token-text";
import type { TokenJson } from "../types";

const MOST_CHARACTERS = 8;
const LONGEST = 240;

export interface Detail {
  readonly tokens: readonly TokenJson[];
  readonly index: number;
  /** "" or "B": whose token it is. */
  readonly prompt: string;
  /** The one above or under it, where that is another. */
  readonly partner: { readonly prompt: string; readonly token: TokenJson | null } | null;
}

let sheets = 0;

export class TokenDetail {
  readonly el = element("div", { class: "mw-token-detail", role: "tooltip" });
  readonly #floating: Floating;
  #described: Element | null = null;

  constructor(signal: AbortSignal) {
    sheets += 1;
    this.el.id = `mw-token-detail-${sheets}`;
    this.#floating = new Floating(this.el, signal);
  }

  show(anchor: Element, detail: Detail): void {
    this.#describe(anchor);
    this.el.replaceChildren(...contentOf(detail));
    // Its partner under it is to be seen too.
    this.#floating.show(anchor.closest(".mw-token-column") ?? anchor);
  }

  hide(): void {
    this.#describe(null);
    this.#floating.hide();
  }

  get open(): boolean {
    return this.#floating.open;
  }

  #describe(anchor: Element | null): void {
    this.#described?.removeAttribute("aria-describedby");
    this.#described = anchor;
    if (anchor) setAttributes(anchor, { "aria-describedby": this.el.id });
  }
}

function contentOf({ tokens, index, prompt, partner }: Detail): HTMLElement[] {
  const token = tokens[index];
  if (!token) return [];
  const text = element("bdi", { class: "mw-detail-text" }, cut(visible(token.text)));
  const place = `${prompt ? `${prompt} · ` : ""}position ${index} of ${tokens.length}`;
  const facts = [place, `id ${token.id}`, ...(token.special ? ["special token"] : [])];
  const head = element("div", { class: "mw-detail-head" }, text);
  head.append(element("span", { class: "mw-muted" }, facts.join(" · ")));
  return [head, ...insideOf(tokens, index), ...partnerOf(partner)];
}

function insideOf(tokens: readonly TokenJson[], index: number): HTMLElement[] {
  const token = tokens[index] as TokenJson;
  const split = splitOf(tokens, index);
  if (split) {
    const { bytes, first, last, characters } = split;
    const words = element("div", { class: "mw-detail-words" }, "bytes ");
    words.append(element("code", {}, bytes), characters.length > 0 ? sharedBy(first, last) : LONE);
    return characters.length > 0 ? [words, rowsOf(characters)] : [words];
  }
  if (!isOdd(token)) return [];
  const characters = charactersOf(token.text, MOST_CHARACTERS);
  const rest = Array.from(token.text).length - characters.length;
  const more = element("div", { class: "mw-detail-words" }, `… and ${rest} more`);
  return rest > 0 ? [rowsOf(characters), more] : [rowsOf(characters)];
}

const LONE = " are no text, alone or with their neighbours";

const sharedBy = (first: number, last: number): string =>
  ` of the ${first === last ? "character" : `characters that the tokens ${first} to ${last} share`}:`;

function rowsOf(characters: readonly Character[]): HTMLElement {
  const rows = element("div", { class: "mw-detail-characters" });
  for (const { shown, code, kind, bytes } of characters) {
    rows.append(
      element("bdi", { class: "mw-detail-glyph" }, shown),
      element("span", {}, code),
      element("span", { class: "mw-muted" }, kind),
      element("code", {}, bytes),
    );
  }
  return rows;
}

function partnerOf(partner: Detail["partner"]): HTMLElement[] {
  if (!partner) return [];
  const words = element("div", { class: "mw-detail-words" }, `${partner.prompt}: `);
  if (partner.token === null) words.append("nothing stands here");
  else {
    const text = cut(visible(partner.token.text));
    words.append(element("bdi", { class: "mw-detail-partner" }, text), ` id ${partner.token.id}`);
  }
  return [words];
}

const cut = (text: string): string =>
  text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
