// One section of the panel: a heading that folds it, and a body. In: a title. Out: the body, and ways
// to say that it is loading, empty, or in trouble.

import { button, element, setText } from "../charts/dom";
import { inWords } from "./connection";

export class Section {
  readonly el: HTMLElement;
  readonly body: HTMLElement;
  readonly #count: HTMLElement;
  readonly #note: HTMLElement;

  constructor(title: string, testid: string) {
    this.#count = element("span", { class: "mw-lab-count" });
    this.#note = element("p", { class: "mw-lab-note", role: "status", hidden: true });
    this.body = element("div", { class: "mw-lab-body" });
    const summary = element(
      "summary",
      { class: "mw-lab-title" },
      element("h3", {}, title),
      this.#count,
    );
    this.el = element(
      "details",
      { class: "mw-lab-section", open: true, "data-testid": testid },
      summary,
      this.#note,
      this.body,
    );
  }

  /** How many there are; null while that is not known. */
  count(n: number | null): void {
    setText(this.#count, n === null ? "" : String(n));
  }

  /** A sentence above the body; empty for none. */
  say(words: string, isTrouble = false): void {
    setText(this.#note, words);
    this.#note.hidden = words === "";
    this.#note.toggleAttribute("data-trouble", isTrouble);
  }

  /** What went wrong, and a way to try again. */
  fail(error: unknown, again: () => void): void {
    this.say(inWords(error), true);
    this.#note.append(" ", button({ class: "mw-lab-link" }, again, "Try again"));
  }
}
