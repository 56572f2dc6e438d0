// The prompt edited where it stands: Enter runs it, Esc keeps the old one, a refusal is said right
// here with the typed text still in place.

import { button, element, setAttributes } from "../charts/dom";
import type { SessionClient } from "../wire/session-client";
import { drawFieldNote } from "./field-note";

const HINT = "Enter runs · Shift+Enter new line · Esc keeps the old prompt";
const BY_IDS = "The prompt was given as token ids; type a new one";

export class PromptEditor {
  readonly el = element("div", { class: "mw-prompt-editor", hidden: true });
  readonly #input = element("textarea", {
    class: "mw-input mw-prompt-input",
    rows: 1,
    spellcheck: "false",
    dir: "auto",
    "aria-label": "Prompt",
    "data-testid": "mw-prompt-input",
  });
  readonly #note = element("div", { class: "mw-field-note", role: "status" });
  readonly #run: HTMLButtonElement;
  #asked = false;

  constructor(
    private readonly client: SessionClient,
    private readonly onClosed: () => void,
  ) {
    this.#run = button({ class: "mw-button mw-primary" }, () => void this.#submit(), "Run");
    const cancel = button({ class: "mw-button" }, () => this.#close(), "Cancel");
    const actions = element("div", { class: "mw-prompt-actions" }, this.#note, cancel, this.#run);
    this.el.append(this.#input, actions);
    this.#input.addEventListener("keydown", (event) => this.#key(event));
  }

  open(): void {
    if (!this.el.hidden) return;
    const prompt = this.client.state?.prompt ?? null;
    this.#input.value = prompt ?? "";
    setAttributes(this.#input, { placeholder: prompt === null ? BY_IDS : null });
    this.#show(true);
    this.draw();
    this.#input.focus();
    this.#input.select();
  }

  draw(): void {
    if (this.el.hidden) return;
    drawFieldNote(this.#note, [this.#input], this.client, "set_prompt", HINT);
    setAttributes(this.#run, { disabled: this.#asked });
  }

  #show(open: boolean): void {
    this.el.hidden = !open;
    this.el.parentElement?.toggleAttribute("data-editing", open);
  }

  #close(): void {
    if (this.client.lastError?.op === "set_prompt") this.client.dismissError();
    this.#show(false);
    this.onClosed();
  }

  async #submit(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    this.draw();
    const agreed = await this.client.setPrompt(this.#input.value);
    this.#asked = false;
    if (this.el.hidden) return;
    if (agreed) this.#close();
    else this.#input.focus();
    this.draw();
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
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
