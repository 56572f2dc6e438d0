// The prompt edited where it stands: Enter runs it, Esc keeps the old one, a refusal is said right
// here with the typed text still in place.

import { button, element, setAttributes, setText } from "../charts/dom";
import type { SessionClient } from "../wire/session-client";
import type { Scene } from "./pane";

export interface PromptEditor {
  readonly el: HTMLElement;
  readonly isOpen: boolean;
  open(): void;
  draw(scene: Scene): void;
}

const HINT = "Enter runs · Shift+Enter new line · Esc keeps the old prompt";

export function promptEditor(
  client: SessionClient,
  signal: AbortSignal,
  onClosed: () => void,
): PromptEditor {
  let isOpen = false;
  let asked = false;
  const input = element("textarea", {
    class: "mw-input mw-prompt-input",
    rows: 1,
    spellcheck: "false",
    dir: "auto",
    "aria-label": "Prompt",
    "data-testid": "mw-prompt-input",
  });
  const message = element("div", { class: "mw-field-note", role: "status" });
  const run = button({ class: "mw-button mw-primary" }, () => void submit(), "Run");
  const cancel = button({ class: "mw-button" }, () => close(), "Cancel");
  const actions = element("div", { class: "mw-prompt-actions" }, message, cancel, run);
  const el = element("div", { class: "mw-prompt-editor", hidden: true }, input, actions);

  const show = (): void => {
    el.hidden = !isOpen;
    el.parentElement?.toggleAttribute("data-editing", isOpen);
  };
  const close = (): void => {
    if (client.lastError?.op === "set_prompt") client.dismissError();
    isOpen = false;
    asked = false;
    show();
    onClosed();
  };
  const submit = async (): Promise<void> => {
    if (asked) return;
    asked = true;
    draw();
    const agreed = await client.setPrompt(input.value);
    asked = false;
    if (signal.aborted) return;
    if (agreed) close();
    else input.focus();
    draw();
  };
  const draw = (): void => {
    const refusal = client.lastError?.op === "set_prompt" ? client.lastError : null;
    setText(message, refusal ? [refusal.message, refusal.hint].filter(Boolean).join(" ") : HINT);
    setAttributes(message, {
      "data-error": refusal !== null,
      "data-testid": refusal ? "mw-prompt-error" : null,
    });
    setAttributes(input, { "aria-invalid": refusal ? "true" : null });
    setAttributes(run, { disabled: asked });
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });

  return {
    el,
    get isOpen() {
      return isOpen;
    },
    open(): void {
      if (isOpen) return;
      isOpen = true;
      input.value = client.state?.prompt ?? "";
      setAttributes(input, {
        placeholder:
          client.state?.prompt === null
            ? "The prompt was given as token ids; type a new one"
            : null,
      });
      show();
      draw();
      input.focus();
      input.select();
    },
    draw(): void {
      if (isOpen) draw();
    },
  };
}
