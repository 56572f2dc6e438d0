// The head map as a person uses it: point, press, paint, walk, ask for the menu.

import { afterEach, describe, expect, it } from "vitest";
import type { ModelJson } from "../../types";
import { headMap } from "../../views/head-map";
import { columnsOf, sharedWords } from "../../views/map-columns";
import { pythonName } from "../../views/map-menu";
import { ablation, HEAD, stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

const ready = (more: object = {}) =>
  new FakeSession(stateOf({ metric, outcome: outcomeOf(), ...more }));
const open = (session = ready()) => mount(session, "light", headMap);
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
const head = (layer: number, index: number) => ({ type: "head", layer, head: index }) as const;
const zero = (component: object) => ({ type: "ablate", mode: "zero", component });

/** The middle of a cell, as where the map begins at 0. */
function middle(cell: HTMLElement): { clientX: number; clientY: number } {
  const [left, top, width, height] = ["left", "top", "width", "height"].map((side) =>
    Number.parseFloat(cell.style.getPropertyValue(side)),
  ) as [number, number, number, number];
  return { clientX: left + width / 2, clientY: top + height / 2 };
}

function pointer(type: string, cell: HTMLElement, more: PointerEventInit = {}): void {
  const event = { ...middle(cell), bubbles: true, buttons: 1, button: 0, ...more };
  cell.dispatchEvent(new PointerEvent(type, event));
}

async function drag({ get }: Mounted, ...names: string[]): Promise<void> {
  pointer("pointerdown", get(names[0] as string));
  for (const name of names.slice(1)) pointer("pointermove", get(name));
  await painted();
}

afterEach(unmountAll);

describe("what there is", () => {
  it("has the stream, the heads, and the wholes that they are parts of", async () => {
    const { get } = await open();
    for (const name of ["stream", "cell", "attn", "mlp", "layer"])
      expect(get(`mw-${name}-1${name === "cell" ? "-3" : ""}`)).toBeTruthy();
    expect(get("mw-stream-1").getAttribute("aria-label")).toBe("Residual stream before layer 1");
  });

  it("leaves gaps where a layer has no heads, and says so", async () => {
    const model = { ...stateOf().model, heads: [4, 0], kv_heads: [2, 0], attention: [true, false] };
    const { el, find, get } = await open(ready({ model }));
    expect(find("mw-cell-1-0")).toBeNull();
    expect(find("mw-attn-1")).toBeNull();
    expect(get("mw-layer-1")).toBeTruthy();
    expect(el.querySelector(".mw-map-gap")?.textContent).toBe("no heads");
    expect(el.querySelectorAll(".mw-axis-shared")).toHaveLength(2);
    expect(get("mw-cell-0-3").getAttribute("aria-label")).toContain(
      "shares keys and values with heads 2 to 3",
    );
  });

  it("says who shares keys and values in every arrangement", () => {
    const model = (heads: number[], kv_heads: number[]): ModelJson =>
      ({ ...stateOf().model, heads, kv_heads }) as ModelJson;
    expect(sharedWords(model([4], [4]), 0, 1)).toBe("");
    expect(sharedWords(model([4], [1]), 0, 1)).toContain("all heads");
    expect(sharedWords(model([8], [2]), 0, 5)).toContain("heads 4 to 7");
  });

  it("finds each component's cell, and each cell's component", () => {
    const { shape, componentAt, cellOf } = columnsOf(stateOf().model);
    for (let row = 0; row < shape.rows; row++)
      for (let column = 0; column < shape.columns; column++)
        expect(cellOf(componentAt({ row, column }))).toEqual({ row, column });
    expect(cellOf({ type: "neuron", layer: 1, index: 9 })).toEqual(
      cellOf({ type: "mlp", layer: 1 }),
    );
    expect(cellOf(head(0, 9))).toBeNull();
  });
});

describe("a press", () => {
  it("skips a layer, zeroes an attention, patches the stream, each with its mark", async () => {
    const other = { prompt: "B", tokens: stateOf().tokens, pairs: [] as [number, number][] };
    const { session, get, store } = await open(ready({ other }));
    get("mw-layer-1").click();
    get("mw-attn-0").click();
    store.set({ tool: "patch" });
    get("mw-stream-1").click();
    await painted();
    expect(session.sent).toEqual([
      ["apply", { type: "skip_layer", component: { type: "layer", layer: 1 } }],
      ["toggle", { type: "attention", layer: 0 }],
      ["apply", { type: "patch", component: { type: "residual", layer: 1 } }],
    ]);
    for (const name of ["mw-layer-1", "mw-attn-0", "mw-stream-1"]) {
      expect(get(name).getAttribute("aria-pressed")).toBe("true");
      expect(get(name).hasAttribute("data-pending")).toBe(true);
    }
    expect(get("mw-layer-1").getAttribute("aria-label")).toContain("skipped");
    expect(get("mw-stream-1").getAttribute("aria-label")).toContain("patched");
  });

  it("says why a tool cannot be used there, and does nothing", async () => {
    const { session, el, get, store } = await open(ready({ reference: 2 }));
    store.set({ tool: "mean" });
    get("mw-layer-1").click();
    await painted();
    expect(session.sent).toEqual([]);
    expect(el.querySelector(".mw-map-said")?.textContent).toContain("no activation of its own");
  });

  it("is not pressed by an edit that is switched off", async () => {
    const off = { ...ablation(HEAD), enabled: false };
    const { get } = await open(ready({ interventions: [off] }));
    expect(get("mw-cell-1-2").getAttribute("aria-pressed")).toBe("false");
    expect(get("mw-cell-1-2").getAttribute("aria-label")).toContain("switched off");
  });
});

describe("painting a range", () => {
  it("edits every cell that it crosses in one step, and shows them at once", async () => {
    const view = await open();
    const { session, get, el } = view;
    await drag(view, "mw-cell-0-0", "mw-cell-0-2", "mw-cell-1-2");
    expect(el.querySelectorAll("[data-painted]")).toHaveLength(4);
    expect(session.sent).toEqual([]);
    pointer("pointerup", get("mw-cell-1-2"));
    get("mw-cell-1-2").click();
    await painted();
    const crossed = [head(0, 0), head(0, 1), head(0, 2), head(1, 2)];
    expect(session.sent).toEqual([["apply_many", crossed.map(zero), []]]);
    expect(el.querySelectorAll("[data-painted]")).toHaveLength(0);
    expect(get("mw-cell-0-1").getAttribute("aria-pressed")).toBe("true");
    await session.refuse("apply_many", "No.");
    expect(get("mw-cell-0-1").getAttribute("aria-pressed")).toBe("false");
  });

  it("is given up by Esc", async () => {
    const view = await open();
    await drag(view, "mw-cell-0-0", "mw-cell-0-3");
    view.get("mw-cell-0-0").dispatchEvent(key("Escape"));
    pointer("pointerup", view.get("mw-cell-0-3"));
    view.get("mw-cell-0-3").click();
    await painted();
    expect(view.session.sent).toEqual([]);
    expect(view.el.querySelectorAll("[data-painted]")).toHaveLength(0);
    view.get("mw-cell-0-3").click();
    expect(view.session.sent).toHaveLength(1);
  });

  it("takes away what is there when it begins on an edited cell", async () => {
    const listed = [ablation(head(0, 0), 0), ablation(head(0, 1), 1)];
    const view = await open(ready({ interventions: listed }));
    await drag(view, "mw-cell-0-0", "mw-cell-0-2");
    pointer("pointerup", view.get("mw-cell-0-2"));
    expect(view.session.sent).toEqual([["apply_many", [], [100, 101]]]);
  });

  it("is done by Shift and arrows too, and Enter", async () => {
    const { session, el, get } = await open();
    get("mw-cell-0-1").focus();
    get("mw-cell-0-1").dispatchEvent(key("ArrowDown", { shiftKey: true }));
    get("mw-cell-1-1").dispatchEvent(key("ArrowRight", { shiftKey: true }));
    await painted();
    expect(el.querySelectorAll("[data-painted]")).toHaveLength(4);
    get("mw-cell-1-2").dispatchEvent(key("Enter"));
    const range = [head(0, 1), head(0, 2), head(1, 1), head(1, 2)];
    expect(session.sent).toEqual([["apply_many", range.map(zero), []]]);
    get("mw-cell-1-2").dispatchEvent(key("ArrowLeft", { shiftKey: true }));
    get("mw-cell-1-1").dispatchEvent(key("Escape"));
    await painted();
    expect(el.querySelectorAll("[data-painted]")).toHaveLength(0);
  });

  it("paints nothing with Look, and says so of too many", async () => {
    const view = await open();
    view.store.set({ tool: "look" });
    await drag(view, "mw-cell-0-0", "mw-cell-0-2");
    expect(view.el.querySelectorAll("[data-painted]")).toHaveLength(0);
    pointer("pointerup", view.get("mw-cell-0-2"));
    expect(view.session.sent).toEqual([]);
  });
});

describe("the keyboard", () => {
  it("jumps to a layer and head that are typed", async () => {
    const { get } = await open();
    get("mw-cell-0-0").focus();
    for (const [typed, name] of [
      ["1", "mw-cell-1-0"],
      [".", "mw-cell-1-0"],
      ["3", "mw-cell-1-3"],
    ] as const) {
      document.activeElement?.dispatchEvent(key(typed));
      expect(document.activeElement).toBe(get(name));
    }
  });

  it("does not press twice while a key is held", async () => {
    const { session, get } = await open();
    get("mw-cell-0-0").dispatchEvent(key("Enter"));
    get("mw-cell-0-0").dispatchEvent(key("Enter", { repeat: true }));
    expect(session.sent).toHaveLength(1);
  });
});

describe("the menu", () => {
  const item = (view: Mounted, name: string) => view.get(`mw-menu-${name}`);

  it("comes by key, is walked by keys, and gives the focus back", async () => {
    const view = await open();
    view.get("mw-cell-1-2").focus();
    view.get("mw-cell-1-2").dispatchEvent(key("F10", { shiftKey: true }));
    const menu = view.el.querySelector<HTMLElement>(".mw-menu[role=menu]");
    expect(menu?.getAttribute("aria-label")).toBe("Head 1.2");
    expect(document.activeElement).toBe(item(view, "zero"));
    document.activeElement?.dispatchEvent(key("ArrowDown"));
    expect(document.activeElement).toBe(item(view, "mean"));
    document.activeElement?.dispatchEvent(key("a"));
    expect(document.activeElement).toBe(item(view, "layer"));
    document.activeElement?.dispatchEvent(key("Escape"));
    expect(menu?.hidden).toBe(true);
    expect(document.activeElement).toBe(view.get("mw-cell-1-2"));
  });

  it("offers each tool on the cell, and says why one cannot be used", async () => {
    const view = await open(ready({ interventions: [ablation(HEAD)] }));
    view.get("mw-cell-1-2").dispatchEvent(new MouseEvent("contextmenu", { bubbles: true }));
    expect(item(view, "zero").getAttribute("aria-checked")).toBe("true");
    expect(item(view, "patch").getAttribute("aria-disabled")).toBe("true");
    expect(item(view, "patch").textContent).toContain("needs a prompt B");
    item(view, "patch").click();
    expect(view.session.sent).toEqual([]);
    item(view, "scale").click();
    expect(view.session.sent).toEqual([["apply", { type: "scale", factor: 0.5, component: HEAD }]]);
    expect(view.el.querySelector<HTMLElement>(".mw-menu[role=menu]")?.hidden).toBe(true);
  });

  it("edits a layer, a column, everything but this, or only this", async () => {
    const view = await open(ready({ interventions: [ablation({ type: "mlp", layer: 0 })] }));
    const choose = (name: string) => {
      view.get("mw-cell-1-2").dispatchEvent(new MouseEvent("contextmenu", { bubbles: true }));
      item(view, name).click();
      return view.session.sent.at(-1);
    };
    const heads = [0, 1, 2, 3];
    expect(choose("layer")).toEqual(["apply_many", heads.map((h) => zero(head(1, h))), []]);
    expect(choose("column")).toEqual(["apply_many", [0, 1].map((l) => zero(head(l, 2))), []]);
    const [, rest] = choose("rest") as [string, object[]];
    expect(rest).toHaveLength(7);
    expect(rest).not.toContainEqual(zero(HEAD));
    expect(choose("only")).toEqual(["apply_many", [zero(HEAD)], [100]]);
  });

  it("refuses to list more than a person can read", async () => {
    const model = {
      ...stateOf().model,
      n_layers: 20,
      heads: Array(20).fill(16),
      kv_heads: Array(20).fill(16),
      cross_heads: Array(20).fill(0),
      mlp: Array(20).fill(true),
      attention: Array(20).fill(true),
    };
    const view = await open(ready({ model }));
    view.get("mw-cell-1-2").dispatchEvent(new MouseEvent("contextmenu", { bubbles: true }));
    expect(item(view, "rest").textContent).toContain("319 edits at once are more than 256");
    expect(item(view, "layer").getAttribute("aria-disabled")).toBeNull();
  });

  it("knows what a part is called in Python", () => {
    expect(pythonName(head(5, 1))).toBe("mw.Head(5, 1)");
    expect(pythonName({ type: "attention", layer: 2 })).toBe("mw.Attention(2)");
    expect(pythonName({ type: "residual", layer: 0 })).toBe("mw.Residual(0)");
  });
});
