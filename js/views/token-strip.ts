// The prompt as the model sees it, after what its encoder reads where there is one: each token with
// its leading space made visible and its id beneath. Hover lights a token everywhere, a click selects
// it, the pencil edits the prompt in place.

import { button, element, icon, keyed, setAttributes, setText } from "../charts/dom";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { TokenJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import { MetricEditor } from "./metric-editor";
import type { Pane, Scene } from "./pane";
import { PromptEditor } from "./prompt-editor";
import { standalone } from "./standalone";

export class TokenStrip implements Pane {
  readonly el = element("section", { class: "mw-strip", "aria-label": "Prompt" });
  readonly #list = element("div", {
    class: "mw-tokens",
    role: "listbox",
    "aria-label": "Prompt tokens",
  });
  readonly #encoder = element("div", { class: "mw-encoder mw-muted", role: "note" });
  readonly #note = element("span", { class: "mw-muted mw-strip-note" });
  readonly #editor: PromptEditor;
  readonly #pencil: HTMLButtonElement;
  readonly #rebuild = keyed(this.#list);

  constructor(
    client: SessionClient,
    private readonly store: SessionStore,
  ) {
    this.#editor = new PromptEditor(client, () => this.#pencil.focus());
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
    this.el.append(this.#encoder, this.#list, this.#note, this.#editor.el, this.#pencil);
    this.#listen();
  }

  draw(scene: Scene): void {
    const { state, page, enabled } = scene;
    const tokens = state?.tokens ?? [];
    this.#rebuild(JSON.stringify(tokens), () => tokens.map(tokenButton));
    this.#drawEncoder(state?.encoder ?? null);
    setText(this.#note, state && tokens.length === 0 ? "No prompt yet." : "");
    setAttributes(this.#pencil, { disabled: !enabled || !state });
    const read = state?.outcome?.position ?? tokens.length - 1;
    tokens.forEach((_, index) => {
      const node = this.#at(index);
      if (!node) return;
      setAttributes(node, {
        "aria-selected": String(page.token === index),
        "data-lit": page.hover.token === index,
        "data-read": index === read,
      });
    });
    this.#editor.draw();
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

  #listen(): void {
    const list = this.#list;
    const hover = (token: number | null): void => this.store.hover(null, token);
    list.addEventListener("click", (event) => {
      const index = this.#indexOf(event.target);
      if (index === null) return;
      this.store.set({ token: this.store.value.token === index ? null : index });
    });
    list.addEventListener("dblclick", () => this.#editor.open());
    list.addEventListener("pointerover", (event) => hover(this.#indexOf(event.target)));
    list.addEventListener("pointerleave", () => hover(null));
    list.addEventListener("focusin", (event) => this.#rove(this.#indexOf(event.target)));
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event: KeyboardEvent): void {
    const index = this.#indexOf(event.target);
    if (index === null || event.ctrlKey || event.metaKey) return;
    const last = this.#list.childElementCount - 1;
    const steps: Record<string, number> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      Home: 0,
      End: last,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.#at(Math.max(0, Math.min(last, next)))?.focus();
  }

  #rove(index: number | null): void {
    if (index === null) return;
    this.#list.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    this.#at(index)?.setAttribute("tabindex", "0");
  }

  #at(index: number): HTMLElement | null {
    return (this.#list.children[index] as HTMLElement | undefined) ?? null;
  }

  #indexOf(target: EventTarget | null): number | null {
    const node = target instanceof Element ? target.closest<HTMLElement>("[data-token]") : null;
    return node ? Number(node.dataset.token) : null;
  }
}

function tokenButton(token: TokenJson, index: number): HTMLElement {
  const text = visible(token.text);
  const kind = token.special ? ", special token" : "";
  const node = element("button", {
    type: "button",
    class: "mw-token",
    role: "option",
    tabindex: index === 0 ? 0 : -1,
    "data-testid": `mw-token-${index}`,
    "data-token": index,
    "data-special": token.special,
    "aria-label": `Token ${index}: ${text}, id ${token.id}${kind}`,
    title: `${text}\nposition ${index}, id ${token.id}${kind}`,
  });
  node.append(
    element("bdi", { class: "mw-token-text" }, text),
    element("span", { class: "mw-token-id" }, String(token.id)),
  );
  return node;
}

export const tokenStrip = standalone({
  name: "token-strip",
  label: "tokens",
  panes: ({ client, store }) => [new TokenStrip(client, store), new MetricEditor(client)],
});
