// Redrawing a list without losing the place of the keyboard. In: an element and its new children.
// Out: the children in place, the focus where it was: on the element with the same `data-key`.

export function redraw(el: HTMLElement, children: readonly Node[]): void {
  const focused = document.activeElement;
  const key = focused && el.contains(focused) ? focused.getAttribute("data-key") : null;
  el.replaceChildren(...children);
  if (key === null) return;
  for (const each of el.querySelectorAll<HTMLElement>("[data-key]")) {
    if (each.dataset.key === key) each.focus({ preventScroll: true });
  }
}
