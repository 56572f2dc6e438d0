// Text to the clipboard, also on pages that are not served securely, where browsers have no clipboard
// for scripts and only what is selected can be copied.

import { element } from "../charts/dom";

/** Says whether it is there. `within` is an element that may be used for a moment. */
export async function copy(text: string, within: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text, within);
  }
}

function copySelected(text: string, within: HTMLElement): boolean {
  // Of the shadow root where there is one: the document only knows its host.
  const { activeElement: focused } = within.getRootNode() as Document | ShadowRoot;
  const field = element("textarea", { class: "mw-off-screen", "aria-hidden": "true" });
  field.value = text;
  within.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
  }
}
