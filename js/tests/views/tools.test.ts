import { afterEach, describe, expect, it } from "vitest";
import type { InterventionJson } from "../../types";
import { clicked, positionsText, range, toggled } from "../../views/positions";
import { ablation, stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

const HEAD = { type: "head", layer: 1, head: 2 } as const;
const other = {
  prompt: "A capital",
  tokens: [
    { id: 7, text: "A", special: false },
    { id: 2, text: " capital", special: false },
  ],
  pairs: [
    [0, 0],
    [1, 1],
  ] as [number, number][],
};
const ready = (change = {}) =>
  new FakeSession(stateOf({ other, reference: 3, outcome: outcomeOf(), ...change }));
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
const scaled = (change: Partial<InterventionJson> = {}): InterventionJson => ({
  ...ablation(HEAD),
  type: "scale",
  mode: null,
  strength: 0.5,
  sentence: "Scale head 1.2 by 0.5",
  ...change,
});
const edits = ({ session }: Mounted) => session.sent.filter(([op]) => op !== "select");

afterEach(unmountAll);

describe("the armed tool", () => {
  it.each([
    ["m", "mw-tool-mean", { type: "ablate", mode: "mean", component: HEAD }, "μ", "ablate"],
    ["r", "mw-tool-resample", { type: "ablate", mode: "resample", component: HEAD }, "~", "ablate"],
    ["s", "mw-tool-scale", { type: "scale", factor: 0.5, component: HEAD }, "%", "steer"],
    ["p", "mw-tool-patch", { type: "patch", component: HEAD }, "⇄", "patch"],
  ])("%s arms it; a click does it at once, in its colour", async (name, id, edit, glyph, tone) => {
    const page = await mount(ready());
    page.get("mw-cell-1-2").dispatchEvent(key(name));
    await painted();
    expect(page.get(id).getAttribute("aria-pressed")).toBe("true");
    page.get("mw-cell-1-2").click();
    await painted();
    expect(edits(page)).toEqual([["apply", edit]]);
    const cell = page.get("mw-cell-1-2");
    expect([cell.dataset.glyph, cell.dataset.tone]).toEqual([glyph, tone]);
    expect(page.get("mw-chip-0").dataset.tone).toBe(tone);
    // Another click before the kernel has answered takes it away again.
    cell.click();
    await painted();
    expect(edits(page)[1]).toEqual(["apply", edit]);
    expect(page.find("mw-chip-0")).toBeNull();
  });

  it("leaves a factor alone while it is typed, in a shadow root too (marimo)", async () => {
    const page = await mount(ready());
    const factor = page.get("mw-factor") as HTMLInputElement;
    const outer = document.createElement("div");
    document.body.append(outer);
    outer.attachShadow({ mode: "open" }).append(factor.closest(".mw") as HTMLElement);
    page.get("mw-tool-scale").click();
    await painted();
    factor.focus();
    factor.value = "0.3";
    page.session.changed(); // draws the tools again
    await painted();
    expect(factor.value).toBe("0.3");
    outer.remove();
  });

  it("takes away what is listed by its id, as strong as it may be by now", async () => {
    const page = await mount(ready({ interventions: [scaled({ strength: 1.7 })] }));
    page.get("mw-tool-scale").click();
    page.get("mw-cell-1-2").click();
    await painted();
    expect(edits(page)).toEqual([["remove", 100]]);
    expect(page.find("mw-chip-0")).toBeNull();
  });

  it("only looks: a click locks and changes nothing", async () => {
    const page = await mount(ready());
    page.get("mw-tool-look").click();
    page.get("mw-cell-1-2").click();
    await painted();
    expect(edits(page)).toEqual([]);
    expect(page.store.value.locked).toEqual(HEAD);
    page.get("mw-mlp-0").click();
    expect(edits(page)).toEqual([]);
  });

  it("says what it lacks", async () => {
    const page = await mount(ready({ other: null, reference: 0 }));
    for (const name of ["mean", "resample", "patch"]) {
      const tool = page.get(`mw-tool-${name}`);
      expect(tool.hasAttribute("data-lacks")).toBe(true);
      expect(tool.title).toMatch(/needs/);
    }
    expect(page.get("mw-tool-zero").hasAttribute("data-lacks")).toBe(false);
  });

  it("is about the selected positions, and says so", async () => {
    const page = await mount(ready());
    page.get("mw-token-1").click();
    await painted();
    expect(page.get("mw-token-1").getAttribute("aria-selected")).toBe("true");
    expect(page.get("mw-strip-note").textContent).toContain("edits at 1");
    page.get("mw-cell-1-2").click();
    expect(edits(page)).toEqual([["toggle", { ...HEAD, positions: [1] }]]);
    await painted();
    expect(page.get("mw-cell-1-2").dataset.mark).toBe("part");
    page.get("mw-cell-1-2").dispatchEvent(key("Escape"));
    expect(page.store.value.positions).toEqual([]);
  });
});

it("selected tokens are the decoder's: a layer of the encoder is edited everywhere", async () => {
  const encoder = [{ id: 1, text: "Read", special: false }];
  const model = { ...stateOf().model, cross_heads: [0, 4] };
  const page = await mount(ready({ encoder, model }));
  page.get("mw-token-1").click();
  page.get("mw-cell-0-2").click();
  page.get("mw-cell-1-2").click();
  expect(edits(page)).toEqual([
    ["toggle", { type: "head", layer: 0, head: 2 }],
    ["toggle", { ...HEAD, positions: [1] }],
  ]);
});

describe("the baseline", () => {
  it("is shown while B or the button is held, and the edits after it again", async () => {
    const outcome = outcomeOf({ kl: 0.61, fired: 1, metric: { before: 3.34, after: -0.21 } });
    const { el, get } = await mount(ready({ metric, interventions: [scaled()], outcome }));
    const bars = () => Array.from(el.querySelectorAll(".mw-after"), (node) => node.textContent);
    const edited = bars();
    expect(get("mw-metric-after").textContent).toBe("−0.21");
    get("mw-cell-0-0").dispatchEvent(key("b"));
    await painted();
    expect(get("mw-metric-after").textContent).toBe("+3.34");
    expect(get("mw-workbench").hasAttribute("data-baseline")).toBe(true);
    const before = Array.from(el.querySelectorAll(".mw-before"), (node) => node.textContent);
    expect(bars()).toEqual(before);
    get("mw-cell-0-0").dispatchEvent(new KeyboardEvent("keyup", { key: "b", bubbles: true }));
    await painted();
    expect(bars()).toEqual(edited);
    get("mw-baseline").dispatchEvent(new PointerEvent("pointerdown"));
    await painted();
    expect(get("mw-metric-after").textContent).toBe("+3.34");
    get("mw-baseline").dispatchEvent(new PointerEvent("pointerup"));
    await painted();
    expect(get("mw-metric-after").textContent).toBe("−0.21");
  });
});

describe("the strength", () => {
  it("follows the slider at once; a drag has one number of its own", async () => {
    const page = await mount(ready({ interventions: [scaled()] }));
    const slider = page.get("mw-chip-strength") as HTMLInputElement;
    const move = (to: string) => {
      slider.value = to;
      slider.dispatchEvent(new Event("input"));
    };
    slider.dispatchEvent(new Event("pointerdown"));
    move("0.7");
    move("0.9");
    slider.dispatchEvent(new Event("pointerup"));
    slider.dispatchEvent(new Event("pointerdown"));
    move("1.5");
    const sent = edits(page);
    expect(sent.map(([op, id, strength]) => [op, id, strength])).toEqual([
      ["replace", 100, 0.7],
      ["replace", 100, 0.9],
      ["replace", 100, 1.5],
    ]);
    const drags = sent.map((args) => args[3]);
    expect(drags[0]).toBe(drags[1]);
    expect(drags[2]).not.toBe(drags[0]);
    await painted();
    expect(page.session.client.shown?.interventions[0]?.strength).toBe(1.5);
  });

  it("leaves the words beside it alone while it is held, so that it stays under the hand", async () => {
    const page = await mount(ready({ interventions: [scaled()] }));
    const slider = page.get("mw-chip-strength") as HTMLInputElement;
    const words = page.get("mw-chip-0").querySelector(".mw-chip-text");
    const before = words?.textContent;
    slider.dispatchEvent(new Event("pointerdown"));
    slider.value = "1.95";
    slider.dispatchEvent(new Event("input"));
    const moved = scaled({ strength: 1.95, sentence: "Scale head 1.2 by 1.95" });
    await page.session.agree({ interventions: [moved] });
    expect(words?.textContent).toBe(before);
    expect(slider.nextElementSibling?.textContent).toBe("1.95");
    slider.dispatchEvent(new Event("pointerup"));
    expect(words?.textContent).toContain("by 1.95");
  });

  it("has no slider where there is none", async () => {
    const { get } = await mount(ready({ interventions: [ablation(HEAD)] }));
    expect(get("mw-chip-strength").closest("[hidden]")).not.toBeNull();
  });
});

describe("positions", () => {
  it("are one, a range, one more, or all", () => {
    expect(clicked([], 3)).toEqual([3]);
    expect(clicked([3], 3)).toEqual([]);
    expect(clicked([2, 3], 3)).toEqual([3]);
    expect(toggled([1, 4], 2)).toEqual([1, 2, 4]);
    expect(toggled([1, 2], 2)).toEqual([1]);
    expect(range(4, 2)).toEqual([2, 3, 4]);
    expect(positionsText([2, 3, 4, 7])).toBe("2–4, 7");
    expect(positionsText([])).toBe("");
  });

  it("are dragged over, extended with Shift, and gone with another prompt", async () => {
    const { get, store, session } = await mount(ready());
    const point = (type: string, node: HTMLElement, more = {}) =>
      node.dispatchEvent(
        new PointerEvent(type, { bubbles: true, button: 0, pointerType: "mouse", ...more }),
      );
    point("pointerdown", get("mw-token-0"));
    point("pointerover", get("mw-token-1"));
    globalThis.dispatchEvent(new Event("pointerup"));
    get("mw-token-1").click();
    expect(store.value.positions).toEqual([0, 1]);
    point("pointerover", get("mw-token-0"));
    expect(store.value.positions).toEqual([0, 1]);
    point("pointerdown", get("mw-token-1"));
    get("mw-token-1").click();
    get("mw-token-0").dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    expect(store.value.positions).toEqual([0, 1]);
    get("mw-token-0").dispatchEvent(new MouseEvent("click", { bubbles: true, ctrlKey: true }));
    expect(store.value.positions).toEqual([1]);
    await session.say({ tokens: [{ id: 5, text: "x", special: false }], other: null });
    expect(store.value.positions).toEqual([]);
  });
});

describe("prompt B", () => {
  it("stands under the prompt with what differs marked, is edited and taken away", async () => {
    const { get, find, session } = await mount(ready());
    expect(get("mw-other-0").closest("[data-differs]")).not.toBeNull();
    expect(get("mw-other-1").closest("[data-differs]")).toBeNull();
    expect(get("mw-strip-note").textContent).toContain("1 token differs at 0");
    get("mw-other-edit").click();
    const input = get("mw-other-input") as HTMLTextAreaElement;
    expect(input.value).toBe("A capital");
    input.value = "No capital";
    input.dispatchEvent(key("Enter"));
    expect(session.sent).toEqual([["set_other_prompt", "No capital"]]);
    await session.refuse("set_other_prompt", "Too long.", "Shorten it.");
    expect(get("mw-other-error").textContent).toBe("Too long. Shorten it.");
    input.dispatchEvent(key("Escape"));
    get("mw-other-remove").click();
    expect(session.sent[1]).toEqual(["set_other_prompt", null]);
    await session.agree({ other: null });
    expect(find("mw-other-0")).toBeNull();
    expect(get("mw-token-0")).toBeTruthy();
  });

  it("may be longer: what has no counterpart stands alone", async () => {
    const longer = {
      ...other,
      tokens: [...other.tokens, { id: 9, text: "!", special: false }],
      pairs: [...other.pairs, [null, 2] as [null, number]],
    };
    const { get } = await mount(ready({ other: longer }));
    expect(get("mw-other-2").parentElement?.querySelector(".mw-token-gap")).not.toBeNull();
    expect(get("mw-strip-note").textContent).toContain("B is 1 token longer");
  });
});

describe("the prompt", () => {
  it("remembers what was asked before", async () => {
    const { get, el, session } = await mount(ready());
    await session.say({ prompt: "Another", tokens: [{ id: 5, text: "x", special: false }] });
    get("mw-prompt-edit").click();
    const earlier = Array.from(el.querySelectorAll<HTMLElement>(".mw-earlier-prompt"));
    const shown = earlier.filter((node) => !node.closest("[hidden]"));
    expect(shown.map((node) => node.textContent)).toEqual(["The capital"]);
    shown[0]?.click();
    expect((get("mw-prompt-input") as HTMLTextAreaElement).value).toBe("The capital");
  });
});
