// A prompt edited where it stands, or several, one per line: Enter (Ctrl+Enter) takes what was typed,
// Esc keeps the old, a refusal is said right here with the typed text still in place.

import { button, element, setAttributes } from "../charts/dom";
import type { SessionClient } from "../wire/session-client";
import { drawFieldNote } from "./field-note";

const MOST_EARLIER = 6;
const HINT = "Enter runs · Shift+Enter new line · Esc keeps the old prompt";

/** Which prompt is edited, and how the kernel is asked for another. */
export interface PromptWish {
  readonly op: "set_prompt" | "set_other_prompt" | "set_reference" | "set_corpus";
  readonly label: string;
  readonly testid: string;
  /** The text as it is; null where it was given as ids, or is none. */
  now(): string | null;
  readonly placeholder: string;
  /** Does Enter end a line here, and Ctrl+Enter say that it is done? */
  readonly lines?: boolean;
  /** What the button says that takes what was typed. */
  readonly done?: string;
  /** Texts that a person may want again, newest first. */
  earlier(): readonly string[];
  ask(prompt: string): Promise<boolean>;
}

export class PromptEditor {
  readonly el = element("div", { class: "mw-prompt-editor", hidden: true });
  readonly #input: HTMLTextAreaElement;
  readonly #earlier = element("div", {
    class: "mw-earlier",
    role: "group",
    "aria-label": "Earlier prompts",
  });
  readonly #note = element("div", { class: "mw-field-note", role: "status" });
  readonly #run: HTMLButtonElement;
  #asked = false;
  #hint = HINT;

  constructor(
    private readonly client: SessionClient,
    private readonly wish: PromptWish,
    private readonly onClosed: () => void,
  ) {
    this.#input = element("textarea", {
      class: "mw-input mw-prompt-input",
      rows: 1,
      spellcheck: "false",
      dir: "auto",
      "aria-label": wish.label,
      "data-testid": wish.testid,
    });
    this.#run = button(
      { class: "mw-button mw-primary" },
      () => void this.#submit(),
      wish.done ?? "Run",
    );
    const cancel = button({ class: "mw-button" }, () => this.#close(), "Cancel");
    const actions = element("div", { class: "mw-prompt-actions" }, this.#note, cancel, this.#run);
    this.el.append(this.#input, this.#earlier, actions);
    this.#input.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows the field, with what is to be known of its keys under it. */
  open(hint = HINT): void {
    if (!this.el.hidden) return;
    this.#hint = hint;
    const prompt = this.wish.now();
    this.#input.value = prompt ?? "";
    setAttributes(this.#input, { placeholder: prompt === null ? this.wish.placeholder : null });
    this.#offer(prompt);
    this.#show(true);
    this.draw();
    this.#input.focus();
    this.#input.select();
  }

  draw(): void {
    if (this.el.hidden) return;
    drawFieldNote(this.#note, [this.#input], this.client, this.wish.op, this.#hint);
    setAttributes(this.#run, { disabled: this.#asked });
  }

  #show(open: boolean): void {
    this.el.hidden = !open;
    this.el.parentElement?.toggleAttribute("data-editing", open);
  }

  #close(): void {
    if (this.client.lastError?.op === this.wish.op) this.client.dismissError();
    this.#show(false);
    this.onClosed();
  }

  #offer(now: string | null): void {
    const texts = this.wish
      .earlier()
      .filter((text) => text !== now)
      .slice(0, MOST_EARLIER);
    const take = (text: string) => (): void => {
      this.#input.value = text;
      this.#input.focus();
    };
    this.#earlier.replaceChildren(
      ...texts.map((text) => {
        const words = element("bdi", { class: "mw-earlier-text" }, text);
        return button({ class: "mw-button mw-earlier-prompt", title: text }, take(text), words);
      }),
    );
    this.#earlier.hidden = texts.length === 0;
  }

  async #submit(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    this.draw();
    const agreed = await this.wish.ask(this.#input.value);
    this.#asked = false;
    if (this.el.hidden) return;
    if (agreed) this.#close();
    else this.#input.focus();
    this.draw();
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const done = this.wish.lines ? event.ctrlKey || event.metaKey : !event.shiftKey;
    if (event.key === "Enter" && done) {
      event.preventDefault();
      void this.#submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      // Esc here means this field, not the lock.
      event.stopPropagation();
      this.#close();
    }
  }
}
