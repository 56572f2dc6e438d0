// The menu of a pane: found by itself, worked by keyboard, and a table that comes from the kernel.

import { afterEach, expect, it, vi } from "vitest";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(() => {
  unmountAll();
  vi.restoreAllMocks();
});

const open = (el: Element, pane: string): HTMLButtonElement => {
  const found = el.querySelector<HTMLButtonElement>(`${pane} [data-testid="mw-picture-open"]`);
  if (!found) throw new Error(`${pane} has no menu`);
  found.click();
  return found;
};

const press = (target: Element, key: string): boolean =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

const workbench = () => mount(new FakeSession(stateOf({ outcome: outcomeOf(), metric })));

it("stands in the head of every pane, once", async () => {
  const { el, session } = await workbench();
  await session.say({ revision: 2 });
  for (const pane of [
    ".mw-heads",
    ".mw-attention",
    ".mw-outcome",
    ".mw-strip",
    ".mw-interventions",
  ]) {
    expect(el.querySelectorAll(`${pane} [data-testid="mw-picture-open"]`)).toHaveLength(1);
  }
});

it("opens on its first item, walks by arrows and gives the focus back", async () => {
  const { el, get } = await workbench();
  const opener = open(el, ".mw-outcome");
  expect(opener.getAttribute("aria-expanded")).toBe("true");
  expect(document.activeElement).toBe(get("mw-save-svg"));
  press(get("mw-save-svg"), "ArrowUp");
  expect(document.activeElement).toBe(get("mw-save-table"));
  press(get("mw-save-table"), "Escape");
  expect(get("mw-picture-menu").hidden).toBe(true);
  expect(document.activeElement).toBe(opener);
  open(el, ".mw-outcome");
  document.body.dispatchEvent(new Event("pointerdown", { bubbles: true, composed: true }));
  expect(get("mw-picture-menu").hidden).toBe(true);
});

it("asks the kernel for the table of what is shown, and copies it", async () => {
  const { el, get, session } = await workbench();
  session.answers.set("table", () => ({
    result: {
      names: ["token", "rank"],
      columns: [
        [" a", " b"],
        [1, 2],
      ],
    },
    frames: [],
  }));
  const written = vi.fn(async () => {});
  vi.stubGlobal("navigator", { clipboard: { writeText: written } });
  open(el, ".mw-attention");
  get("mw-save-table").click();
  for (let i = 0; i < 3; i++) await painted();
  expect(session.asked.at(-1)).toEqual([
    "table",
    { view: "attention", options: { layer: 0, head: 0, cross: false } },
  ]);
  expect(written).toHaveBeenCalledWith("token\trank\n a\t1\n b\t2\n");
  expect(get("mw-picture-menu").textContent).toContain("2 rows copied");
  vi.unstubAllGlobals();
});

it("says what went wrong", async () => {
  const { el, get, session } = await workbench();
  session.answers.set("table", () => ({ result: { names: ["a"], columns: [] }, frames: [] }));
  open(el, ".mw-outcome");
  get("mw-save-table").click();
  for (let i = 0; i < 3; i++) await painted();
  expect(get("mw-picture-menu").textContent).toContain("a table has a name for each column");
});
