import { afterEach, describe, expect, it } from "vitest";
import type { InterventionJson, SessionState } from "../../types";
import { lens } from "../../views/lens";
import { changeOf, printed, printedChange, shadingOf } from "../../views/lens-measures";
import { coneCorners, depthChoices, rowOf, usualDepth } from "../../views/lens-rows";
import { frameOf } from "../../wire/frames";
import type { LensRow } from "../../wire/lens";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

const ROWS: LensRow[] = [
  { layer: 0, end: "pre" },
  { layer: 0, end: "post" },
  { layer: 1, end: "post" },
];
const CONES = [
  { spread: 1, both_ways: false },
  { spread: 2, both_ways: false },
  { spread: 3, both_ways: false },
];
const OTHER = {
  prompt: "The city",
  tokens: [
    { id: 1, text: "The", special: false },
    { id: 7, text: " city", special: false },
  ],
  pairs: [
    [0, 0],
    [1, 1],
  ] as [number, number][],
};
const METRIC: SessionState["metric"] = {
  label: "logit difference x − y",
  unit: "logits",
  position: 1,
  spec: { type: "logit_diff", a: " x", b: " y" },
};
const PATCHED: InterventionJson = {
  index: 0,
  id: 5,
  type: "patch",
  mode: null,
  component: { type: "residual", layer: 0, end: "post" },
  align: [[0, 1]],
  layers: null,
  strength: null,
  sentence: "Patch the stream",
  enabled: true,
};

/** A kernel that reads words off a table: `said(of, edited, row, position)`. */
function reading(
  change: Partial<SessionState> = {},
  said = (of: string, edited: boolean, row: number, position: number) =>
    `${of}${edited ? "!" : ""}${row}${position}`,
  value = (edited: boolean, row: number, position: number) =>
    0.1 * (row + 1) + 0.3 * position + (edited ? 0.2 : 0),
): FakeSession {
  const session = new FakeSession(stateOf({ outcome: outcomeOf(), ...change }));
  session.answers.set("lens", ({ of, edited, first, measure }) => {
    const tokens = (of === "b" ? session.state?.other?.tokens : session.state?.tokens) ?? [];
    const columns = Math.min(16, tokens.length - (first as number));
    const places = ROWS.flatMap((_, row) =>
      Array.from({ length: columns }, (__, at) => [row, (first as number) + at] as const),
    );
    const texts = places.map(([row, at]) => said(of as string, edited as boolean, row, at));
    const table = [...new Set(texts)];
    const shape = [ROWS.length, columns];
    const index = frameOf(
      texts.map((text) => table.indexOf(text)),
      shape,
    );
    const p = frameOf(
      places.map(([row, at]) => value(edited as boolean, row, at)),
      shape,
    );
    const ids = table.map((_, i) => i);
    return {
      result: { rows: ROWS, first, vocabulary: 1000, measure, ids, texts: table },
      frames: measure === "probability" ? [index, p] : [index, p, p],
    };
  });
  session.answers.set("lens_cones", () => ({ result: { rows: ROWS, cones: CONES }, frames: [] }));
  return session;
}

const show = (session: FakeSession) => mount(session, "light", lens);
const word = (el: HTMLElement, side: string, row: number, column: number): HTMLElement => {
  const found = el.querySelector<HTMLElement>(
    `[data-testid="mw-lens-${side}"] [data-word="${row}.${column}"]`,
  );
  if (!found) throw new Error(`no cell ${row}.${column} in ${side}`);
  return found;
};
const press = async (node: HTMLElement, key: string): Promise<void> => {
  node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await painted();
};

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

  it("prints every measure with its unit and has ranks on a log scale", () => {
    expect(printed("final_rank", 1234)).toBe("rank 1,234");
    expect(printed("entropy", 1.5)).toBe("1.50 nats");
    expect(printed("logit_diff", -2)).toBe("−2.00 logits");
    expect(printedChange("answer_rank", 100, 1)).toBe("rank 100 → 1");
    expect(changeOf("answer_rank", 100, 1)).toBeCloseTo(2);
    const { shade } = shadingOf("final_rank", 10_000, 1);
    expect([1, 100, 10_000].map(shade)).toEqual([1, 0.5, 0]);
    expect(shadingOf("kl", 1000, 1).shade(100)).toBe(1);
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

describe("a cell that is opened", () => {
  const token = (text: string, rank: number, followed = false) => ({
    id: rank,
    text,
    logit: 10 - rank,
    probability: 0.5 / rank,
    rank,
    followed,
    before: null,
  });
  const answer = (refusal = "") => ({
    layer: 1,
    end: "post",
    position: 1,
    tokens: [token(" x", 1, true), token(" y", 2)],
    entropy: 1,
    kl: 0,
    toward: [" x", " y"],
    refusal,
    wrote: refusal
      ? null
      : {
          parts: [
            { component: { type: "head", layer: 0, head: 2 }, value: 2 },
            { component: { type: "attention", layer: 0 }, value: -1, bias: true },
          ],
          others: 0,
          others_value: 0,
          embed: 0.25,
          constant: 0,
          rest: 0,
          total: 1.25,
          note: "",
        },
  });

  it("lists its tokens, and what wrote them as parts to point at and to edit", async () => {
    const session = reading({ metric: METRIC });
    session.answers.set("lens_cell", () => ({ result: answer(), frames: [] }));
    const { el, get, store } = await show(session);
    word(el, "a", 2, 1).click();
    await painted();
    await painted();
    expect(session.asked.at(-1)).toEqual([
      "lens_cell",
      { of: "a", edited: false, layer: 1, end: "post", position: 1, k: 6, toward: "answer" },
    ]);
    expect(get("mw-lens-cell").querySelector("h3")?.textContent).toBe(
      "·capital (1), after layer 1",
    );
    expect(el.querySelector(".mw-lens-token")?.getAttribute("aria-label")).toBe(
      "·x: 50%, logit 9.00, rank 1",
    );
    const part = get("mw-lens-part-head-0.2");
    part.dispatchEvent(new PointerEvent("pointerenter"));
    expect(store.value.hover.component).toEqual({ type: "head", layer: 0, head: 2 });
    part.click();
    expect(session.sent.at(-1)).toEqual(["toggle", { type: "head", layer: 0, head: 2 }]);
    expect(el.querySelector(".mw-lens-note")?.textContent).toContain("final norm held");
    await press(get("mw-lens-cell"), "Escape");
    expect(get("mw-lens-cell").hidden).toBe(true);
  });

  it("says why nothing is attributed where the stream is no sum", async () => {
    const session = reading();
    session.answers.set("lens_cell", () => ({ result: answer("It is no plain sum."), frames: [] }));
    const { el, get } = await show(session);
    word(el, "a", 2, 1).click();
    await painted();
    await painted();
    expect(session.asked.at(-1)?.[1]).toMatchObject({ toward: "top" });
    expect(get("mw-lens-cell").textContent).toContain("It is no plain sum.");
    expect(el.querySelectorAll(".mw-lens-token")).toHaveLength(2);
  });
});

describe("rows and cones", () => {
  it("thins deep models and offers the steps", () => {
    expect(usualDepth(12)).toBe("layers");
    expect(usualDepth(80)).toBe("every 4");
    expect(depthChoices(80).map(([name]) => name)).toContain("every 8");
    expect(depthChoices(4)).toHaveLength(2);
  });

  it("finds the stream before a layer after the last one", () => {
    expect(rowOf(ROWS, { type: "residual", layer: 1 })).toBe(1);
    expect(rowOf(ROWS, { type: "residual", layer: 0 })).toBe(0);
    expect(rowOf(ROWS, { type: "residual", layer: 0, end: "mid" })).toBe(-1);
    expect(rowOf(ROWS, { type: "mlp", layer: 0 })).toBe(-1);
  });

  it("draws what can change as corners", () => {
    const size = { rows: 3, columns: 4 };
    const area = (corners: [number, number][]): number =>
      Math.abs(
        corners.reduce((sum, [x, y], i) => {
          const [nx, ny] = corners[(i + 1) % corners.length] ?? [0, 0];
          return sum + (x * ny - nx * y) / 2;
        }, 0),
      );
    const cone = (spread: number, both_ways = false) => ({ spread, both_ways });
    expect(area(coneCorners(cone(2), 1, 1, size))).toBe(1 + 3);
    expect(area(coneCorners(cone(3), 1, 1, size))).toBe(2);
    expect(area(coneCorners(cone(1, true), 0, 2, size))).toBe(1 + 8);
    expect(area(coneCorners(cone(1), 1, 1, size))).toBe(6);
  });
});
