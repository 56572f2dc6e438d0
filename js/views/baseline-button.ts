// See the model with no edits for as long as this is held, by pointer, by Space or by the key B
// anywhere in a view: all views of the session show it together, and nothing moves.

import { button, setAttributes } from "../charts/dom";
import type { SessionStore } from "../store/session-store";
import type { Pane, Scene } from "./pane";

export function baselineButton(store: SessionStore): Pane {
  const el = button(
    {
      class: "mw-button mw-baseline",
      "data-testid": "mw-baseline",
      title: "Hold to see the model with no edits (or hold the key B)",
    },
    () => {},
    "Baseline",
  );
  const show = (baseline: boolean) => (): void => store.set({ baseline });
  el.addEventListener("pointerdown", show(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"])
    el.addEventListener(end, show(false));
  const isPress = ({ key }: KeyboardEvent): boolean => key === " " || key === "Enter";
  el.addEventListener("keydown", (event) => {
    if (isPress(event)) show(true)();
  });
  el.addEventListener("keyup", (event) => {
    if (isPress(event)) show(false)();
  });
  return {
    el,
    draw({ state, page }: Scene): void {
      const edited = state?.interventions.some((item) => item.enabled) ?? false;
      el.style.visibility = edited ? "visible" : "hidden";
      setAttributes(el, { "aria-pressed": String(page.baseline) });
    },
  };
}
