// The prompt as the model sees it, after what its encoder reads where there is one: each token with
// its leading space made visible and its id beneath, and prompt B token by token under it. Hover
// lights a token everywhere; click, Shift-click, Ctrl-click and drag select the positions that the
// next edit is about; the pencil edits the prompt in place.

import { button, element, icon, keyed, setAttributes, setText } from "../charts/dom";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { SessionState, TokenJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import { MetricEditor } from "./metric-editor";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { clicked, positionsText, range, toggled } from "./positions";
import { PromptEditor } from "./prompt-editor";
import { standalone } from "./standalone";
import { columnsOf, differences } from "./token-columns";

const MOST_EARLIER = 8;

export class TokenStrip implements Pane {
  readonly el = element("section", { class: "mw-strip", "aria-label": "Prompt" });
  readonly #list = element("div", {
    class: "mw-tokens",
    role: "listbox",
    "aria-label": "Prompt tokens: what is selected is what the next edit is about",
    "aria-multiselectable": "true",
  });
  readonly #encoder = element("div", { class: "mw-encoder mw-muted", role: "note" });
  readonly #note = element("span", {
    class: "mw-muted mw-strip-note",
    "data-testid": "mw-strip-note",
  });
  readonly #editor: PromptEditor;
  readonly #other: PromptEditor;
  readonly #pencil: HTMLButtonElement;
  readonly #addOther: HTMLButtonElement;
  readonly #dropOther: HTMLButtonElement;
  readonly #rebuild = keyed(this.#list);
  #tokens: readonly HTMLElement[] = [];
  #ids = "";
  /** Where a range starts; a drag goes on while the pointer is down. */
  #anchor = 0;
  #dragging = false;
  #dragged = false;

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
    this.#pencil = button(
      {
        class: "mw-icon-button",
        "data-testid": "mw-prompt-edit",
        "aria-label": "Edit the prompt",
        title: "Edit the prompt",
      },
      () => this.#editor.open(),
      icon("pencil"),
    );
    this.#addOther = button(
      { class: "mw-button mw-other-edit", "data-testid": "mw-other-edit" },
      () => this.#other.open(),
    );
    this.#dropOther = button(
      {
        class: "mw-icon-button",
        "data-testid": "mw-other-remove",
        "aria-label": "Take prompt B away",
        title: "Take prompt B away",
      },
      () => void client.setOtherPrompt(null),
      icon("cross"),
    );
    const buttons = element("div", { class: "mw-strip-buttons" });
    buttons.append(this.#pencil, this.#addOther, this.#dropOther);
    this.el.append(this.#encoder, this.#list, buttons, this.#note);
    this.el.append(this.#editor.el, this.#other.el);
    offersTable(this.el, () => ({ view: "token-strip", options: {} }));
    this.#listen(signal);
  }

  draw(scene: Scene): void {
    const { state, page, enabled } = scene;
    const tokens = state?.tokens ?? [];
    const other = state?.other ?? null;
    if (this.#rebuild(JSON.stringify([tokens, other]), () => columnsOf(tokens, other))) {
      const shown = this.#list.querySelectorAll<HTMLElement>("[data-token]");
      this.#tokens = Array.from(shown);
    }
    if (state) this.#follow(state);
    this.#drawEncoder(state?.encoder ?? null);
    setText(this.#note, state ? this.#noteOf(state) : "");
    this.#drawButtons(enabled && state !== null, other !== null);
    const read = state?.outcome?.position ?? tokens.length - 1;
    const selected = new Set(page.positions);
    this.#tokens.forEach((node, index) => {
      setAttributes(node, {
        "aria-selected": String(selected.has(index)),
        "data-detail": page.token === index,
        "data-lit": page.hover.token === index,
        "data-read": index === read,
      });
    });
    this.#editor.draw();
    this.#other.draw();
  }

  #drawButtons(enabled: boolean, has: boolean): void {
    setAttributes(this.#pencil, { disabled: !enabled });
    setText(this.#addOther, has ? "edit B" : "+ B");
    setAttributes(this.#addOther, {
      disabled: !enabled,
      title: has ? "Edit prompt B" : "Put a prompt B under this one, to patch from",
    });
    this.#dropOther.hidden = !has;
    setAttributes(this.#dropOther, { disabled: !enabled });
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

  #noteOf({ tokens, other }: SessionState): string {
    if (tokens.length === 0) return "No prompt yet.";
    const { positions } = this.store.value;
    const parts = [
      positions.length > 0 ? `edits at ${positionsText(positions)} · Esc: everywhere` : "",
      other ? differences(tokens, other) : "",
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

  #listen(signal: AbortSignal): void {
    const list = this.#list;
    list.addEventListener("pointerdown", (event) => this.#press(event));
    list.addEventListener("click", (event) => this.#click(event));
    list.addEventListener("dblclick", () => this.#editor.open());
    list.addEventListener("pointerover", (event) => {
      const index = this.#indexOf(event.target);
      this.store.hover(null, index);
      if (!this.#dragging || index === null || index === this.#anchor) return;
      this.#dragged = true;
      this.#select(range(this.#anchor, index), index);
    });
    list.addEventListener("pointerleave", () => this.store.hover(null, null));
    list.addEventListener("focusin", (event) => this.#rove(this.#indexOf(event.target)));
    list.addEventListener("keydown", (event) => this.#key(event));
    const drop = (): void => {
      this.#dragging = false;
    };
    globalThis.addEventListener("pointerup", drop, { signal });
    globalThis.addEventListener("pointercancel", drop, { signal });
  }

  #press(event: PointerEvent): void {
    const index = this.#indexOf(event.target);
    this.#dragged = false;
    if (index === null || event.button !== 0 || event.shiftKey) return;
    this.#dragging = event.pointerType === "mouse";
    this.#anchor = index;
  }

  #click(event: MouseEvent): void {
    const index = this.#indexOf(event.target);
    if (index === null || this.#dragged) return;
    const { positions } = this.store.value;
    if (event.shiftKey) this.#select(range(this.#anchor, index), index);
    else {
      this.#anchor = index;
      const more = event.ctrlKey || event.metaKey;
      this.#select(more ? toggled(positions, index) : clicked(positions, index), index);
    }
  }

  #select(positions: readonly number[], index: number): void {
    this.store.set({ positions, token: positions.includes(index) ? index : null });
  }

  #key(event: KeyboardEvent): void {
    const index = this.#indexOf(event.target);
    if (index === null || event.ctrlKey || event.metaKey) return;
    const last = this.#tokens.length - 1;
    const steps: Record<string, number> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      Home: 0,
      End: last,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(last, next));
    this.#tokens[to]?.focus();
    if (event.shiftKey) this.#select(range(this.#anchor, to), to);
    else this.#anchor = to;
  }

  #rove(index: number | null): void {
    if (index === null) return;
    this.#list.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    this.#tokens[index]?.setAttribute("tabindex", "0");
  }

  #indexOf(target: EventTarget | null): number | null {
    const node = target instanceof Element ? target.closest<HTMLElement>("[data-token]") : null;
    return node ? Number(node.dataset.token) : null;
  }
}

export const tokenStrip = standalone({
  name: "token-strip",
  label: "tokens",
  panes: ({ client, store, signal }) => [
    new TokenStrip(client, store, signal),
    new MetricEditor(client),
  ],
});
