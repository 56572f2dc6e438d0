// The prompt as the model sees it: each token with its leading space made visible and its id
// beneath. Hover lights a token everywhere, a click selects it, the pencil edits the prompt in place.

import { button, element, icon, keyed, setAttributes, setText } from "../charts/dom";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { TokenJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Pane, Scene } from "./pane";
import { promptEditor } from "./prompt-editor";

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

export function tokenStrip(client: SessionClient, store: SessionStore, signal: AbortSignal): Pane {
  const list = element("div", {
    class: "mw-tokens",
    role: "listbox",
    "aria-label": "Prompt tokens",
  });
  const note = element("span", { class: "mw-muted mw-strip-note" });
  const editor = promptEditor(client, signal, () => pencil.focus());
  const pencil = button(
    {
      class: "mw-icon-button",
      "data-testid": "mw-prompt-edit",
      "aria-label": "Edit the prompt",
      title: "Edit the prompt",
    },
    () => editor.open(),
    icon("pencil"),
  );
  const el = element(
    "section",
    { class: "mw-strip", "aria-label": "Prompt" },
    list,
    note,
    editor.el,
    pencil,
  );
  const rebuild = keyed(list);

  const indexOf = (target: EventTarget | null): number | null => {
    const node = target instanceof Element ? target.closest<HTMLElement>("[data-token]") : null;
    return node ? Number(node.dataset.token) : null;
  };
  const at = (index: number): HTMLElement | null =>
    (list.children[index] as HTMLElement | undefined) ?? null;
  const select = (index: number): void => {
    const token = store.value.token === index ? null : index;
    store.set({ token });
    client.select(store.value.locked, token);
  };
  const rove = (index: number): void => {
    list.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    at(index)?.setAttribute("tabindex", "0");
  };

  list.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    if (index !== null) select(index);
  });
  list.addEventListener("dblclick", () => editor.open());
  list.addEventListener("pointerover", (event) =>
    store.set({ hover: { component: null, token: indexOf(event.target) } }),
  );
  list.addEventListener("pointerleave", () =>
    store.set({ hover: { component: null, token: null } }),
  );
  list.addEventListener("focusin", (event) => {
    const index = indexOf(event.target);
    if (index !== null) rove(index);
  });
  list.addEventListener("keydown", (event) => {
    const index = indexOf(event.target);
    if (index === null || event.ctrlKey || event.metaKey) return;
    const last = list.childElementCount - 1;
    const steps: Record<string, number> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      Home: 0,
      End: last,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    at(Math.max(0, Math.min(last, next)))?.focus();
  });

  return {
    el,
    draw(scene: Scene): void {
      const { state, page, enabled } = scene;
      const tokens = state?.tokens ?? [];
      const key = JSON.stringify(tokens);
      rebuild(key, () => tokens.map(tokenButton));
      setText(note, state && tokens.length === 0 ? "No prompt yet." : "");
      setAttributes(pencil, { disabled: !enabled || !state });
      const position = state?.outcome?.position ?? tokens.length - 1;
      tokens.forEach((_, index) => {
        const node = at(index);
        if (!node) return;
        setAttributes(node, {
          "aria-selected": String(page.token === index),
          "data-lit": page.hover.token === index,
          "data-read": index === position,
        });
      });
      el.toggleAttribute("data-editing", editor.isOpen);
      editor.draw(scene);
      el.toggleAttribute("data-editing", editor.isOpen);
    },
  };
}
