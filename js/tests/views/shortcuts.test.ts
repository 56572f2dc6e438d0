// Which keys are the widget's while it has the focus, and which the notebook's around it.

import { afterEach, describe, expect, it } from "vitest";
import { mount, unmountAll } from "./fake-session";

afterEach(unmountAll);

interface Press extends KeyboardEventInit {
  key: string;
}

/** Whether a key that is pressed in the head map reaches what is around the widget. */
async function reachesTheNotebook(init: Press, testid = "mw-cell-0-0"): Promise<boolean> {
  const { el, get } = await mount();
  const heard: string[] = [];
  const outside = ({ key }: KeyboardEvent): number => heard.push(key);
  document.body.addEventListener("keydown", outside);
  get(testid).dispatchEvent(
    new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }),
  );
  document.body.removeEventListener("keydown", outside);
  const free = el.querySelector("[data-lm-suppress-shortcuts]") === null;
  expect(free, "JupyterLab is told so by the attribute").toBe(heard.length > 0);
  return free;
}

describe("keys in the widget", () => {
  it.each<Press>([
    { key: "s", ctrlKey: true },
    { key: "f", metaKey: true },
    { key: "C", ctrlKey: true, shiftKey: true },
    { key: "M", ctrlKey: true, shiftKey: true },
    { key: "z", ctrlKey: true, altKey: true },
    { key: "Tab" },
  ])("$key is the notebook's with Ctrl or ⌘ ($ctrlKey, $shiftKey, $altKey)", async (press) => {
    expect(await reachesTheNotebook(press)).toBe(true);
  });

  it.each<Press>([
    { key: "d" },
    { key: "x" },
    { key: "Enter", ctrlKey: true },
    { key: "z", ctrlKey: true },
    { key: "Z", ctrlKey: true, shiftKey: true },
    { key: "c", metaKey: true },
  ])("$key is the widget's ($ctrlKey, $shiftKey)", async (press) => {
    expect(await reachesTheNotebook(press)).toBe(false);
  });

  it("leaves a letter that AltGr writes in a field there", async () => {
    const press = { key: "ż", ctrlKey: true, altKey: true };
    expect(await reachesTheNotebook(press, "mw-metric-answer")).toBe(false);
  });
});
