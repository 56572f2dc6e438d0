import { afterEach, describe, expect, it } from "vitest";
import { attention } from "../../views/attention";
import { entriesFor } from "../../views/attention-multiples";
import { frameOf } from "../../wire/frames";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

/** Every row of a layer is in sight in a page without a layout. */
globalThis.IntersectionObserver = class {
  constructor(private readonly tell: IntersectionObserverCallback) {}
  observe(target: Element): void {
    queueMicrotask(() =>
      this.tell([{ target, isIntersecting: true } as IntersectionObserverEntry], this as never),
    );
  }
  unobserve(): void {}
  disconnect(): void {}
  takeRecords = () => [];
} as never;

function session(change = {}): FakeSession {
  const fake = new FakeSession(stateOf({ outcome: outcomeOf(), ...change }));
  fake.answers.set("patterns", ({ layer, heads }) => {
    const shown = (heads as number[] | undefined) ?? [0, 1, 2, 3];
    const values = shown.flatMap((head) => [1, 0, head / 10, 1 - head / 10]);
    return {
      result: {
        layer,
        heads: shown,
        factor: 1,
        n_queries: 2,
        n_keys: 2,
        queries: null,
        keys: null,
        sink: layer === 1,
        first: shown.map((head) => head / 10),
        rest: shown.map(() => (layer === 1 ? 0.25 : 0)),
        note: "",
      },
      frames: [frameOf(values, [shown.length, 2, 2])],
    };
  });
  return fake;
}

const open = async (fake: FakeSession, scope: string) => {
  const page = await mount(fake, "light", attention);
  page.get(`mw-attention-${scope}`).click();
  for (let i = 0; i < 4; i++) await painted();
  return page;
};
const thumbnails = (el: HTMLElement) =>
  [...el.querySelectorAll(".mw-thumbnail")].map((node) => node.getAttribute("aria-label"));

describe("many heads", () => {
  it("shows all heads of a layer, with what rests on the first token and on none", async () => {
    const { el, store } = await open(session(), "layer");
    expect(thumbnails(el)).toEqual([
      "Head 0.0, 0.00 on the first token",
      "Head 0.1, 0.10 on the first token",
      "Head 0.2, 0.20 on the first token",
      "Head 0.3, 0.30 on the first token",
    ]);
    store.lock({ type: "head", layer: 1, head: 0 });
    for (let i = 0; i < 4; i++) await painted();
    expect(thumbnails(el)[2]).toBe("Head 1.2, 0.20 on the first token, 0.25 on no token");
  });

  it("asks for each layer once, as small as it is drawn", async () => {
    const { el, session: fake } = await open(session(), "model");
    expect(el.querySelectorAll(".mw-thumbnail")).toHaveLength(8);
    const asked = fake.asked.filter(([op]) => op === "patterns").map(([, args]) => args);
    expect(asked).toEqual(
      [0, 1].map((layer) => ({
        layer,
        moment: "before",
        weight: "pattern",
        cross: false,
        most: 48,
      })),
    );
  });

  it("puts heads that share keys and values under one line", async () => {
    const model = { ...stateOf().model, kv_heads: [2, 4] };
    const { el } = await open(session({ model }), "layer");
    const groups = [...el.querySelectorAll<HTMLElement>(".mw-multiples-group")];
    expect(groups.map((group) => group.dataset.group)).toEqual(["k/v head 0", "k/v head 1"]);
    expect(groups.map((group) => group.childElementCount)).toEqual([2, 2]);
  });

  it("opens one large on a click, and chooses with Ctrl", async () => {
    const { el, get, store } = await open(session(), "layer");
    const click = new MouseEvent("click", { bubbles: true, ctrlKey: true });
    get("mw-thumbnail-0-1").dispatchEvent(click);
    get("mw-thumbnail-0-3").dispatchEvent(
      new MouseEvent("click", { bubbles: true, metaKey: true }),
    );
    await painted();
    expect(store.value.pinned).toEqual([
      { layer: 0, head: 1 },
      { layer: 0, head: 3 },
    ]);
    expect(get("mw-attention-pinned").textContent).toBe("chosen 2");
    get("mw-attention-pinned").click();
    for (let i = 0; i < 4; i++) await painted();
    expect(thumbnails(el)).toEqual([
      "Head 0.1, 0.10 on the first token, chosen",
      "Head 0.3, 0.30 on the first token, chosen",
    ]);
    get("mw-thumbnail-0-3").click();
    await painted();
    expect(store.value.locked).toEqual({ type: "head", layer: 0, head: 3 });
    expect(el.querySelector(".mw-attention h3")?.textContent).toBe("Head 0.3");
  });

  it("says why there is nothing to see", async () => {
    const fake = session();
    fake.answers.set("patterns", () => Promise.reject(new Error("There is a gate in between.")));
    const { el } = await open(fake, "layer");
    expect(el.querySelector(".mw-empty")?.textContent).toBe("There is a gate in between.");
  });

  it("marks what is cut", async () => {
    const edge = { type: "edge", layer: 0, head: 2, query: -1, key: 0 } as const;
    const cut = {
      index: 0,
      id: 7,
      type: "knock_out",
      mode: null,
      component: edge,
      layers: null,
      strength: null,
      sentence: "Knock out",
      enabled: true,
    };
    const { get } = await open(session({ interventions: [cut] }), "layer");
    const dots = get("mw-thumbnail-0-2").querySelectorAll<HTMLElement>(".mw-thumbnail-cut");
    expect(dots).toHaveLength(1);
    expect(dots[0]?.style.top).toBe("75%");
    expect(dots[0]?.style.left).toBe("25%");
  });
});

it("never asks for more entries than there are pixels, and for few in a bird's-eye view", () => {
  expect(entriesFor(60, "model", 1)).toBe(48);
  expect(entriesFor(60, "model", 3)).toBe(48);
  expect(entriesFor(20, "model", 1)).toBe(16);
  expect(entriesFor(160, "layer", 1)).toBe(128);
  expect(entriesFor(168, "layer", 2)).toBe(256);
});
