// A name edited where it stands: Enter or leaving keeps it, Esc does not.

import { element } from "../charts/dom";

/** Stands in for `shown` until it is done; `keep` is told a new text; the focus goes `back`. */
export function editName(
  shown: HTMLElement,
  now: string,
  { label, placeholder, back }: { label: string; placeholder: string; back: HTMLElement },
  keep: (name: string) => void,
): void {
  if (shown.hidden) return;
  const input = element("input", {
    class: "mw-input mw-name-field",
    type: "text",
    maxlength: 60,
    spellcheck: "false",
    autocomplete: "off",
    placeholder,
    "aria-label": label,
    "data-testid": "mw-name-field",
  });
  input.value = now;
  let done = false;
  const close = (kept: boolean, focus: boolean): void => {
    if (done) return;
    done = true;
    const name = input.value.trim();
    shown.hidden = false;
    input.remove();
    if (focus) back.focus();
    if (kept && name !== now) keep(name);
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") close(true, true);
    else if (event.key === "Escape") close(false, true);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => close(true, false));
  shown.hidden = true;
  shown.after(input);
  input.focus();
  input.select();
}
