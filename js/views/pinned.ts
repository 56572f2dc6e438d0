// The heads that a person has chosen to see side by side. In: the page's store and a component. Out: the
// store's list with that head in it, or without.

import type { HeadPlace, SessionStore } from "../store/session-store";
import type { ComponentJson } from "../types";

const same = (one: HeadPlace, other: HeadPlace): boolean =>
  one.layer === other.layer && one.head === other.head;

export const isPinned = (store: SessionStore, head: HeadPlace): boolean =>
  store.value.pinned.some((one) => same(one, head));

/** Chooses a head, or lets go of it where it was chosen; of anything else it wants nothing. */
export function togglePinned(store: SessionStore, component: ComponentJson): void {
  if (component.type !== "head") return;
  const { layer, head } = component;
  const rest = store.value.pinned.filter((one) => !same(one, { layer, head }));
  const had = rest.length < store.value.pinned.length;
  store.set({ pinned: had ? rest : [...rest, { layer, head }] });
}
