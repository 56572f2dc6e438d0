// One row of a continuation as prose: every token can be pointed at, by pointer or by arrow keys, and
// the first one that differs from the other row is underlined. Tokens are only ever added at the end,
// so that what stands there does not move while more is written.

import { element, setAttributes, setText } from "../charts/dom";
import { short, visible } from "../charts/token-text";
import type { Written } from "../wire/continuation";

const LONGEST = 60;

/** A token in running text: its spaces are spaces, and what cannot be seen has a sign. */
export function prose(text: string): string {
  const inner = text.replace(/^ +| +$/g, "");
  const [before, after] = [
    /^ */.exec(text)?.[0] ?? "",
    /\S/.test(text) ? / *$/.exec(text)?.[0] : "",
  ];
  if (inner === "") return text === "" ? "∅" : text;
  return `${before}${short(inner, LONGEST)}${after ?? ""}`;
}

export interface RowEvents {
  /** A token is looked at; null: none any more. */
  look(index: number | null): void;
}

export class ContinuationRow {
  readonly el: HTMLElement;
  readonly #label = element("div", { class: "mw-written-label mw-muted" });
  readonly #prefix = element("span", { class: "mw-written-prefix", "aria-hidden": "true" });
  readonly #text: HTMLElement;
  readonly #tokens: HTMLElement[] = [];
  #at: number | null = null;

  constructor(
    name: string,
    private readonly events: RowEvents,
  ) {
    this.#text = element("div", {
      class: "mw-written-text",
      role: "group",
      tabindex: 0,
      "data-testid": `mw-written-${name}`,
    });
    this.#text.append(this.#prefix);
    this.el = element("div", { class: `mw-written mw-written-${name}` }, this.#label, this.#text);
    this.#text.addEventListener("pointermove", ({ target }) => {
      const index = this.#tokens.indexOf(target as HTMLElement);
      if (index >= 0) this.#look(index);
    });
    this.#text.addEventListener("pointerleave", () => this.#look(null));
    this.#text.addEventListener("blur", () => this.#look(null));
    this.#text.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(
    label: string,
    prefix: string,
    row: readonly Written[],
    divergence: number | null,
    looked: number | null,
  ): void {
    setText(this.#label, label);
    setText(this.#prefix, prefix);
    while (this.#tokens.length > row.length) this.#tokens.pop()?.remove();
    row.forEach((token, i) => {
      const node = this.#tokens[i] ?? this.#add();
      setText(node, prose(token.text));
      setAttributes(node, {
        "data-diverges": i === divergence,
        "data-lit": i === looked,
        "data-special": token.special,
      });
    });
    const text = row.map((token) => token.text).join("");
    setAttributes(this.#text, { "aria-label": `${label}: ${visible(text)}` });
  }

  #add(): HTMLElement {
    const node = element("bdi", { class: "mw-written-token" });
    this.#tokens.push(node);
    this.#text.append(node);
    return node;
  }

  #look(index: number | null): void {
    if (index === this.#at) return;
    this.#at = index;
    this.events.look(index);
  }

  #key(event: KeyboardEvent): void {
    const last = this.#tokens.length - 1;
    const at = this.#at ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.#look(Math.max(0, Math.min(next, last)));
  }
}
