import { afterEach, describe, expect, it } from "vitest";
import { ablation, HEAD, stateOf } from "../wire/states";
import { FakeSession, frame, mount, painted, triangle, unmountAll } from "./fake-session";
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
    const moments = el.querySelector<HTMLElement>(".mw-segments[aria-label='Which pattern']");
    expect(moments?.style.visibility).toBe("hidden");
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

describe("a pattern that is no triangle", () => {
  const walk = (el: HTMLElement) => {
    const cell = el.querySelector<HTMLElement>(".mw-matrix [role='gridcell']");
    if (!cell) throw new Error("no matrix on the page");
    cell.focus();
    return async (...keys: string[]) => {
      for (const key of keys) {
        cell.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        await painted();
      }
      return cell.getAttribute("aria-label");
    };
  };
  const axis = (el: HTMLElement, side: string) =>
    [...el.querySelectorAll(`.mw-matrix-${side} .mw-matrix-label`)].map((one) => one.textContent);

  it("lets queries look ahead, by keyboard, in words and in the resting sentence", async () => {
    const session = edited();
    const both = (edit: boolean) =>
      frame([
        [0.1, edit ? 0.6 : 0.9],
        [0.5, 0.5],
      ]);
    session.givePattern = (edit) => ({ pattern: both(edit), queries: null, keys: null });
    const { el, get, store } = await mount(session);
    store.set({ token: 0 });
    await painted();
    expect(words(el)).toBe("query The (0) reads ·capital (1) 0.60 · the most");
    get("mw-attention-change").click();
    await painted();
    expect(words(el)).toBe("query The (0) reads ·capital (1) −0.30 · the largest change");
    const press = walk(el);
    expect(await press("ArrowRight")).toBe("query The (0) reads ·capital (1) −0.30");
    expect(await press("ArrowDown")).toBe("query ·capital (1) reads ·capital (1) 0.00");
  });

  it("compares a triangle with what an edit made of it", async () => {
    const session = edited();
    const ahead = frame([
      [0.2, 0.8],
      [0, 1],
    ]);
    session.givePattern = (edit) => ({
      pattern: edit ? ahead : triangle(2, (query, key) => (query === key ? 1 : 0)),
      queries: null,
      keys: null,
    });
    const { el, get } = await mount(session);
    get("mw-attention-change").click();
    await painted();
    const press = walk(el);
    expect(await press("Home")).toBe("query The (0) reads The (0) −0.80");
    expect(await press("ArrowRight")).toBe("query The (0) reads ·capital (1) +0.80");
    get("mw-attention-before").click();
    await painted();
    expect(await press("ArrowRight")).toBe("query The (0) reads The (0) 1.00");
  });

  it("labels each side by its own tokens and lights the prompt on the side where it stands", async () => {
    const session = new FakeSession(stateOf({ outcome: outcomeOf() }));
    const queries = ["<s>", "Le", " chat"].map((text, i) => ({ text, special: i === 0 }));
    session.givePattern = () => ({
      pattern: frame([
        [0.5, 0.5],
        [1, 0],
        [0.25, 0.75],
      ]),
      queries,
      keys: null,
    });
    const { el, store, find } = await mount(session);
    expect(axis(el, "queries")).toEqual(["<s>", "Le", "·chat"]);
    expect(axis(el, "keys")).toEqual(["The", "·capital"]);
    expect(words(el)).toBe("query ·chat (2) reads ·capital (1) 0.75 · the most");
    const grid = el.querySelector(".mw-matrix [role='grid']");
    expect(grid?.getAttribute("aria-rowcount")).toBe("3");
    expect(grid?.getAttribute("aria-colcount")).toBe("2");
    const press = walk(el);
    expect(await press("End", "ArrowDown")).toBe("query Le (1) reads ·capital (1) 0.00");
    expect(store.value.hover.token).toBe(1);
    (el.querySelector(".mw-matrix [role='gridcell']") as HTMLElement).blur();
    store.hover(null, 0);
    await painted();
    const lit = [...el.querySelectorAll(".mw-matrix-label[data-lit]")];
    expect(lit.map((one) => one.textContent)).toEqual(["The"]);
    expect(find("mw-token-0")?.hasAttribute("data-lit")).toBe(true);
  });

  it("keeps showing nothing while the pattern on hand is one of another prompt", async () => {
    const session = edited();
    session.givePattern = () => ({ pattern: frame([[1, 0, 0]]), queries: null, keys: null });
    const { el } = await mount(session);
    expect(el.querySelector<HTMLElement>(".mw-matrix")?.hidden).toBe(true);
  });
});

it("asks for the baseline again when the weights are others than they were", async () => {
  const session = new FakeSession(stateOf({ outcome: outcomeOf() }));
  const { el } = await mount(session);
  expect(words(el)).toContain("0.75");
  session.givePattern = () => ({ pattern: triangle(2, () => 0.5), queries: null, keys: null });
  await session.say({ revision: 2, outcome: outcomeOf({ revision: 2 }) });
  await painted();
  expect(words(el)).toContain("0.75");
  await session.say({ revision: 3, outcome: outcomeOf({ revision: 3, model_version: 4 }) });
  await painted();
  expect(words(el)).toContain("0.50");
});

describe("a model with two stacks", () => {
  const encoder = ["le", " chat", " dort"].map((text, id) => ({ id, text, special: false }));
  const two = () => {
    const model = { ...stateOf().model, heads: [4, 4], cross_heads: [0, 4] };
    const session = new FakeSession(stateOf({ model, encoder, outcome: outcomeOf() }));
    session.givePattern = (_, cross) =>
      cross
        ? {
            pattern: frame([
              [0, 1, 0],
              [0, 0.25, 0.75],
            ]),
            queries: null,
            keys: encoder,
          }
        : { pattern: triangle(2, () => 0.5), queries: null, keys: null };
    return session;
  };

  it("shows what the encoder reads beside the prompt", async () => {
    const { el, session } = await mount(two());
    const strip = el.querySelector(".mw-encoder");
    expect(strip?.textContent).toBe("le ·chat ·dort");
    expect(strip?.getAttribute("aria-label")).toBe("The encoder reads: le ·chat ·dort");
    await session.say({ encoder: null });
    expect(el.querySelector<HTMLElement>(".mw-encoder")?.hidden).toBe(true);
  });

  it("lets a person choose between its own tokens and the encoder's, where there is a choice", async () => {
    const { el, get, store } = await mount(two());
    const choice = el.querySelector<HTMLElement>("[aria-label='Attention to which tokens']");
    expect(choice?.hidden).toBe(true);
    store.lock({ type: "head", layer: 1, head: 0 });
    await painted();
    expect(choice?.hidden).toBe(false);
    expect(words(el)).toContain("reads The (0) 0.50");
    get("mw-attention-cross").click();
    await painted();
    expect(words(el)).toBe("query ·capital (1) reads ·dort (2) 0.75 · the most");
    expect(get("mw-attention-cross").getAttribute("aria-pressed")).toBe("true");
    expect(el.querySelector(".mw-matrix [role='grid']")?.getAttribute("aria-label")).toContain(
      "Cross attention of head 1.0",
    );
    get("mw-attention-self").click();
    await painted();
    expect(words(el)).toContain("0.50");
  });
});
