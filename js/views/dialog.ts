// A dialog over the page: the browser's own, so that focus stays inside, Esc closes it, and what lies
// behind cannot be reached. Keys that are pressed in it mean nothing to the view or to the notebook.

import { button, element, icon } from "../charts/dom";

let dialogs = 0;

export class Dialog {
  readonly el: HTMLDialogElement;
  readonly body = element("div", { class: "mw-dialog-body" });
  #opener: HTMLElement | null = null;

  constructor(title: string, testid: string) {
    dialogs += 1;
    const heading = element("h3", { id: `mw-dialog-${dialogs}` }, title);
    const close = button(
      { class: "mw-icon-button", "aria-label": "Close", title: "Close (Esc)" },
      () => this.close(),
      icon("cross"),
    );
    const head = element("div", { class: "mw-dialog-head" }, heading, close);
    this.el = element("dialog", {
      class: "mw-dialog",
      "aria-labelledby": heading.id,
      "data-testid": testid,
    });
    this.el.append(head, this.body);
    for (const type of ["keydown", "keyup"] as const)
      this.el.addEventListener(type, (event) => event.stopPropagation());
    this.el.addEventListener("click", (event) => {
      // On the backdrop, which belongs to the dialog itself.
      if (event.target === this.el && !this.#inside(event)) this.close();
    });
    this.el.addEventListener("close", () => this.#opener?.focus());
  }

  get shown(): boolean {
    return this.el.open;
  }

  open(opener: HTMLElement): void {
    if (this.shown) return;
    this.#opener = opener;
    this.el.showModal();
  }

  close(): void {
    if (this.shown) this.el.close();
  }

  #inside({ clientX, clientY }: MouseEvent): boolean {
    const { left, right, top, bottom } = this.el.getBoundingClientRect();
    return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
  }
}
