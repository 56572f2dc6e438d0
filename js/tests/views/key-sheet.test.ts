// The sheet of keys: it opens, it names every shortcut, and what is pressed in it changes nothing.

import { afterEach, expect, it } from "vitest";
import { SHORTCUTS } from "../../views/shortcuts";
import { mount, unmountAll } from "./fake-session";

afterEach(unmountAll);

const press = (el: Element, key: string): void => {
  el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
};

it("opens with ? and by its button, and names every shortcut", async () => {
  const { get } = await mount();
  const sheet = get("mw-key-sheet") as HTMLDialogElement;
  expect(sheet.open).toBe(false);
  press(get("mw-workbench"), "?");
  expect(sheet.open).toBe(true);
  const shown = Array.from(sheet.querySelectorAll(".mw-key"), (key) => key.textContent);
  for (const key of SHORTCUTS.flatMap(({ keys }) => keys)) expect(shown).toContain(key);
  sheet.close();
  get("mw-keys-open").click();
  expect(sheet.open).toBe(true);
});

it("keeps the keys that are pressed in it to itself", async () => {
  const { get, store } = await mount();
  get("mw-keys-open").click();
  press(get("mw-key-sheet"), "v");
  expect(store.value.tool).toBe("zero");
  press(get("mw-workbench"), "v");
  expect(store.value.tool).toBe("look");
});
