// The reference prompts, which means and samples are taken over: how many there are, and an editor in
// the place of the tokens, one prompt per line. In: what the kernel has. Out: another list.

import { button, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import type { SessionState } from "../types";
import { type Reference, referencePrompts, setReference } from "../wire/prompts";
import type { SessionClient } from "../wire/session-client";
import { PromptEditor } from "./prompt-editor";

const NONE: Reference = { prompts: [], others: 0 };
const TITLE = "Mean and resample ablation are over these prompts";

/** One prompt per line: what ends a line within a prompt is shown, as it is in tokens. */
export const linesOf = (prompts: readonly string[]): string =>
  prompts.map((text) => text.replaceAll("\n", "⏎")).join("\n");

export const promptsOf = (lines: string): string[] =>
  lines
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.replaceAll("⏎", "\n"));

export class ReferencePrompts {
  readonly button: HTMLButtonElement;
  readonly editor: PromptEditor;
  #known = NONE;

  constructor(private readonly client: SessionClient) {
    this.button = button(
      { class: "mw-link-button", "data-testid": "mw-reference-edit", title: TITLE },
      () => void this.#open(),
    );
    this.editor = new PromptEditor(
      client,
      {
        op: "set_reference",
        label: "Reference prompts, one per line",
        testid: "mw-reference-input",
        now: () => (this.#known.prompts.length > 0 ? linesOf(this.#known.prompts) : null),
        placeholder: "One prompt per line: means and samples are taken over all of them",
        lines: true,
        done: "Use",
        earlier: () => [],
        ask: (lines) => setReference(client, promptsOf(lines)),
      },
      () => this.button.focus(),
    );
  }

  draw(state: SessionState | null, enabled: boolean): void {
    const n = state?.reference ?? 0;
    setText(this.button, n > 0 ? count(n, "reference prompt") : "+ references");
    setAttributes(this.button, { disabled: !enabled });
    this.editor.draw();
  }

  async #open(): Promise<void> {
    // Refused or gone: the notices say so, and what is typed then says what there shall be.
    this.#known = await referencePrompts(this.client).catch(() => NONE);
    const { others } = this.#known;
    const more = others > 0 ? ` · ${count(others, "more", "more")} from Python, no text: kept` : "";
    this.editor.open(`One per line · Ctrl+Enter uses them · Esc keeps the old${more}`);
  }
}
