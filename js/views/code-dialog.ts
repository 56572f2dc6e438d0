// The experiment as a script, in three styles, each in a tab: asked for when it is looked at, with
// the reason where a style has no words for it. In: the state. Out: text on the clipboard.

import { button, element, setAttributes, setText } from "../charts/dom";
import { askScript, STYLES, type Style } from "../wire/scripts";
import type { SessionClient } from "../wire/session-client";
import { copy } from "./clipboard";
import { Dialog } from "./dialog";
import { editedKey, Fetches } from "./fetches";
import type { Pane, Scene } from "./pane";

const TITLES: Record<Style, string> = {
  mechwidget: "mechwidget",
  hooks: "Hugging Face hooks",
  transformer_lens: "TransformerLens",
};
const COPIED_MS = 2_000;

let dialogs = 0;

export class CodeDialog implements Pane {
  readonly el: HTMLElement;
  readonly #dialog = new Dialog("As code", "mw-code-dialog");
  readonly #tabs: Record<Style, HTMLButtonElement>;
  readonly #panel: HTMLElement;
  readonly #code = element("pre", { class: "mw-code", tabindex: 0, "data-testid": "mw-code" });
  readonly #reason = element("p", { class: "mw-code-reason", "data-testid": "mw-code-reason" });
  readonly #copy: HTMLButtonElement;
  readonly #said = element("span", { class: "mw-muted", role: "status" });
  readonly #scripts: Fetches<string>;
  #style: Style = "mechwidget";
  #text = "";

  constructor(
    private readonly client: SessionClient,
    private readonly invalidate: () => void,
    signal: AbortSignal,
  ) {
    dialogs += 1;
    this.#scripts = new Fetches(client, invalidate, signal);
    const id = `mw-code-${dialogs}`;
    const tab = (style: Style): HTMLButtonElement =>
      button(
        {
          id: `${id}-${style}`,
          class: "mw-tab",
          role: "tab",
          "aria-controls": `${id}-panel`,
          "data-testid": `mw-code-tab-${style}`,
        },
        () => this.#show(style),
        TITLES[style],
      );
    this.#tabs = {
      mechwidget: tab("mechwidget"),
      hooks: tab("hooks"),
      transformer_lens: tab("transformer_lens"),
    };
    const bar = element("div", { class: "mw-tab-bar", role: "tablist", "aria-label": "Style" });
    bar.append(...Object.values(this.#tabs));
    bar.addEventListener("keydown", (event) => this.#key(event));
    setAttributes(this.#code, { role: "region", "aria-label": "The script" });
    this.#panel = element("div", { id: `${id}-panel`, class: "mw-code-panel", role: "tabpanel" });
    this.#panel.append(this.#reason, this.#code);
    this.#copy = button(
      { class: "mw-button", "data-testid": "mw-code-copy" },
      () => void this.#copyText(),
      "Copy",
    );
    const note = element("span", { class: "mw-muted" }, "Run it to get the numbers on screen.");
    const foot = element("div", { class: "mw-code-foot" }, note, this.#said, this.#copy);
    this.#dialog.body.classList.add("mw-code-dialog");
    this.#dialog.body.append(bar, this.#panel, foot);
    this.el = this.#dialog.el;
    signal.addEventListener("abort", () => this.#dialog.close());
  }

  open(opener: HTMLElement): void {
    this.#dialog.open(opener);
    setText(this.#said, "");
    this.#tabs[this.#style].focus();
    this.invalidate();
  }

  draw({ state, enabled }: Scene): void {
    if (!this.#dialog.shown || !state) return;
    for (const style of STYLES) {
      const on = style === this.#style;
      setAttributes(this.#tabs[style], { "aria-selected": String(on), tabindex: on ? 0 : -1 });
    }
    setAttributes(this.#panel, { "aria-labelledby": this.#tabs[this.#style].id });
    const style = this.#style;
    const key = `${editedKey(state)} ${style}`;
    const code = this.#scripts.get(key, (signal) => askScript(this.client, style, { signal }));
    const refusal = this.#scripts.refusal(key);
    const waiting = enabled
      ? "Writing …"
      : "The kernel does not answer; scripts are written there.";
    this.#text = code ?? "";
    setText(this.#reason, code === null ? refusal || waiting : "");
    setAttributes(this.#reason, { "data-refused": refusal !== "" });
    setText(this.#code, this.#text);
    this.#code.hidden = code === null;
    setAttributes(this.#copy, { disabled: code === null });
  }

  #show(style: Style): void {
    this.#style = style;
    this.#tabs[style].focus();
    setText(this.#said, "");
    this.invalidate();
  }

  #key(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = STYLES.indexOf(this.#style) + step;
    const next = STYLES.at(at % STYLES.length);
    if (next) this.#show(next);
  }

  async #copyText(): Promise<void> {
    const done = await copy(this.#text, this.#dialog.el);
    setText(this.#said, done ? "Copied" : "The browser did not allow it: select the text instead");
    if (done) setTimeout(() => setText(this.#said, ""), COPIED_MS);
  }
}
