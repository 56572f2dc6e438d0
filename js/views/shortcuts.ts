// The widget's own keys, and keeping them from the notebook around it: inside the widget Ctrl/⌘-Z
// undoes an intervention and not a cell, and no letter triggers a command. What is not ours and is
// held with Ctrl or ⌘ (save, say) still reaches the notebook.

import type { SessionStore } from "../store/session-store";
import type { Actions } from "./actions";
import { neuronOf, type Scene } from "./pane";
import { TOOL_NAMES, TOOLS } from "./tools";

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
  /** Shows the sheet of keys. */
  help: () => void;
}

/** What a key does, wherever the focus is in a view; the sheet of keys lists these. */
export interface Shortcut {
  /** As a person would say it. */
  readonly keys: readonly string[];
  readonly does: string;
  /** Does it, where the event is its and there is something to do; false otherwise. */
  act(event: KeyboardEvent, keys: Keys): boolean;
}

const plain = ({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean =>
  !ctrlKey && !metaKey && !altKey;
const isKey = (event: KeyboardEvent, key: string): boolean =>
  plain(event) && event.key.toLowerCase() === key;
const command = (event: KeyboardEvent, key: string): boolean =>
  (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === key;

export const SHORTCUTS: readonly Shortcut[] = [
  {
    keys: ["Ctrl Shift Z", "Ctrl Y"],
    does: "Do again what was undone",
    act(event, { actions }) {
      if (!command(event, "y") && !(command(event, "z") && event.shiftKey)) return false;
      actions.redo();
      return true;
    },
  },
  {
    keys: ["Ctrl Z"],
    does: "Undo the last change",
    act(event, { actions }) {
      if (!command(event, "z")) return false;
      actions.undo();
      return true;
    },
  },
  ...TOOL_NAMES.map((name): Shortcut => {
    const { key, text } = TOOLS[name];
    return {
      keys: [key.toUpperCase()],
      does: `Take the tool “${text}”`,
      act(event, { store }) {
        if (!isKey(event, key) || event.repeat) return false;
        store.set({ tool: name });
        return true;
      },
    };
  }),
  {
    keys: ["L"],
    does: "Lock the head that is looked at, or unlock it",
    act(event, { store, scene }) {
      if (!isKey(event, "l") || event.repeat) return false;
      lock(store, scene()?.head ?? null);
      return true;
    },
  },
  {
    keys: ["N"],
    does: "See the neuron that is looked at in depth",
    act(event, { store }) {
      if (!isKey(event, "n") || event.repeat) return false;
      const { hover, locked } = store.value;
      const neuron = neuronOf(hover.component) ?? neuronOf(locked);
      if (neuron) store.set({ locked: neuron, tab: "neuron" });
      return neuron !== null;
    },
  },
  {
    keys: ["B"],
    does: "See the baseline for as long as it is held",
    act(event, { store }) {
      if (!isKey(event, "b")) return false;
      store.set({ baseline: true });
      return true;
    },
  },
  {
    keys: ["Esc"],
    does: "Unlock the head; then forget the selected positions",
    act(event, { store }) {
      if (!isKey(event, "escape")) return false;
      if (store.value.locked) store.lock(null);
      else if (store.value.positions.length > 0) store.set({ positions: [], token: null });
      else return false;
      return true;
    },
  },
  {
    keys: ["?"],
    does: "Show this sheet",
    act(event, { help }) {
      if (!isKey(event, "?")) return false;
      help();
      return true;
    },
  },
];

/** Does what the key says; false when it says nothing here. */
const act = (event: KeyboardEvent, keys: Keys): boolean =>
  SHORTCUTS.some((shortcut) => shortcut.act(event, keys));

function lock(store: SessionStore, head: { layer: number; head: number } | null): void {
  const { hover, locked } = store.value;
  const { component } = hover;
  const looked = component?.type === "head" ? component : neuronOf(component);
  const target = looked ?? locked ?? (head && { type: "head" as const, ...head });
  if (target) store.lock(target);
}

/** Keys that are the notebook's even while the widget has the focus: save, find, palette, leave. */
function isForeign({ key, ctrlKey, metaKey, altKey, shiftKey, target }: KeyboardEvent): boolean {
  if (key === "Tab") return true;
  if (!ctrlKey && !metaKey) return false;
  if (altKey) return !isTextField(target); // AltGr is Ctrl with Alt to some, and writes letters
  return !(shiftKey ? /^(z|Enter)$/i : /^([acvxyz]|Enter)$/i).test(key);
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
