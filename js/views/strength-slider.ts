// The strength of one intervention, or of a group: a slider and its number. One drag is one step to
// undo, and so is one press of an arrow key.

import { element, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { GroupJson, InterventionJson } from "../types";
import { newestOnly } from "../wire/newest-only";
import type { SessionClient } from "../wire/session-client";

const STEP = 0.05;

/** What a slider shows; null where there is nothing to move. */
interface Shown {
  readonly strength: number;
  readonly range: { min: number; max: number };
  readonly label: string;
  readonly title?: string;
  readonly enabled: boolean;
}

export interface StrengthSlider {
  readonly el: HTMLElement;
  /** Under the hand: what stands to its left may not change its width now. */
  readonly held: boolean;
  draw(item: InterventionJson, enabled: boolean): void;
}

export interface GroupSlider {
  readonly el: HTMLElement;
  draw(group: GroupJson, enabled: boolean): void;
}

/** What is set to a value, or steered, may go either way. */
const BOTH_WAYS = new Set(["set_value", "steer"]);

/** Wide enough for what it is now, and for taking it back to nothing or twice as far. */
function rangeOf(strength: number, type = ""): { min: number; max: number } {
  const reach = Math.max(2, 2 * Math.abs(strength));
  return { min: strength < 0 || BOTH_WAYS.has(type) ? -reach : 0, max: reach };
}

export function strengthSlider(client: SessionClient, onRelease?: () => void): StrengthSlider {
  let id: number | null = null;
  const { el, show, isHeld } = slider((strength, drag) => {
    if (id !== null) void client.setStrength(id, strength, drag);
  }, onRelease);
  return {
    el,
    get held(): boolean {
      return isHeld();
    },
    draw(item, enabled): void {
      id = item.id;
      const { strength, sentence } = item;
      const label = `Strength: ${item.name ?? sentence}`;
      if (strength === null) show(null);
      else {
        const range = rangeOf(strength, item.type);
        show({ strength, range, label, enabled: enabled && id !== null });
      }
    },
  };
}

export function groupSlider(client: SessionClient): GroupSlider {
  let group: GroupJson | null = null;
  const ask = newestOnly(({ strength, drag }: { strength: number; drag: number }) =>
    group ? client.act("scale_group", { group: group.id, strength, drag }) : Promise.resolve(),
  );
  const { el, show } = slider((strength, drag) => ask({ strength, drag }));
  return {
    el,
    draw(next, enabled): void {
      group = next;
      const { name, strength, scaled } = next;
      const title = `The share of what its members do: 0 nothing, 1 all of it (of ${scaled} that have a strength)`;
      const label = `Strength of group ${name}`;
      show(scaled > 0 ? { strength, range: rangeOf(strength), label, title, enabled } : null);
    },
  };
}

function slider(
  onMove: (strength: number, drag: number) => void,
  onRelease: () => void = () => {},
): {
  el: HTMLElement;
  show(shown: Shown | null): void;
  isHeld(): boolean;
} {
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
      if (!held) return;
      held = false;
      onRelease();
    });
  }
  input.addEventListener("keydown", (event) => {
    if (!event.repeat) newDrag();
  });
  input.addEventListener("input", () => {
    setText(number, plain(input.valueAsNumber));
    onMove(input.valueAsNumber, drag);
  });
  return {
    el,
    isHeld: () => held,
    show(shown): void {
      el.hidden = shown === null;
      if (shown === null) return;
      const { strength, range, label, title, enabled } = shown;
      if (!ranged) setAttributes(input, range);
      if (!ranged) number.style.minWidth = `${widest(range)}ch`;
      ranged = true;
      if (!held) setText(number, plain(strength));
      if (!held && input.valueAsNumber !== strength) input.value = String(strength);
      setAttributes(input, {
        "aria-label": label,
        "aria-valuetext": plain(strength),
        title: title ?? null,
        disabled: !enabled,
      });
    },
  };
}

/** The characters of its longest number, which keep the slider where it is while numbers change. */
function widest({ min, max }: { min: number; max: number }): number {
  return Math.max(...[min + STEP, max - STEP].map((strength) => plain(strength).length));
}
