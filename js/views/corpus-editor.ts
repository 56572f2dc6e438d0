// The reference set of neurons: what it is, and a place to give one on the page, a prompt on each line.
// In: what the kernel has. Out: another set, or the reference prompts of the session as one.

import { button, element, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import type { SessionClient } from "../wire/session-client";
import type { Scene } from "./pane";
import { PromptEditor } from "./prompt-editor";
import { promptsOf } from "./reference-prompts";

const HOW = "In Python: session.corpus = [texts], a text file, or a column of a DataFrame.";

export class CorpusEditor {
  readonly el = element("div", { class: "mw-corpus" });
  readonly #words = element("div", { class: "mw-muted mw-corpus-words" });
  readonly #open: HTMLButtonElement;
  readonly #take: HTMLButtonElement;
  readonly #editor: PromptEditor;

  constructor(client: SessionClient, invalidate: () => void) {
    this.#editor = new PromptEditor(
      client,
      {
        op: "set_corpus",
        label: "Reference set, one prompt per line",
        testid: "mw-corpus-input",
        now: () => null,
        placeholder: "one prompt per line",
        lines: true,
        done: "Look through",
        earlier: () => [],
        ask: (text) => client.act("set_corpus", { prompts: promptsOf(text) }),
      },
      invalidate,
    );
    this.#open = button({ class: "mw-button", "data-testid": "mw-corpus-open" }, () =>
      this.#editor.open("Ctrl+Enter looks through · Esc closes"),
    );
    this.#take = button({ class: "mw-button", "data-testid": "mw-corpus-reference" }, () => {
      void client.act("set_corpus", { reference: true });
    });
    const buttons = element("div", { class: "mw-corpus-buttons" }, this.#open, this.#take);
    this.el.append(this.#words, buttons, this.#editor.el);
  }

  draw({ state, enabled }: Scene): void {
    if (!state) return;
    const none = !state.corpus;
    setText(
      this.#words,
      none ? `No reference set yet: prompts in which to look for its contexts. ${HOW}` : "",
    );
    setText(this.#open, none ? "Give prompts …" : "other prompts …");
    this.#take.hidden = !none || state.reference === 0;
    setText(this.#take, `Use the ${count(state.reference, "reference prompt")}`);
    setAttributes(this.#open, { disabled: !enabled });
    setAttributes(this.#take, { disabled: !enabled });
    this.#editor.draw();
  }
}
