// The prompts that were asked before, as a menu: the newest first, the one of now marked. In: what
// this page has seen, completed by what the kernel remembers. Out: one of them runs again.

import { button, element, icon, setAttributes } from "../charts/dom";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import { recentPrompts } from "../wire/prompts";
import type { SessionClient } from "../wire/session-client";
import { Floating } from "./floating";

const LONGEST = 400;

export class PromptMenu {
  readonly button: HTMLButtonElement;
  readonly el = element("div", {
    class: "mw-prompt-menu",
    role: "menu",
    "aria-label": "Recent prompts, the newest first",
    "data-testid": "mw-recent",
  });
  readonly #floating: Floating;
  /** While items are replaced, the focus leaves one for a moment. */
  #filling = false;

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
      () => (this.#floating.open ? this.#close() : this.#open()),
      icon("clock"),
    );
    this.#floating = new Floating(this.el, signal);
    this.button.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown") return;
      event.preventDefault();
      this.#open();
    });
    this.el.addEventListener("keydown", (event) => this.#key(event));
    this.el.addEventListener("focusout", ({ relatedTarget }) => {
      const left = !(relatedTarget instanceof Node && this.el.contains(relatedTarget));
      if (left && relatedTarget !== this.button && !this.#filling) this.#floating.hide();
    });
    signal.addEventListener("abort", () => this.#floating.hide());
  }

  draw(enabled: boolean): void {
    setAttributes(this.button, {
      disabled: !enabled,
      "aria-expanded": String(this.#floating.open),
    });
  }

  #open(): void {
    this.#fill();
    this.#floating.show(this.button);
    this.#focus(0);
    setAttributes(this.button, { "aria-expanded": "true" });
    // Without an answer there is what this page has seen itself.
    recentPrompts(this.client)
      .then((prompts) => {
        this.store.set({ prompts });
        if (this.#floating.open) this.#fill();
      })
      .catch(() => {});
  }

  #close(): void {
    this.#floating.hide();
    setAttributes(this.button, { "aria-expanded": "false" });
    this.button.focus();
  }

  #fill(): void {
    const { prompts } = this.store.value;
    const shown = this.#items.map((item) => item.dataset.prompt);
    if (this.#items.length > 0 && JSON.stringify(shown) === JSON.stringify(prompts)) return;
    const at = this.#items.indexOf(this.#focused as HTMLElement);
    const now = this.client.state?.prompt ?? null;
    this.#filling = true;
    this.el.replaceChildren(
      ...(prompts.length > 0
        ? prompts.map((text) => this.#item(text, text === now))
        : [element("div", { class: "mw-menu-empty mw-muted" }, "No prompts as text yet.")]),
    );
    this.#filling = false;
    if (at >= 0) this.#focus(at);
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
        this.#close();
        if (!now) void this.client.setPrompt(text);
      },
      mark,
      element("bdi", { class: "mw-menu-text" }, shown),
    );
  }

  get #items(): HTMLElement[] {
    return Array.from(this.el.querySelectorAll<HTMLElement>(".mw-menu-item"));
  }

  get #focused(): Element | null {
    return this.#items.find((item) => item.matches(":focus")) ?? null;
  }

  #focus(index: number): void {
    const items = this.#items;
    const at = (index + items.length) % Math.max(1, items.length);
    items[at]?.focus();
  }

  #key(event: KeyboardEvent): void {
    const at = this.#items.indexOf(this.#focused as HTMLElement);
    const steps: Record<string, () => void> = {
      ArrowDown: () => this.#focus(at + 1),
      ArrowUp: () => this.#focus(at - 1),
      Home: () => this.#focus(0),
      End: () => this.#focus(-1),
      Escape: () => this.#close(),
      Tab: () => this.#close(),
    };
    const step = steps[event.key];
    if (!step) return;
    // Esc here means this menu, not the lock.
    event.stopPropagation();
    event.preventDefault();
    step();
  }
}
