// What a person has to be told: that the kernel is gone, that versions differ, that the last wish
// was refused. Each says what was wrong and what to do; errors can be dismissed.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import type { ErrorJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Pane, Scene } from "./pane";

// These refusals are said where the person typed, not here.
const SAID_ELSEWHERE = new Set(["set_prompt", "set_other_prompt", "set_metric"]);

export function banner(client: SessionClient): Pane {
  const text = element("span", { class: "mw-banner-text" });
  const retry = button(
    { class: "mw-button", "data-testid": "mw-retry" },
    () => client.retry(),
    "Try again",
  );
  const el = element("div", { class: "mw-banner", role: "alert", hidden: true }, text, retry);
  return {
    el,
    draw(): void {
      const { status, statusText } = client;
      const shown = status === "gone" || status === "mismatch";
      el.hidden = !shown;
      setAttributes(el, { "data-testid": shown ? "mw-banner" : null, "data-status": status });
      setText(text, shown ? statusText : "");
      retry.hidden = status !== "gone";
    },
  };
}

export function errorNotice(client: SessionClient): Pane {
  let dismissed = "";
  let shownKey = "";
  const message = element("strong", {});
  const hint = element("span", { class: "mw-error-hint" });
  const dismiss = button(
    { class: "mw-icon-button", "aria-label": "Dismiss the error", title: "Dismiss" },
    () => {
      dismissed = shownKey;
      client.dismissError();
      el.hidden = true;
    },
    icon("cross"),
  );
  const again = button(
    { class: "mw-button", "data-testid": "mw-run-again" },
    () => void client.act("run_again"),
    "Run again",
  );
  const words = element("div", { class: "mw-error-words" }, message, " ", hint);
  const el = element(
    "div",
    { class: "mw-error", role: "alert", hidden: true },
    words,
    again,
    dismiss,
  );
  return {
    el,
    draw({ state }: Scene): void {
      const error = errorOf(client, state?.error ?? null);
      shownKey = error ? `${state?.revision} ${error.type} ${error.message}` : "";
      const shown = error !== null && shownKey !== dismissed;
      el.hidden = !shown;
      setAttributes(el, { "data-testid": shown ? "mw-error" : null });
      setText(message, error?.message ?? "");
      setText(hint, error?.hint ?? "");
      again.hidden = error === null || error !== state?.error;
    },
  };
}

function errorOf(client: SessionClient, failed: ErrorJson | null): ErrorJson | null {
  const refused = client.lastError;
  if (refused && !SAID_ELSEWHERE.has(refused.op)) return refused;
  return failed;
}
