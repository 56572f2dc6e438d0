import { afterEach, describe, expect, it } from "vitest";
import { ablation, HEAD, stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

const edited = () =>
  new FakeSession(stateOf({ interventions: [ablation(HEAD)], outcome: outcomeOf() }));
const words = (el: HTMLElement) =>
  el.querySelector("[data-testid='mw-attention-readout']")?.textContent;
const title = (el: HTMLElement) => el.querySelector(".mw-attention h3")?.textContent;
const over = (node: HTMLElement) =>
  node.dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));

describe("which head is shown", () => {
  it("follows the pointer, keeps the last one, and stays on a locked one", async () => {
    const { el, get, store } = await mount(edited());
    expect(title(el)).toBe("Head 0.0");
    over(get("mw-cell-1-3"));
    await painted();
    expect(title(el)).toBe("Head 1.3");
    store.hover(null);
    await painted();
    expect(title(el)).toBe("Head 1.3");
    get("mw-attention-lock").click();
    over(get("mw-cell-0-1"));
    await painted();
    expect(title(el)).toBe("Head 1.3");
    expect(get("mw-cell-1-3").hasAttribute("data-locked")).toBe(true);
    get("mw-attention-lock").click();
    over(get("mw-cell-0-2"));
    await painted();
    expect(title(el)).toBe("Head 0.2");
  });

  it("goes back to one that exists when the model has fewer heads there", async () => {
    const { el, store, session } = await mount(edited());
    store.lock({ type: "head", layer: 1, head: 3 });
    const model = { ...stateOf().model, heads: [4, 2] };
    await session.say({ model });
    expect(title(el)).toBe("Head 0.0");
  });
});

describe("before, after and the change", () => {
  it("shows the edited pattern first and the others by choice", async () => {
    const { el, get } = await mount(edited());
    expect(words(el)).toBe("query ·capital (1) reads ·capital (1) 0.25 · the most");
    get("mw-attention-before").click();
    await painted();
    expect(words(el)).toContain("0.75");
    get("mw-attention-change").click();
    await painted();
    expect(words(el)).toBe("query ·capital (1) reads ·capital (1) −0.50 · the largest change");
  });

  it("shows the baseline while B is held", async () => {
    const { el, get } = await mount(edited());
    const cell = get("mw-cell-0-0");
    cell.dispatchEvent(new KeyboardEvent("keydown", { key: "b", bubbles: true }));
    await painted();
    expect(words(el)).toContain("0.75");
    cell.dispatchEvent(new KeyboardEvent("keyup", { key: "b", bubbles: true }));
    await painted();
    expect(words(el)).toContain("0.25");
  });

  it("has nothing to choose from without edits", async () => {
    const { el } = await mount(new FakeSession(stateOf({ outcome: outcomeOf() })));
    expect(el.querySelector<HTMLElement>(".mw-segments")?.style.visibility).toBe("hidden");
    expect(words(el)).toContain("0.75");
  });
});

it("walks the triangle by keyboard and says each cell", async () => {
  const { el } = await mount(edited());
  const cell = el.querySelector<HTMLElement>(".mw-matrix [role='gridcell']");
  cell?.focus();
  cell?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  await painted();
  expect(cell?.getAttribute("aria-label")).toBe("query ·capital (1) reads The (0) 0.00");
  expect(words(el)).toBe("query ·capital (1) reads The (0) 0.00");
  expect(el.querySelector("[data-token='1']")?.hasAttribute("data-lit")).toBe(true);
});
