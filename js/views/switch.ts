// A switch: on, off, or in part where it stands for several.

import { button, element, setAttributes } from "../charts/dom";

export interface Switch {
  readonly el: HTMLButtonElement;
  draw(on: boolean | "mixed", name: string, disabled: boolean): void;
}

export function switchButton(onClick: () => void, testid: string): Switch {
  const el = button(
    { class: "mw-switch", role: "switch", "data-testid": testid },
    onClick,
    element("span", { class: "mw-switch-knob" }),
  );
  return {
    el,
    draw(on, name, disabled): void {
      const said = on === "mixed" ? "partly on" : on ? "on" : "off";
      setAttributes(el, {
        // A switch has no third state for a screen reader: what is partly on is said in words.
        "aria-checked": String(on !== false),
        "data-mixed": on === "mixed",
        "aria-label": `${name}: ${said}`,
        title: on === true ? "Switch off, keep in the list" : "Switch on",
        disabled,
      });
    },
  };
}
