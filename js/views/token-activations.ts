// Tokens with what a neuron does at each: the text on the colour of its activation, the number under
// it where there is room. In: texts and values. Out: elements, each of which knows its position.

import { colour, inkOn, type Theme } from "../charts/colour";
import { element } from "../charts/dom";
import { plain } from "../charts/format";
import { short, visible } from "../charts/token-text";

export interface TokenLook {
  readonly text: string;
  readonly special?: boolean;
  readonly at: number;
  readonly value: number;
}

const LONGEST = 14;

/** One token; `max` is what the scale is full at. */
export function tokenActivation(
  { text, special, at, value }: TokenLook,
  max: number,
  theme: Theme,
  numbered: boolean,
): HTMLElement {
  const label = short(text, LONGEST);
  // Running text reads as text: the space before a word is a space.
  const said = numbered ? label : label.replace(/^·(?=.)/u, " ");
  const word = element("bdi", { class: "mw-neuron-token-text" }, said);
  word.style.backgroundColor = colour(value, max, "diverging", theme) ?? "";
  word.style.color = Number.isNaN(value) ? "" : inkOn(value, max, "diverging", theme);
  const node = element(
    "span",
    {
      class: "mw-neuron-token",
      role: numbered ? "listitem" : null,
      "data-at": at,
      "data-special": special,
      title: `${visible(text)} (${at}): ${plain(value)}`,
    },
    word,
  );
  if (numbered) node.append(element("span", { class: "mw-neuron-token-number" }, plain(value)));
  return node;
}

/** The position of the token that an event is about. */
export function tokenOf(event: Event): number | null {
  const node = event.target instanceof Element ? event.target.closest("[data-at]") : null;
  return node instanceof HTMLElement ? Number(node.dataset.at) : null;
}
