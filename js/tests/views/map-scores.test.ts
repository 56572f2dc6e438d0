// What colours the head map, and how it is drawn: the score, the ranking, the zoom.

import { afterEach, describe, expect, it } from "vitest";
import { headMap } from "../../views/head-map";
import { ablation, HEAD, stateOf } from "../wire/states";
import { FakeSession, frame, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

const ready = (more: object = {}) =>
  new FakeSession(stateOf({ metric, outcome: outcomeOf(), ...more }));
const open = (session = ready()) => mount(session, "light", headMap);
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
const head = (layer: number, index: number) => ({ type: "head", layer, head: index }) as const;

afterEach(unmountAll);

describe("the score", () => {
  const choose = async ({ get }: Mounted, name: string): Promise<void> => {
    const menu = get("mw-map-choice") as HTMLSelectElement;
    menu.value = name;
    menu.dispatchEvent(new Event("change"));
    await painted();
  };

  it("is chosen from what the kernel knows; what lacks something says what", async () => {
    const { get } = await open();
    const options = [...(get("mw-map-choice") as HTMLSelectElement).options];
    expect(options.map(({ value }) => value)).toEqual([
      ...["effect", "direct_attribution", "induction", "entropy", "mine"],
    ]);
    expect(options[1]?.disabled).toBe(true);
    expect(options[1]?.text).toBe("direct logit attribution (needs a metric)");
    expect(options[4]?.text).toBe("<b>my numbers</b>");
  });

  it("withdraws the sweep, colours by the other, and goes on with the sweep afterwards", async () => {
    const view = await open();
    expect(view.session.effectsAsked).toHaveLength(1);
    await choose(view, "induction");
    expect(view.session.effectsAsked[0]?.signal?.aborted).toBe(true);
    expect(view.session.asked).toContainEqual(["score", { name: "induction", edited: false }]);
    expect(view.get("mw-cell-0-0").getAttribute("aria-label")).toBe("Head 0.0, 0.50");
    const legend = view.el.querySelector<HTMLElement>(".mw-heads .mw-legend");
    expect(legend?.title).toContain("of the run without edits, from 0 to 1. what induction is");
    await choose(view, "effect");
    expect(view.session.effectsAsked).toHaveLength(2);
  });

  it("can be of the run with the edits, or the change, where it follows them", async () => {
    const view = await open(ready({ interventions: [ablation(HEAD)] }));
    const moments = view.get("mw-map-after").parentElement as HTMLElement;
    expect(moments.style.visibility).toBe("hidden");
    await choose(view, "entropy");
    expect(moments.style.visibility).toBe("visible");
    view.session.answers.set("score", ({ name, edited }) => ({
      result: { name, unit: "nats", scale: "sequential" },
      frames: [frame([Array(7).fill(edited ? 0.9 : 0.5), Array(7).fill(0.5)])],
    }));
    view.get("mw-map-after").click();
    await painted();
    expect(view.session.asked).toContainEqual(["score", { name: "entropy", edited: true }]);
    expect(view.get("mw-cell-0-0").getAttribute("aria-label")).toContain("0.90 nats");
    view.get("mw-map-change").click();
    await painted();
    expect(view.get("mw-cell-0-0").getAttribute("aria-label")).toContain("+0.40 nats");
    expect(view.get("mw-cell-1-0").getAttribute("aria-label")).toContain("0.00 nats");
    // Holding B looks at the baseline, here as everywhere.
    view.store.set({ baseline: true });
    await painted();
    expect(view.get("mw-cell-0-0").getAttribute("aria-label")).toContain("0.50 nats");
  });

  it("goes back to the effect when the one that was chosen is taken away", async () => {
    const view = await open();
    await choose(view, "mine");
    const entries = [{ name: "effect", title: "effect when ablated" }];
    view.session.answers.set("score_menu", () => ({ result: { scores: entries }, frames: [] }));
    await view.session.say({ scores: 2 });
    expect((view.get("mw-map-choice") as HTMLSelectElement).value).toBe("effect");
  });

  it("says why the kernel will not, and keeps the map", async () => {
    const view = await open();
    view.session.answers.set("score", () => {
      throw new Error("The model has two stacks.");
    });
    await choose(view, "induction");
    await painted();
    expect(view.el.querySelector(".mw-notes")?.textContent).toContain("The model has two stacks.");
  });
});

describe("the ranking", () => {
  const numbers = {
    unit: "logits",
    label: "",
    values: frame([
      [0.1, -3, 0.2, 0, 9, 9, 9],
      [1, 0, 0, 2, 0, 0, 0],
    ]),
  };

  it("lists the strongest first, is pointed at and pressed like the cells", async () => {
    const { session, el, get, store } = await open();
    session.giveEffects(numbers);
    get("mw-map-rank").click();
    await painted();
    const names = () =>
      [...el.querySelectorAll<HTMLElement>(".mw-ranking li:not([hidden]) .mw-rank-name")].map(
        (one) => one.textContent,
      );
    expect(names().slice(0, 3)).toEqual(["Head 0.1", "Head 1.3", "Head 1.0"]);
    get("mw-rank-head-0-1").dispatchEvent(new PointerEvent("pointermove", { bubbles: true }));
    expect(store.value.hover.component).toEqual(head(0, 1));
    get("mw-rank-head-0-1").click();
    expect(session.sent).toEqual([["toggle", head(0, 1)]]);
    await painted();
    expect(get("mw-rank-head-0-1").getAttribute("aria-pressed")).toBe("true");
    get("mw-rank-head-0-1").focus();
    get("mw-rank-head-0-1").dispatchEvent(key("ArrowDown"));
    expect(document.activeElement).toBe(get("mw-rank-head-1-3"));
    get("mw-ranking-wholes").click();
    await painted();
    expect(names()[0]).toBe("Attention 0");
  });
});

describe("zoom and numbers", () => {
  it("prints numbers where there is room, and makes room where they are wanted", async () => {
    const { session, get } = await open();
    session.giveEffects({
      unit: "logits",
      label: "",
      values: frame([[1, 2, 3, 4, 0, 0, 0], Array(7).fill(0)]),
    });
    await painted();
    const shows = () => get("mw-map-print").getAttribute("aria-pressed");
    const before = shows();
    if (before === "false") {
      get("mw-map-print").click();
      await painted();
    }
    expect(shows()).toBe("true");
    expect(get("mw-cell-0-0").textContent).toBe("+1.00");
    get("mw-map-print").click();
    await painted();
    expect(get("mw-cell-0-0").textContent).toBe("");
  });

  it("goes nearer and further by button and key, never below what fits", async () => {
    const model = {
      ...stateOf().model,
      n_layers: 24,
      heads: Array(24).fill(16),
      kv_heads: Array(24).fill(16),
      cross_heads: Array(24).fill(0),
      mlp: Array(24).fill(true),
      attention: Array(24).fill(true),
    };
    const { get } = await open(ready({ model }));
    const width = () => Number.parseFloat(get("mw-cell-0-0").style.width);
    const fits = width();
    expect((get("mw-map-further") as HTMLButtonElement).disabled).toBe(true);
    get("mw-map-nearer").click();
    await painted();
    expect(width()).toBeGreaterThan(fits);
    get("mw-cell-0-0").dispatchEvent(key("+"));
    await painted();
    get("mw-cell-0-0").dispatchEvent(key("-"));
    get("mw-cell-0-0").dispatchEvent(key("-"));
    await painted();
    get("mw-cell-0-0").dispatchEvent(key("-"));
    await painted();
    expect(width()).toBe(fits);
  });
});
