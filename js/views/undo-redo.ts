// Undo and redo, with the keys that do the same.

import { button, element, icon, setAttributes } from "../charts/dom";
import type { SessionClient } from "../wire/session-client";
import type { Pane, Scene } from "./pane";

const isApple = (): boolean => /mac|iphone|ipad/i.test(globalThis.navigator?.platform ?? "");

export function undoRedo(client: SessionClient): Pane {
  const [undoKeys, redoKeys] = isApple() ? ["⌘Z", "⇧⌘Z"] : ["Ctrl+Z", "Ctrl+Shift+Z"];
  const one = (name: "undo" | "redo", label: string, keys: string): HTMLButtonElement =>
    button(
      {
        class: "mw-icon-button",
        "data-testid": `mw-${name}`,
        "aria-label": label,
        title: `${label} (${keys})`,
      },
      () => void client[name](),
      icon(name),
    );
  const [undo, redo] = [one("undo", "Undo", undoKeys), one("redo", "Redo", redoKeys)];
  return {
    el: element("div", { class: "mw-undo-redo" }, undo, redo),
    draw({ state, enabled }: Scene): void {
      const title = (what: string, said = "", keys = ""): string =>
        `${what}${said ? `: ${said}` : ""} (${keys})`;
      setAttributes(undo, {
        disabled: !enabled || !state?.can_undo,
        title: title("Undo", state?.undo, undoKeys),
      });
      setAttributes(redo, {
        disabled: !enabled || !state?.can_redo,
        title: title("Redo", state?.redo, redoKeys),
      });
    },
  };
}
