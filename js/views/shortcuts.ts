// The widget's own keys, and keeping them from the notebook around it: inside the widget Ctrl/⌘-Z
// undoes an intervention and not a cell, and no letter triggers a command. What is not ours and is
// held with Ctrl or ⌘ (save, say) still reaches the notebook.

import type { SessionStore } from "../store/session-store";
import type { Actions } from "./actions";
import type { Scene } from "./pane";
import { toolOfKey } from "./tools";

// JupyterLab's command registry skips every element under this attribute.
const SUPPRESS = "data-lm-suppress-shortcuts";

const isTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLInputElement ||
  target instanceof HTMLSelectElement;

interface Keys {
  store: SessionStore;
  actions: Actions;
  scene: () => Scene | null;
}

/** Does what the key says; false when it says nothing here. */
function act(event: KeyboardEvent, { store, actions, scene }: Keys): boolean {
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (event.altKey || (key !== "z" && key !== "y")) return false;
    if (key === "y" || event.shiftKey) actions.redo();
    else actions.undo();
    return true;
  }
  if (event.altKey) return false;
  const tool = event.repeat ? undefined : toolOfKey(key);
  if (tool) store.set({ tool });
  else if (key === "escape" && store.value.locked) store.lock(null);
  else if (key === "escape" && store.value.positions.length > 0)
    store.set({ positions: [], token: null });
  else if (key === "l" && !event.repeat) lock(store, scene()?.head ?? null);
  else if (key === "b") store.set({ baseline: true });
  else return false;
  return true;
}

function lock(store: SessionStore, head: { layer: number; head: number } | null): void {
  const { hover, locked } = store.value;
  const { component } = hover;
  const looked = component?.type === "head" || component?.type === "neuron" ? component : null;
  const target = looked ?? locked ?? (head && { type: "head" as const, ...head });
  if (target) store.lock(target);
}

/** Keys that are the notebook's even while the widget has the focus: save, find, leave. */
function isForeign(event: KeyboardEvent): boolean {
  if (event.key === "Tab") return true;
  return (event.ctrlKey || event.metaKey) && !/^([acvxyz]|Enter)$/i.test(event.key);
}

const isModifier = ({ key }: KeyboardEvent): boolean => key === "Control" || key === "Meta";

export function shortcuts(root: HTMLElement, keys: Keys, signal: AbortSignal): void {
  // Off from the moment that Ctrl or ⌘ goes down: the registry looks at the attribute either before
  // or after the key reaches us.
  const suppress = (event: KeyboardEvent): void => {
    const free = event.type === "keydown" && (isModifier(event) || isForeign(event));
    root.toggleAttribute(SUPPRESS, !free);
    if (!isForeign(event) && !isModifier(event)) event.stopPropagation();
  };
  const down = (event: KeyboardEvent): void => {
    if (!isTextField(event.target) && act(event, keys)) event.preventDefault();
    suppress(event);
  };
  const up = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() === "b") keys.store.set({ baseline: false });
    suppress(event);
  };
  root.toggleAttribute(SUPPRESS, true);
  root.addEventListener("keydown", down, { signal });
  root.addEventListener("keyup", up, { signal });
  root.addEventListener(
    "focusout",
    ({ relatedTarget }) => {
      root.toggleAttribute(SUPPRESS, true);
      // From one part of the view to another, as when a button is pressed, is not leaving it.
      if (relatedTarget instanceof Node && root.contains(relatedTarget)) return;
      keys.store.set({ baseline: false });
    },
    { signal },
  );
}
