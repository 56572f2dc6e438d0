// Which table belongs to a pane: said by the pane where it is made, looked up by the menu that copies
// it. A pane that says nothing has none.

import type { TableWish } from "../wire/tables";

const WISHES = new WeakMap<Element, () => TableWish | null>();

/** The pane in `el` shows what this table says; null while it shows nothing. */
export function offersTable(el: Element, wish: () => TableWish | null): void {
  WISHES.set(el, wish);
}

export const tableOf = (el: Element): TableWish | null => WISHES.get(el)?.() ?? null;
