// A readable sentence where a view cannot be drawn: never a blank cell.

/** Replaces what is in `el` with a message and what to do about it. */
export function showNotice(el: HTMLElement, message: string, hint = ""): void {
  const notice = document.createElement("div");
  notice.className = "mw-notice";
  notice.setAttribute("role", "alert");
  for (const [tag, text] of [
    ["strong", message],
    ["p", hint],
  ] as const) {
    if (!text) continue;
    const line = document.createElement(tag);
    line.textContent = text;
    notice.append(line);
  }
  el.replaceChildren(notice);
}
