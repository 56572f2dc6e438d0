// Where a session is from: the recipe that it was loaded from, and what is not here as it was then.
// Said once, as a line that can be dismissed; with differences it looks like the warning that it is.

import { button, element, icon, setText } from "../charts/dom";
import type { Pane, Scene } from "./pane";

export function provenance(): Pane {
  let dismissed = "";
  let shown = "";
  const text = element("span", { class: "mw-provenance-text" });
  const dismiss = button(
    { class: "mw-icon-button", "aria-label": "Dismiss where it is from", title: "Dismiss" },
    () => {
      dismissed = shown;
      el.hidden = true;
    },
    icon("cross"),
  );
  const el = element(
    "div",
    { class: "mw-provenance", role: "status", "data-testid": "mw-provenance", hidden: true },
    text,
    dismiss,
  );
  return {
    el,
    draw({ state }: Scene): void {
      const loaded = state?.loaded ?? null;
      shown = loaded?.sentence ?? "";
      el.hidden = shown === "" || shown === dismissed;
      el.toggleAttribute("data-differs", (loaded?.differences ?? 0) > 0);
      setText(text, shown);
    },
  };
}
