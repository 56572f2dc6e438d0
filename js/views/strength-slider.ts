// The strength of one intervention: a slider and its number. One drag is one step to undo, and so is
// one press of an arrow key.

import { element, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { InterventionJson } from "../types";
import type { SessionClient } from "../wire/session-client";

const STEP = 0.05;

export interface StrengthSlider {
  readonly el: HTMLElement;
  draw(item: InterventionJson, enabled: boolean): void;
}

/** Wide enough for what it is now, and for taking it back to nothing or twice as far. */
function rangeOf(strength: number, type: string): { min: number; max: number } {
  const reach = Math.max(2, 2 * Math.abs(strength));
  // What is set to a value may be set to any: activations have both signs.
  return { min: strength < 0 || type === "set_value" ? -reach : 0, max: reach };
}

export function strengthSlider(client: SessionClient): StrengthSlider {
  let item: InterventionJson | null = null;
  let held = false;
  let ranged = false;
  let drag = Date.now();
  const input = element("input", {
    class: "mw-strength",
    type: "range",
    step: STEP,
    "data-testid": "mw-chip-strength",
  });
  const number = element("span", { class: "mw-muted mw-strength-number", "aria-hidden": "true" });
  const el = element("span", { class: "mw-strength-slider" }, input, number);
  const newDrag = (): void => {
    drag += 1;
  };
  input.addEventListener("pointerdown", () => {
    held = true;
    newDrag();
  });
  for (const end of ["pointerup", "pointercancel", "blur"]) {
    input.addEventListener(end, () => {
      held = false;
    });
  }
  input.addEventListener("keydown", (event) => {
    if (!event.repeat) newDrag();
  });
  input.addEventListener("input", () => {
    if (item && item.id !== null) void client.setStrength(item.id, input.valueAsNumber, drag);
  });
  return {
    el,
    draw(next, enabled): void {
      item = next;
      el.hidden = next.strength === null;
      if (next.strength === null) return;
      if (!ranged) setAttributes(input, rangeOf(next.strength, next.type));
      ranged = true;
      setText(number, plain(next.strength));
      if (!held && input.valueAsNumber !== next.strength) input.value = String(next.strength);
      setAttributes(input, {
        "aria-label": `Strength: ${next.sentence}`,
        "aria-valuetext": plain(next.strength),
        disabled: !enabled || next.id === null,
      });
    },
  };
}
