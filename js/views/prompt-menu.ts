// The prompts that were asked before, as a menu: the newest first, the one of now marked. In: what
// this page has seen, completed by what the kernel remembers. Out: one of them runs again.

import { button, element, icon, setAttributes } from "../charts/dom";
import { Menu } from "../charts/menu";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import { recentPrompts } from "../wire/prompts";
import type { SessionClient } from "../wire/session-client";

const LONGEST = 400;

export class PromptMenu {
  readonly button: HTMLButtonElement;
  readonly el = element("div", {
    class: "mw-prompt-menu",
    role: "menu",
    "aria-label": "Recent prompts, the newest first",
    "data-testid": "mw-recent",
  });
  readonly #menu: Menu;

  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    signal: AbortSignal,
  ) {
    this.button = button(
      {
        class: "mw-icon-button",
        "data-testid": "mw-recent-open",
        "aria-label": "Recent prompts",
        "aria-haspopup": "menu",
        title: "Recent prompts",
      },
      () => (this.#menu.open ? this.#menu.close() : this.#open()),
      icon("clock"),
    );
    this.#menu = new Menu(this.el, signal, () =>
      setAttributes(this.button, { "aria-expanded": "false" }),
    );
    this.button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      this.#open();
    });
  }

  draw(enabled: boolean): void {
    setAttributes(this.button, {
      disabled: !enabled,
      "aria-expanded": String(this.#menu.open),
    });
  }

  #open(): void {
    this.#fill();
    this.#menu.show(this.button);
    setAttributes(this.button, { "aria-expanded": "true" });
    // Without an answer there is what this page has seen itself.
    recentPrompts(this.client)
      .then((prompts) => {
        this.store.set({ prompts });
        if (this.#menu.open) this.#fill();
      })
      .catch(() => {});
  }

  #fill(): void {
    const { prompts } = this.store.value;
    const { items, at } = this.#menu;
    const shown = items.map((item) => item.dataset.prompt);
    if (items.length > 0 && JSON.stringify(shown) === JSON.stringify(prompts)) return;
    const now = this.client.state?.prompt ?? null;
    this.el.replaceChildren(
      ...(prompts.length > 0
        ? prompts.map((text) => this.#item(text, text === now))
        : [element("div", { class: "mw-menu-empty mw-muted" }, "No prompts as text yet.")]),
    );
    if (at >= 0) this.#menu.items.at(Math.min(at, prompts.length - 1))?.focus();
  }

  #item(text: string, now: boolean): HTMLElement {
    const shown = visible(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
    const mark = element("span", { class: "mw-menu-mark" }, ...(now ? [icon("check")] : []));
    return button(
      {
        class: "mw-menu-item",
        role: "menuitemradio",
        tabindex: -1,
        "aria-checked": String(now),
        "data-prompt": text,
        title: shown,
      },
      () => {
        this.#menu.close();
        if (!now) void this.client.setPrompt(text);
      },
      mark,
      element("bdi", { class: "mw-menu-text" }, shown),
    );
  }
}
