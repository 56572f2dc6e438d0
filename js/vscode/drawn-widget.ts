// One widget on a page of our own, with whichever model is behind it now. In: an element and models,
// one after the other. Out: the views of mechwidget, drawn anew for each.

import type { AnyModel } from "@anywidget/types";
import { widget } from "../index";

export class DrawnWidget {
  readonly #el: HTMLElement;
  #scope = new AbortController();

  constructor(el: HTMLElement) {
    this.#el = el;
  }

  draw(model: AnyModel): void {
    this.clear();
    const { signal } = this.#scope;
    const made = widget();
    made.initialize({ model, signal });
    made.render({ model, el: this.#el, signal });
  }

  /** A sentence in its place, and what to do. */
  say(message: string, hint: string): void {
    this.clear();
    const notice = document.createElement("div");
    notice.className = "mwx-notice";
    notice.setAttribute("role", "alert");
    for (const [tag, text] of [
      ["strong", message],
      ["p", hint],
    ] as const) {
      const line = document.createElement(tag);
      line.textContent = text;
      notice.append(line);
    }
    this.#el.append(notice);
  }

  clear(): void {
    this.#scope.abort();
    this.#scope = new AbortController();
    this.#el.replaceChildren();
  }
}
