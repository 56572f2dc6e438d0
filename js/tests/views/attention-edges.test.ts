import { afterEach, describe, expect, it } from "vitest";
import type { ComponentJson, InterventionJson } from "../../types";
import { attention } from "../../views/attention";
import { cutOff } from "../../views/attention-edges";
import { frameOf } from "../../wire/frames";
import { ablation, stateOf } from "../wire/states";
import { FakeSession, mount, painted, triangle, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

const tokens = ["a", " b", " c", " d"].map((text, id) => ({ id, text, special: false }));
const state = (change = {}) => stateOf({ tokens, outcome: outcomeOf(), ...change });
const edge = (query: number, key: number, change: Partial<InterventionJson> = {}) => ({
  ...ablation({ type: "mlp", layer: 0 }),
  type: "knock_out",
  mode: null,
  component: { type: "edge", layer: 0, head: 0, query, key } as const,
  ...change,
});

function session(change = {}, sums = [1, 1, 1, 0.5]): FakeSession {
  const fake = new FakeSession(state(change));
  fake.givePattern = () => ({
    pattern: triangle(4, (query, key) => (key === 1 && query === 3 ? 0.6 : 0.1)),
    queries: null,
    keys: null,
  });
  fake.answers.set("pattern_rows", () => ({
    result: { sink: true },
    frames: [frameOf([1, 0.5, 0.5, 0.5, ...sums], [2, 4])],
  }));
  return fake;
}

const open = async (fake = session(), tool = "zero" as const) => {
  const page = await mount(fake, "light", attention);
  page.store.set({ tool });
  for (let i = 0; i < 3; i++) await painted();
  const cell = page.el.querySelector<HTMLElement>(".mw-matrix [role='gridcell']");
  if (!cell) throw new Error("no matrix on the page");
  cell.focus();
  const press = async (...keys: string[]) => {
    for (const key of keys) {
      const [name = key, shift] = key.split("+").reverse();
      cell.dispatchEvent(
        new KeyboardEvent("keydown", { key: name, shiftKey: shift === "Shift", bubbles: true }),
      );
      await painted();
    }
  };
  const does = () => page.el.querySelector(".mw-does")?.textContent;
  const words = () => page.get("mw-attention-readout").textContent;
  return { ...page, press, does, words };
};

describe("what a press on an edge does", () => {
  it("knocks it out with the armed tool, and says so before", async () => {
    const { press, does, session: fake } = await open();
    await press("ArrowDown", "ArrowDown", "ArrowRight");
    expect(does()).toBe("click knocks out the edge · Shift-click its row");
    await press("Enter");
    const [, edit] = fake.sent.find(([op]) => op === "apply") ?? [];
    expect(edit).toMatchObject({
      type: "knock_out",
      component: { type: "edge", layer: 0, head: 0, query: 2, key: 1 },
    });
    expect(does()).toBe("click restores the edge · Shift-click its row");
  });

  it("restores one that is listed, also where Python counted from the end", async () => {
    const { press, session: fake } = await open(
      session({ interventions: [edge(-1, 1, { id: 9 })] }),
    );
    await press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "Enter");
    expect(fake.sent).toContainEqual(["remove", 9]);
  });

  it("cuts all that a query reads, or all that read a key", async () => {
    const { press, get, session: fake, does } = await open();
    await press("ArrowDown", "Shift+Enter");
    expect(fake.sent).toContainEqual([
      "toggle",
      { type: "head", layer: 0, head: 0, positions: [1] },
    ]);
    get("mw-attention-key").click();
    await painted();
    await press("ArrowRight");
    expect(does()).toContain("Shift-click its column");
    await press("Shift+Enter");
    const edges = [1, 2, 3].map((query) => [query, 1]);
    expect(fake.sent).toContainEqual(["knock_out", { layer: 0, head: 0, edges }]);
  });

  it("locks with the tool that only looks", async () => {
    const { press, does, store, session: fake } = await open(session(), "look" as never);
    await press("ArrowDown");
    expect(does()).toBe("click locks the head · arm Zero to knock out edges");
    await press("Enter");
    expect(store.value.locked).toEqual({ type: "head", layer: 0, head: 0 });
    expect(fake.sent.filter(([op]) => op !== "select")).toEqual([]);
  });

  it("offers the same in a menu", async () => {
    const { press, get, session: fake } = await open();
    await press("ArrowDown", "ArrowDown");
    await press("ContextMenu");
    const items = [...get("mw-edge-menu").querySelectorAll<HTMLElement>("button")];
    expect(items.map((item) => item.querySelector(".mw-menu-words")?.textContent)).toEqual([
      "Knock out this edge",
      "Knock out the row of ·c (2)",
      "Knock out the column of a (0)",
    ]);
    items[0]?.click();
    expect(fake.sent.some(([op]) => op === "apply")).toBe(true);
    expect(get("mw-edge-menu").hidden).toBe(true);
  });
});

describe("attention to another stack", () => {
  const crossing = edge(2, -1, {
    component: { type: "edge", layer: 0, head: 0, query: 2, key: -1, cross: true },
  });

  it("is told from that to its own", () => {
    const list = [crossing, edge(3, 0)];
    const own = cutOff(list, { layer: 0, head: 0 }, 4, 4).edges;
    expect(own).toEqual([{ query: 3, key: 0, on: true }]);
    const other = cutOff(list, { layer: 0, head: 0, cross: true }, 4, 7).edges;
    expect(other).toEqual([{ query: 2, key: 6, on: true }]);
  });
});

describe("rows and sinks as they are", () => {
  it("says where the rest of a row goes, and how much rests on the first token", async () => {
    const { press, words, get } = await open();
    await press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight");
    expect(words()).toBe(
      "query ·d (3) reads ·b (1) 0.60 · the row sums to 0.50, 0.50 goes to the learned sink",
    );
    expect(get("mw-attention-shares").textContent).toBe(
      "0.50 on the first token · 0.13 to the sink",
    );
  });

  it("says with whom a head shares its keys and values", async () => {
    const model = { ...stateOf().model, kv_heads: [1, 4] };
    const { get } = await open(session({ model }, [1, 1, 1, 1]));
    expect(get("mw-attention-shares").textContent).toBe(
      "0.50 on the first token · k/v head 0 shared with heads 1–3",
    );
  });

  it("reads along the column by key", async () => {
    const { get, store, words, el } = await open();
    (el.querySelector(".mw-matrix [role='gridcell']") as HTMLElement).blur();
    store.hover(null, null);
    store.set({ token: 1 });
    get("mw-attention-key").click();
    await painted();
    expect(words()).toBe("query ·d (3) reads ·b (1) 0.60 · the most");
  });
});

it("finds the cuts of a head and of no other", () => {
  const row: ComponentJson = { type: "head", layer: 0, head: 0, positions: [2, -1] };
  const listed = [
    edge(3, -2),
    edge(2, 0, { enabled: false }),
    { ...ablation(row) },
    edge(1, 0, { component: { type: "edge", layer: 0, head: 1, query: 1, key: 0 } }),
  ];
  expect(cutOff(listed, { layer: 0, head: 0 }, 4, 4)).toEqual({
    edges: [
      { query: 3, key: 2, on: true },
      { query: 2, key: 0, on: false },
    ],
    rows: [
      { query: 2, on: true },
      { query: 3, on: true },
    ],
  });
  expect(cutOff(listed, { layer: 0, head: 0, cross: true }, 4, 4).edges).toEqual([]);
});
