// The prompt as the model sees it, after what its encoder reads where there is one: its tokens, prompt
// B token by token under them, and what is done to the prompts: edit in place, go back to an earlier
// one, put a B beside it, say what the reference is.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { SessionState, TokenJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import { MetricEditor } from "./metric-editor";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { positionsText } from "./positions";
import { PromptEditor } from "./prompt-editor";
import { PromptMenu } from "./prompt-menu";
import { ReferencePrompts } from "./reference-prompts";
import { standalone } from "./standalone";
import { differences } from "./token-columns";
import { TokenList } from "./token-list";

const MOST_EARLIER = 24;
/** Asked for and on their way: the tokens on show are the old ones. */
const NEW_TOKENS = new Set(["set_prompt", "set_other_prompt", "swap_prompts"]);
/** From here on the strip says how many tokens there are. */
const MANY = 40;

export class TokenStrip implements Pane {
  readonly el = element("section", { class: "mw-strip", "aria-label": "Prompt" });
  readonly #list: TokenList;
  readonly #encoder = element("div", { class: "mw-encoder mw-muted", role: "note" });
  readonly #gutter = element("div", { class: "mw-strip-gutter mw-muted", "aria-hidden": "true" });
  readonly #note = element("span", {
    class: "mw-muted mw-strip-note",
    "data-testid": "mw-strip-note",
  });
  readonly #editor: PromptEditor;
  readonly #other: PromptEditor;
  readonly #menu: PromptMenu;
  readonly #reference: ReferencePrompts;
  readonly #pencil: HTMLButtonElement;
  readonly #addOther: HTMLButtonElement;
  readonly #swap: HTMLButtonElement;
  readonly #dropOther: HTMLButtonElement;
  readonly #all: HTMLButtonElement;
  #tokens: readonly TokenJson[] | null = null;
  #otherOne: SessionState["other"] = null;
  #ids = "";
  #apart = "";

  constructor(
    client: SessionClient,
    private readonly store: SessionStore,
    signal: AbortSignal,
  ) {
    const earlier = (): readonly string[] => store.value.prompts;
    this.#editor = new PromptEditor(
      client,
      {
        op: "set_prompt",
        label: "Prompt",
        testid: "mw-prompt-input",
        now: () => client.state?.prompt ?? null,
        placeholder: "The prompt was given as token ids; type a new one",
        earlier,
        ask: (prompt) => client.setPrompt(prompt),
      },
      () => this.#pencil.focus(),
    );
    this.#other = new PromptEditor(
      client,
      {
        op: "set_other_prompt",
        label: "Prompt B",
        testid: "mw-other-input",
        now: () => client.state?.other?.prompt ?? client.state?.prompt ?? null,
        placeholder: "Prompt B: what patches come from",
        earlier,
        ask: (prompt) => client.setOtherPrompt(prompt),
      },
      () => this.#addOther.focus(),
    );
    this.#menu = new PromptMenu(client, store, signal);
    this.#reference = new ReferencePrompts(client);
    this.#list = new TokenList(store, () => this.#editor.open(), signal);
    this.#pencil = iconButton("pencil", "Edit the prompt", "mw-prompt-edit", () =>
      this.#editor.open(),
    );
    this.#addOther = button(
      { class: "mw-button mw-other-edit", "data-testid": "mw-other-edit" },
      () => this.#other.open(),
    );
    this.#swap = iconButton(
      "exchange",
      "Let prompt and prompt B change places",
      "mw-other-swap",
      () => void client.act("swap_prompts"),
    );
    this.#dropOther = iconButton("cross", "Take prompt B away", "mw-other-remove", () => {
      void client.setOtherPrompt(null);
    });
    this.#all = button(
      { class: "mw-link-button", "data-testid": "mw-strip-all", hidden: true },
      () => this.#expand(),
    );
    this.#assemble();
    offersTable(this.el, () => ({ view: "token-strip", options: {} }));
    const fit = new ResizeObserver(() => this.#fit());
    fit.observe(this.#list.el);
    signal.addEventListener("abort", () => fit.disconnect());
  }

  draw(scene: Scene): void {
    const { state, enabled } = scene;
    if (this.#list.draw(scene)) this.#fit();
    if (state && this.#isNews(state)) this.#follow(state);
    this.#drawEncoder(state?.encoder ?? null);
    const awaited = scene.client.pending.some(({ op }) => NEW_TOKENS.has(op));
    this.el.toggleAttribute("data-pending", awaited);
    setAttributes(this.el, { "aria-busy": awaited ? "true" : null });
    this.el.toggleAttribute("data-two", state?.other !== null && state !== null);
    setText(this.#note, state ? this.#noteOf(state) : "");
    this.#drawButtons(enabled && state !== null, state?.other !== null && state !== null);
    this.#reference.draw(state, enabled && state !== null);
    this.#editor.draw();
    this.#other.draw();
  }

  #assemble(): void {
    this.#gutter.append(element("span", {}, "A"), element("span", {}, "B"));
    const buttons = element("div", { class: "mw-strip-buttons" });
    buttons.append(this.#pencil, this.#menu.button, this.#addOther, this.#swap, this.#dropOther);
    const foot = element("div", { class: "mw-strip-foot" });
    foot.append(buttons, this.#reference.button, this.#all, this.#note);
    this.el.append(this.#encoder, this.#list.el, this.#gutter, foot, this.#menu.el);
    this.el.append(this.#editor.el, this.#other.el, this.#reference.editor.el);
  }

  #drawButtons(enabled: boolean, has: boolean): void {
    setAttributes(this.#pencil, { disabled: !enabled });
    this.#menu.draw(enabled);
    setText(this.#addOther, has ? "edit B" : "+ B");
    setAttributes(this.#addOther, {
      disabled: !enabled,
      title: has ? "Edit prompt B" : "Put a prompt B under this one, to patch from",
    });
    for (const node of [this.#swap, this.#dropOther]) {
      node.hidden = !has;
      setAttributes(node, { disabled: !enabled });
    }
  }

  /** A long prompt takes a few lines and is scrolled; all of it at once is a click away. */
  #fit(): void {
    const all = this.el.hasAttribute("data-all");
    this.#all.hidden = !all && !this.#list.overflows;
    setText(this.#all, all ? "fewer lines" : "more lines");
    setAttributes(this.#all, { "aria-expanded": String(all) });
  }

  #expand(): void {
    this.el.toggleAttribute("data-all");
    this.#fit();
  }

  /** A scene is drawn whenever something is pointed at: what is long is looked at once. */
  #isNews(state: SessionState): boolean {
    const { tokens, other } = state;
    if (tokens === this.#tokens && other === this.#otherOne) return false;
    [this.#tokens, this.#otherOne] = [tokens, other];
    this.#apart = other ? differences(tokens, other) : "";
    return true;
  }

  /** Positions are about these tokens and no others; a prompt that was asked about is remembered. */
  #follow({ tokens, prompt }: SessionState): void {
    const ids = tokens.map(({ id }) => id).join();
    if (this.#ids !== "" && ids !== this.#ids) this.store.set({ positions: [], token: null });
    this.#ids = ids;
    const { prompts } = this.store.value;
    if (prompt === null || prompts[0] === prompt) return;
    const rest = prompts.filter((text) => text !== prompt);
    this.store.set({ prompts: [prompt, ...rest].slice(0, MOST_EARLIER) });
  }

  #noteOf({ tokens }: SessionState): string {
    if (tokens.length === 0) return "No prompt yet.";
    const { positions } = this.store.value;
    const parts = [
      positions.length > 0 ? `edits at ${positionsText(positions)} · Esc: everywhere` : "",
      this.#apart,
      tokens.length >= MANY ? count(tokens.length, "token") : "",
    ];
    return parts.filter(Boolean).join(" · ");
  }

  /** Of a model with two stacks: what is read, before what is said. */
  #drawEncoder(encoder: readonly TokenJson[] | null): void {
    this.#encoder.hidden = encoder === null;
    const text = (encoder ?? []).map((token) => visible(token.text)).join(" ");
    setText(this.#encoder, text);
    setAttributes(this.#encoder, {
      "aria-label": `The encoder reads: ${text}`,
      title: `The encoder reads: ${text}`,
    });
  }
}

const iconButton = (
  name: Parameters<typeof icon>[0],
  title: string,
  testid: string,
  onClick: () => void,
): HTMLButtonElement =>
  button(
    { class: "mw-icon-button", "data-testid": testid, "aria-label": title, title },
    onClick,
    icon(name),
  );

export const tokenStrip = standalone({
  name: "token-strip",
  label: "tokens",
  panes: ({ client, store, signal }) => [
    new TokenStrip(client, store, signal),
    new MetricEditor(client, signal),
  ],
});
