// The cache view on a fake session: what is asked, what a cell says, what is dropped, and large models.

import { afterEach, expect, it } from "vitest";
import { cache } from "../../views/cache";
import { bytes, layersText } from "../../views/cache-words";
import { frameOf } from "../../wire/frames";
import type { Answer } from "../../wire/rpc";
import { stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

const PLAIN = {
  cross: false,
  kind: "keys and values",
  kv_heads: 2,
  heads: 4,
  dtype: "float32",
  first: 0,
  window: null,
  widths: [8, 8],
  states: [],
  n_bytes: 2560,
  bytes_per_token: 128,
};

type Layer = Omit<typeof PLAIN, "window" | "states"> & {
  layer: number;
  window: number | null;
  states: unknown[];
};

/** Norms are layer + head / 10 + position / 100; after is 1 more, and the change 0.5. */
function answer(layers: Layer[], n: number, edited = false, later: string[] = []): Answer<unknown> {
  const kept = layers.filter(({ kind }) => kind !== "state");
  const rows = kept.flatMap(({ layer, cross, kv_heads }) =>
    Array.from({ length: kv_heads }, (_, head) => [layer, cross, head] as const),
  );
  const norms = (more: number): number[] =>
    rows.flatMap(([layer, , head]) =>
      Array.from({ length: n }, (_, at) => {
        const first = layers.find((one) => one.layer === layer)?.first ?? 0;
        return at < first ? Number.NaN : more + layer + head / 10 + at / 100;
      }),
    );
  const half = norms(0).map((value) => (Number.isNaN(value) ? value : 0.5));
  const shape = [rows.length, n];
  const frames = [frameOf(norms(0), shape)];
  if (edited) frames.push(frameOf(norms(1), shape), frameOf(half, shape));
  const sum = (of: "n_bytes" | "bytes_per_token") => layers.reduce((all, one) => all + one[of], 0);
  const about = { n_bytes: sum("n_bytes"), bytes_per_token: sum("bytes_per_token") };
  return { result: { later, edited, layers, rows, ...about }, frames };
}

const two = (change: Partial<Layer> = {}): Layer[] => [
  { ...PLAIN, layer: 0 },
  { ...PLAIN, layer: 1, ...change },
];

async function shown(
  give: (args: Record<string, unknown>) => Answer<unknown> = () => answer(two(), 2),
  state = stateOf({ outcome: outcomeOf() }),
): Promise<Mounted> {
  const fake = new FakeSession(state);
  fake.answers.set("cache", give);
  const mounted = await mount(fake, "light", cache);
  for (let i = 0; i < 3; i++) await painted();
  return mounted;
}

const cursor = ({ el }: Mounted): HTMLElement => el.querySelector(".mw-cursor") as HTMLElement;

async function press(view: Mounted, key: string): Promise<void> {
  cursor(view).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
  );
  await painted();
}

async function choose(view: Mounted, testid: string, value: string): Promise<void> {
  const select = view.get(testid) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event("change"));
  for (let i = 0; i < 3; i++) await painted();
}

it("says how large it is, what each layer keeps, and one cell in a sentence", async () => {
  const view = await shown();
  expect(view.session.asked[0]).toEqual([
    "cache",
    { part: "keys", layer: null, new_tokens: 0, temperature: 0, top_p: 1, seed: 0, on: "both" },
  ]);
  expect(view.get("mw-cache-size").textContent).toBe(
    "5.1 kB after 2 tokens · 256 bytes per further token · float32",
  );
  expect(view.el.textContent).toContain(
    "layers 0–1: 2 kv heads (8 numbers), each read by 2 query heads, 2.6 kB each",
  );
  await press(view, "ArrowDown");
  await press(view, "ArrowRight");
  expect(cursor(view).getAttribute("aria-label")).toBe(
    "Layer 0, kv head 1 (query heads 2–3), ·capital (1): ‖k‖ 0.11",
  );
});

it("lights up the token and what reads the head, and selects the token on a press", async () => {
  const view = await shown();
  await press(view, "ArrowRight");
  // Two query heads share it: it is no one head's.
  expect(view.store.value.hover).toEqual({
    component: { type: "attention", layer: 0 },
    token: 1,
  });
  await press(view, "Enter");
  expect(view.store.value.token).toBe(1);
  view.store.hover({ type: "head", layer: 1, head: 3 }, 0);
  await painted();
  const [, column, row] = view.el.querySelectorAll<HTMLElement>(
    ".mw-positions-chosen, .mw-positions-lit",
  );
  expect(column?.hidden).toBe(false);
  expect(row?.hidden).toBe(false);
});

it("a head with a cache of its own is lit as that head", async () => {
  const own = two().map((layer) => ({ ...layer, heads: 2 }));
  const view = await shown(() => answer(own, 2));
  await press(view, "ArrowDown");
  expect(view.store.value.hover.component).toEqual({ type: "head", layer: 0, head: 1 });
});

it("tells before, after and change apart, and shows the baseline while it is held", async () => {
  const view = await shown(() => answer(two(), 2, true));
  expect(view.get("mw-cache-moment").hidden).toBe(false);
  expect(cursor(view).getAttribute("aria-label")).toContain(
    "‖k‖ 1.00 (+1.00), ‖k‖ was 0.00, moved by 0.50",
  );
  const grid = view.el.querySelector("[role=grid]");
  expect(grid?.getAttribute("aria-label")).toContain("with the edits");
  await choose(view, "mw-cache-moment", "change");
  expect(grid?.getAttribute("aria-label")).toContain("difference that the edits make");
  view.store.set({ baseline: true });
  await painted();
  expect(grid?.getAttribute("aria-label")).toContain("without edits");
});

it("says what a window has dropped", async () => {
  const view = await shown(() => answer(two({ first: 1, window: 2 }), 2));
  expect(view.el.textContent).toContain("window 2: the last 1 position held, 1 dropped");
  expect(view.el.textContent).toContain("a line: dropped by the sliding window");
  await press(view, "PageDown");
  expect(cursor(view).getAttribute("aria-label")).toContain("dropped, outside the window of 2");
});

it("shows states as what they are, and no map where there is nothing else", async () => {
  const state: Layer = {
    ...{ ...PLAIN, kind: "state", kv_heads: 0, heads: 0, widths: [0, 0], bytes_per_token: 0 },
    layer: 0,
    states: [["recurrent state", [1, 4, 8]]],
  };
  const view = await shown(() => answer([state, { ...state, layer: 1 }], 2));
  expect(view.el.textContent).toContain("a state of fixed size instead of keys and values");
  expect(view.el.textContent).toContain("recurrent state 1×4×8");
  expect(view.get("mw-cache-size").textContent).toContain("does not grow");
  expect(view.el.querySelector<HTMLElement>(".mw-positions")?.hidden).toBe(true);
});

it("names latent attention and cross attention", async () => {
  const layers = [
    { ...PLAIN, layer: 0, kind: "latent", kv_heads: 1, widths: [512, 64] },
    { ...PLAIN, layer: 1, cross: true, heads: 2 },
  ];
  const view = await shown(() => answer(layers, 2));
  expect(view.el.textContent).toContain("one compressed vector per position (512 + 64 numbers)");
  expect(view.el.textContent).toContain("2 kv heads of the encoder’s positions");
});

it("goes on as the continuation is set, and names what it wrote", async () => {
  const view = await shown(({ new_tokens }) =>
    new_tokens ? answer(two(), 4, false, [" Paris", " <b>"]) : answer(two(), 2),
  );
  view.store.set({ continuation: { ...view.store.value.continuation, tokens: 7, seed: 3 } });
  await painted();
  await choose(view, "mw-cache-until", "written");
  expect(view.session.asked.at(-1)?.[1]).toMatchObject({ new_tokens: 7, seed: 3, on: "both" });
  expect(view.get("mw-cache-size").textContent).toContain("after 4 tokens");
  await press(view, "End");
  expect(cursor(view).getAttribute("aria-label")).toContain("·<b> (3)");
  expect(view.el.querySelector("b")).toBeNull();
  // What was written is no token of the prompt.
  expect(view.store.value.hover.token).toBeNull();
});

it("says why there is none, and refuses an answer of another shape", async () => {
  const refused = await shown(() => {
    throw new Error("It generates without a cache: the model has two stacks.");
  });
  expect(refused.el.querySelector(".mw-empty")?.textContent).toContain("without a cache");
  const odd = await shown(() => ({ ...answer(two(), 2), frames: [frameOf([1, 2], [1, 2])] }));
  expect(odd.el.querySelector(".mw-empty")?.textContent).toContain("could not be read");
});

it("stands up to 80 layers and a thousand tokens with few elements", async () => {
  const layers = Array.from({ length: 80 }, (_, layer) => ({ ...PLAIN, layer }));
  const n = 1000;
  const tokens = Array.from({ length: n }, (_, id) => ({ id, text: ` t${id}`, special: false }));
  const state = stateOf({ outcome: outcomeOf(), tokens });
  const view = await shown(() => answer(layers, n), state);
  expect(view.el.querySelectorAll("*").length).toBeLessThan(1200);
  expect(view.el.querySelector("[role=grid]")?.getAttribute("aria-colcount")).toBe("1000");
});

it("writes sizes and layers for people", () => {
  expect([0, 999, 1000, 65_536, 3_200_000_000].map(bytes)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.0 kB",
    "65.5 kB",
    "3.2 GB",
  ]);
  expect(layersText([0, 1, 2, 5])).toBe("layers 0–2, 5");
  expect(layersText([3])).toBe("layer 3");
});
