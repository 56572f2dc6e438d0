import { afterEach, describe, expect, it } from "vitest";
import { frameOf } from "../../wire/frames";
import { stateOf } from "../wire/states";
import { painted, unmountAll } from "./fake-session";
import { METRIC, OTHER, PATCHED, press, ROWS, reading, show, word } from "./lens-kernel";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

describe("the grid", () => {
  it("says what each stream says, with its heads, and the whole of it in words", async () => {
    const { el } = await show(reading());
    expect(word(el, "a", 2, 1).textContent).toBe("a21");
    expect(word(el, "a", 2, 1).getAttribute("aria-label")).toBe(
      "·capital (1) after layer 1: “a21” 60%",
    );
    const heads = [...el.querySelectorAll(".mw-words-side")].map((one) => one.textContent);
    expect(heads).toEqual(["embed", "0", "1"]);
    expect(el.querySelector("[role=grid]")?.getAttribute("aria-rowcount")).toBe("4");
  });

  it("shows hostile texts as text", async () => {
    const evil = `<img src=x onerror="boom()">\u202e\u0000`;
    const { el } = await show(reading({}, () => evil));
    expect(el.querySelector("img")).toBeNull();
    const shown = word(el, "a", 0, 0);
    expect(shown.textContent).toContain("<img src=x");
    expect(shown.textContent).not.toContain("\u202e");
    expect(shown.title).not.toContain("\u202e");
  });

  it("walks by keyboard and lights the token everywhere", async () => {
    const { el, store } = await show(reading());
    const first = word(el, "a", 0, 0);
    first.focus();
    await press(first, "ArrowDown");
    await press(word(el, "a", 1, 0), "ArrowRight");
    expect(document.activeElement).toBe(word(el, "a", 1, 1));
    expect(store.value.hover.token).toBe(1);
    expect(el.querySelector("[data-testid=mw-lens-readout]")?.textContent).toContain("“a11” 50%");
  });

  it("makes only what is in the window, of eighty layers and three hundred tokens", async () => {
    const tokens = Array.from({ length: 300 }, (_, id) => ({
      id,
      text: ` t${id}`,
      special: false,
    }));
    const session = reading({ tokens, model: { ...stateOf().model, n_layers: 80 } });
    const { el } = await show(session);
    expect(el.querySelectorAll(".mw-word").length).toBeLessThan(100);
    expect(el.querySelectorAll(".mw-words-column").length).toBeLessThan(20);
    const asked = session.asked.filter(([op]) => op === "lens").map(([, args]) => args);
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(asked[0]).toMatchObject({ count: 16, every: 4 });
  });

  it("says why there is nothing, in the kernel's words", async () => {
    const session = reading();
    const refuse = (): never => {
      throw new Error("This model has one answer per prompt.");
    };
    session.answers.set("lens", refuse);
    session.answers.set("lens_cones", refuse);
    const { el } = await show(session);
    expect(el.textContent).toContain("one answer per prompt");
    expect(el.querySelector<HTMLElement>("[data-testid=mw-lens-a]")?.hidden).toBe(true);
  });
});

describe("what colours it", () => {
  it("asks for another measure and keeps the words meanwhile", async () => {
    const session = reading();
    const { el, get } = await show(session);
    const choice = get("mw-lens-colour") as HTMLSelectElement;
    choice.value = "kl";
    choice.dispatchEvent(new Event("change"));
    await painted();
    expect(session.asked.at(-1)?.[1]).toMatchObject({ measure: "kl", edited: false });
    expect(word(el, "a", 0, 0).title).toContain("0.10 nats");
    expect(el.querySelector(".mw-legend")?.textContent).toContain("nats KL");
  });

  it("offers what needs an answer only where there is one, and says what is missing", async () => {
    const { get, session } = await show(reading());
    const options = () => [...(get("mw-lens-colour") as HTMLSelectElement).options];
    const option = (name: string) => options().find(({ value }) => value === name);
    expect(option("answer_rank")?.disabled).toBe(true);
    expect(option("patching")?.textContent).toBe("patching effect (needs a prompt B)");
    await session.say({ metric: METRIC, other: OTHER });
    expect(option("answer_rank")?.disabled).toBe(false);
    expect(option("patching")?.disabled).toBe(false);
  });
});

describe("before, after and the change", () => {
  const edits = { interventions: [{ ...PATCHED, align: null }] };

  it("shows the change on a scale with a zero and marks where the top token is another", async () => {
    const said = (_: string, edited: boolean, row: number) => (edited && row === 1 ? "new" : "old");
    const { el, get } = await show(reading(edits, said));
    expect(word(el, "a", 1, 0).textContent).toBe("new");
    expect(word(el, "a", 1, 0).hasAttribute("data-changed")).toBe(false);
    get("mw-lens-change").click();
    await painted();
    expect(word(el, "a", 1, 0).hasAttribute("data-changed")).toBe(true);
    expect(word(el, "a", 2, 0).hasAttribute("data-changed")).toBe(false);
    expect(word(el, "a", 1, 0).title).toContain("“old” → “new” · +20.0 pp");
    expect(el.querySelector(".mw-legend-bar")?.hasAttribute("data-zero")).toBe(true);
    get("mw-lens-before").click();
    await painted();
    expect(word(el, "a", 1, 0).textContent).toBe("old");
  });

  it("shows the baseline while B is held", async () => {
    const { el, store } = await show(reading(edits));
    expect(word(el, "a", 0, 0).textContent).toBe("a!00");
    store.set({ baseline: true });
    await painted();
    expect(word(el, "a", 0, 0).textContent).toBe("a00");
  });

  it("keeps its last picture, dimmed, until the newer one is here", async () => {
    const session = reading(edits);
    const { el } = await show(session);
    const pane = el.querySelector(".mw-lens");
    expect(pane?.hasAttribute("data-waiting")).toBe(false);
    expect(word(el, "a", 0, 0).textContent).toBe("a!00");
    await session.say({ revision: 2 });
    expect(pane?.hasAttribute("data-waiting")).toBe(true);
    expect(word(el, "a", 0, 0).textContent).toBe("a!00");
    await session.say({ outcome: outcomeOf({ revision: 2 }) });
    await painted();
    expect(pane?.hasAttribute("data-waiting")).toBe(false);
  });
});

describe("prompt B", () => {
  const both = { other: OTHER, metric: METRIC };

  it("stands under A, or alone", async () => {
    const { el, get } = await show(reading(both));
    expect(word(el, "b", 1, 1).textContent).toBe("b11");
    get("mw-lens-show-b").click();
    await painted();
    expect(get("mw-lens-a").hidden).toBe(true);
    expect(get("mw-lens-b").hidden).toBe(false);
  });

  it("is patched in with P, and out again", async () => {
    const session = reading(both);
    const { el } = await show(session);
    const from = word(el, "b", 1, 0);
    from.focus();
    await press(from, "p");
    const edit = session.sent.find(([op]) => op === "apply")?.[1];
    expect(edit).toMatchObject({
      type: "patch",
      component: { type: "residual", layer: 0, end: "post" },
      align: [[0, 0]],
    });
    expect(word(el, "a", 1, 0).getAttribute("data-tone")).toBe("patch");
    await session.agree({ interventions: [{ ...PATCHED, align: [[0, 0]] }] });
    await press(word(el, "b", 1, 0), "P");
    expect(session.sent.at(-1)).toEqual(["remove", 5]);
  });

  it("tells patches that take from other positions apart", async () => {
    const session = reading({ ...both, interventions: [PATCHED] });
    const { el } = await show(session);
    await press(word(el, "a", 1, 0), "p");
    expect(session.sent.at(-1)?.[0]).toBe("apply");
  });

  it("is dragged onto another position of A, with the cone on the way", async () => {
    const session = reading(both);
    const { el } = await show(session);
    const grid = el.querySelector<HTMLElement>("[data-testid=mw-lens-a] .mw-words");
    if (!grid) throw new Error("no grid");
    grid.getBoundingClientRect = () => new DOMRect(0, 0, 480, 200);
    const width = Number.parseFloat(word(el, "a", 0, 0).style.width) + 1;
    const at = (type: string, x: number, y: number): PointerEvent =>
      new PointerEvent(type, { bubbles: true, pointerId: 1, clientX: x, clientY: y, button: 0 });
    const from = word(el, "b", 1, 0);
    from.dispatchEvent(at("pointerdown", 60, 300));
    from.dispatchEvent(at("pointermove", 42 + width + 9, 60));
    await painted();
    expect(el.querySelector("[data-target]")).toBe(word(el, "a", 1, 1));
    expect(el.querySelectorAll("[data-testid=mw-lens-a] path")).toHaveLength(2);
    expect(el.querySelector(".mw-lens-ghost")?.textContent).toBe("b10");
    from.dispatchEvent(at("pointerup", 42 + width + 9, 60));
    await painted();
    const edit = session.sent.find(([op]) => op === "apply")?.[1];
    expect(edit).toMatchObject({ align: [[1, 0]] });
    expect(el.querySelector("[data-target]")).toBeNull();
  });

  it("is dragged by a finger once that has rested, so that it can scroll before", async () => {
    const session = reading(both);
    const { el } = await show(session);
    const touch = (type: string, x: number): PointerEvent =>
      new PointerEvent(type, {
        ...{ bubbles: true, pointerId: 1, clientX: x, clientY: 60, button: 0 },
        pointerType: "touch",
      });
    const from = word(el, "b", 1, 0);
    const ghost = el.querySelector<HTMLElement>(".mw-lens-ghost");
    from.dispatchEvent(touch("pointerdown", 60));
    from.dispatchEvent(touch("pointermove", 90));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await painted();
    expect(ghost?.hidden).toBe(true);
    from.dispatchEvent(touch("pointerup", 90));
    from.dispatchEvent(touch("pointerdown", 60));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await painted();
    expect(ghost?.hidden).toBe(false);
    const scroll = new Event("touchmove", { bubbles: true, cancelable: true });
    from.dispatchEvent(scroll);
    expect(scroll.defaultPrevented).toBe(true);
    from.dispatchEvent(touch("pointercancel", 60));
    await painted();
    expect(ghost?.hidden).toBe(true);
    expect(session.sent.filter(([op]) => op === "apply")).toEqual([]);
  });

  it("says where it has no tokens under a longer A", async () => {
    const tokens = Array.from({ length: 60 }, (_, id) => ({ id, text: ` t${id}`, special: false }));
    const pairs = tokens.map(({ id }): [number, number | null] => [id, id < 2 ? id : null]);
    const session = reading({ tokens, other: { ...OTHER, pairs } });
    const { el } = await show(session);
    expect(word(el, "b", 1, 1).textContent).toBe("b11");
    expect(el.querySelector("[data-testid=mw-lens-b] .mw-lens-gap")?.textContent).toBe("");
    const short = pairs.slice(0, 40).map(([a]): [number, number | null] => [a, null]);
    await session.say({ other: { ...OTHER, pairs: short } });
    const gap = el.querySelector("[data-testid=mw-lens-b] .mw-lens-gap");
    expect(gap?.textContent).toBe("B has no tokens here");
  });

  it("colours A by the effect of each patch as it comes, and can be stopped", async () => {
    const session = reading(both);
    let finish: (whole: boolean) => void = () => {};
    let stopped = false;
    const result = { rows: ROWS, unit: "logits", label: "difference", metric_a: 1, metric_b: 3 };
    session.answers.set("patching_map", (_, { signal, onPartial }) => {
      const known = [2, 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN];
      const frames = [frameOf(known, [3, 2])];
      onPartial?.({ result, frames }, { done: 2, total: 6, label: "patching" });
      signal?.addEventListener("abort", () => {
        stopped = true;
      });
      return new Promise((resolve) => {
        finish = () => resolve({ result, frames: [frameOf([2, 1, 0, 0, 0, 2], [3, 2])] });
      });
    });
    const { el, get } = await show(session);
    const choice = get("mw-lens-colour") as HTMLSelectElement;
    choice.value = "patching";
    choice.dispatchEvent(new Event("change"));
    await painted();
    expect(el.querySelector(".mw-progress")?.textContent).toBe("2/6");
    expect(word(el, "a", 0, 0).textContent).toBe("+100%");
    expect(word(el, "a", 0, 1).title).toContain("+1.00 logits, +50% of the way to B");
    expect(word(el, "a", 1, 0).hasAttribute("data-unknown")).toBe(true);
    get("mw-lens-stop").click();
    await painted();
    expect(stopped).toBe(true);
    expect(word(el, "a", 0, 0).textContent).toBe("+100%");
    get("mw-lens-stop").click();
    await painted();
    finish(true);
    await painted();
    expect(word(el, "a", 2, 1).textContent).toBe("+100%");
    expect(get("mw-lens-stop").hidden).toBe(true);
  });
});
