import { afterEach, describe, expect, it } from "vitest";
import type { SnapshotJson } from "../../types";
import { metricWith, roleOf } from "../../views/answer-click";
import { scaleOf } from "../../views/metric-history";
import { outcome } from "../../views/outcome";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf, top } from "./outcomes";

const rows = [top(7, " Mary", 0.7, 0.3), top(8, " John", 0.05, 0.4)];
const numbers = outcomeOf({
  kl: 0.61,
  fired: 1,
  entropy: [0.25, 1.5],
  metric: { before: 3.34, after: -0.21 },
  top: rows,
});
const tried = [
  { id: 3, said: "Start", value: 3.34 },
  { id: 4, said: "Zero head 1.2", value: -0.21 },
];
const snapshot = (name: string, change: Partial<SnapshotJson> = {}): SnapshotJson => ({
  name,
  edits: 1,
  said: "Zero head 1.2",
  current: false,
  metric: -0.21,
  unit: "logits",
  label: "logit difference",
  kl: 0.61,
  top: " John",
  ...change,
});
const shown = (change: Parameters<typeof stateOf>[0] = {}) =>
  mount(
    new FakeSession(stateOf({ metric, outcome: numbers, tried, trial: 4, ...change })),
    "light",
    outcome,
  );
const all = (el: HTMLElement, testid: string) => [
  ...el.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`),
];
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });

afterEach(unmountAll);

describe("the top tokens", () => {
  it("print probabilities, logits or ranks, as a person chooses", async () => {
    const { el, get } = await shown();
    const text = () => all(el, "mw-outcome-row")[0]?.textContent;
    expect(text()).toBe("·Mary70%→30%");
    get("mw-printed-rank").click();
    await painted();
    expect(text()).toBe("·Mary1→2");
    get("mw-printed-logit").click();
    await painted();
    expect(text()).toBe("·Mary−0.36→−1.20");
    expect(get("mw-printed-logit").getAttribute("aria-pressed")).toBe("true");
  });

  it("become the answer with a click, the distractor with Shift", async () => {
    const { el, session } = await shown();
    const [mary, john] = all(el, "mw-outcome-row");
    expect(mary?.dataset.role).toBe("answer");
    expect(john?.dataset.role).toBe("distractor");
    john?.click();
    expect(session.sent).toEqual([["set_metric", { type: "logit_diff", a: 8, b: " Mary" }]]);
  });

  it("are one stop of the Tab key, and arrows walk them", async () => {
    const { el } = await shown();
    const [mary, john] = all(el, "mw-outcome-row");
    expect(all(el, "mw-outcome-row").filter(({ tabIndex }) => tabIndex === 0)).toEqual([mary]);
    mary?.focus();
    mary?.dispatchEvent(key("ArrowDown"));
    expect(document.activeElement).toBe(john);
    expect(mary?.tabIndex).toBe(-1);
  });
});

describe("the metric that a click asks for", () => {
  const [mary, john] = rows as [(typeof rows)[0], (typeof rows)[0]];
  const state = (spec: NonNullable<typeof metric>["spec"] | null) =>
    stateOf({ outcome: numbers, metric: spec && metric && { ...metric, spec } });

  it("keeps the other side, swaps the two, and never measures a token against itself", () => {
    const difference = state({ type: "logit_diff", a: 7, b: 8, position: 4 });
    const third = top(9, " Ann", 0.01, 0.01);
    const at = { position: 4 };
    expect(metricWith(difference, third, "answer")).toEqual({
      type: "logit_diff",
      a: 9,
      b: 8,
      ...at,
    });
    expect(metricWith(difference, third, "distractor")).toEqual({
      type: "logit_diff",
      a: 7,
      b: 9,
      ...at,
    });
    expect(metricWith(difference, john, "answer")).toEqual({
      type: "logit_diff",
      a: 8,
      b: 7,
      ...at,
    });
    expect(metricWith(difference, mary, "distractor")).toEqual({
      type: "logit_diff",
      a: 8,
      b: 7,
      ...at,
    });
    const chance = state({ type: "probability", token: " Mary" });
    expect(metricWith(chance, john, "answer")).toEqual({ type: "probability", token: 8 });
    expect(metricWith(chance, john, "distractor")).toEqual({
      type: "logit_diff",
      a: " Mary",
      b: 8,
    });
    expect(metricWith(chance, mary, "distractor")).toBeNull();
    expect(roleOf(chance, mary)).toBe("answer");
  });

  it("without a metric takes the likeliest other token as the answer", () => {
    expect(metricWith(state(null), mary, "answer")).toEqual({ type: "probability", token: 7 });
    expect(metricWith(state(null), john, "distractor")).toEqual({ type: "logit_diff", a: 7, b: 8 });
    expect(roleOf(state(null), mary)).toBeNull();
  });
});

describe("what the numbers say", () => {
  it("has the distance and the entropy before and after", async () => {
    const { get, session } = await shown();
    expect(get("mw-spread").textContent).toBe("KL 0.61 nats · entropy 0.25 → 1.50 nats");
    await session.say({ metric: null, outcome: { ...numbers, metric: null } });
    expect(get("mw-spread").textContent).toBe("entropy 0.25 → 1.50 nats");
  });

  it("shows the baseline's for as long as that is looked at", async () => {
    const { get, store } = await shown();
    store.set({ baseline: true });
    await painted();
    expect(get("mw-spread").textContent).toBe("KL 0.00 nats · entropy 0.25 nats");
  });
});

describe("what was tried", () => {
  it("is a mark each, says what was done, and is gone back to with a click", async () => {
    const { el, get, session } = await shown();
    const marks = all(el, "mw-trial");
    expect(marks).toHaveLength(2);
    expect(marks[1]?.getAttribute("aria-current")).toBe("true");
    expect(get("mw-trial-readout").textContent).toBe("2 states tried");
    marks[0]?.dispatchEvent(new Event("pointerenter"));
    expect(get("mw-trial-readout").textContent).toBe("1 of 2 · Start: +3.34");
    marks[0]?.click();
    expect(session.sent).toEqual([["go_back", { id: 3 }]]);
    expect(marks[0]?.hasAttribute("data-pending")).toBe(true);
    await session.agree({ trial: 3 });
    expect(marks[0]?.hasAttribute("data-pending")).toBe(false);
    expect(marks[0]?.getAttribute("aria-current")).toBe("true");
    // The mark that was there stays the same element: nothing moves.
    expect(all(el, "mw-trial")).toEqual(marks);
  });

  it("draws a small difference small", () => {
    const at = scaleOf([4.0, 4.01]);
    expect(Math.abs(at(4.01) - at(4))).toBeLessThan(0.05);
    const wide = scaleOf([-1, 3]);
    expect([wide(-1), wide(3)]).toEqual([0, 1]);
    expect(scaleOf([0, 0])(0)).toBe(0.5);
  });
});

describe("snapshots", () => {
  const two = { snapshots: [snapshot("one"), snapshot("two", { current: true, edits: 2 })] };

  it("are taken, and restored by their name", async () => {
    const { el, get, session } = await shown({ snapshots: [] });
    get("mw-take-snapshot").click();
    expect(session.sent).toEqual([["take_snapshot", {}]]);
    await session.agree(two);
    const lines = all(el, "mw-snapshot");
    expect(lines.map((line) => line.textContent)).toEqual([
      "one1−0.210.61·John",
      "two2−0.210.61·John",
    ]);
    expect(lines[1]?.hasAttribute("data-current")).toBe(true);
    all(el, "mw-snapshot-name")[0]?.click();
    expect(session.sent.at(-1)).toEqual(["restore_snapshot", { name: "one" }]);
  });

  it("are renamed where they stand; Esc keeps the old name", async () => {
    const { el, get, find, session } = await shown(two);
    all(el, "mw-snapshot-check")[0]?.click();
    await painted();
    get("mw-rename-snapshot").click();
    let field = get("mw-name-field") as HTMLInputElement;
    expect(field.value).toBe("one");
    field.value = "other";
    field.dispatchEvent(key("Escape"));
    expect(find("mw-name-field")).toBeNull();
    get("mw-rename-snapshot").click();
    field = get("mw-name-field") as HTMLInputElement;
    field.value = "movers";
    field.dispatchEvent(key("Enter"));
    expect(session.sent).toEqual([["rename_snapshot", { name: "one", to: "movers" }]]);
  });

  it("are compared when two are ticked, and deleted when asked", async () => {
    const session = new FakeSession(stateOf({ metric, outcome: numbers, ...two }));
    session.answers.set("compare_snapshots", () => ({
      result: {
        kl: 0.43,
        metric: [3.34, -0.21],
        only_one: [],
        only_other: ["Zero MLP 1"],
        top: rows,
      },
      frames: [],
    }));
    const { el, get } = await mount(session, "light", outcome);
    expect(get("mw-comparison").hidden).toBe(true);
    for (const check of all(el, "mw-snapshot-check")) check.click();
    await painted();
    expect(session.asked).toEqual([["compare_snapshots", { one: "one", other: "two" }]]);
    const said = get("mw-comparison").textContent;
    expect(said).toContain("one → two");
    expect(said).toContain("Δ −3.55 (+3.34 → −0.21) · KL 0.43 nats");
    expect(said).toContain("only two: Zero MLP 1");
    get("mw-delete-snapshot").click();
    expect(session.sent.map(([op]) => op)).toEqual(["delete_snapshot", "delete_snapshot"]);
  });

  it("without numbers say so, and a refused comparison says why", async () => {
    const late = snapshot("late", { metric: null, kl: null, top: null });
    const session = new FakeSession(
      stateOf({ metric, outcome: numbers, snapshots: [snapshot("one"), late] }),
    );
    session.answers.set("compare_snapshots", () => {
      throw new Error("'late' was taken before its numbers were there.");
    });
    const { el, get } = await mount(session, "light", outcome);
    expect(all(el, "mw-snapshot")[1]?.textContent).toBe("late1–––");
    for (const check of all(el, "mw-snapshot-check")) check.click();
    await painted();
    expect(get("mw-comparison").textContent).toContain("before its numbers were there");
  });

  it("with hostile names are text", async () => {
    const names = ["<img src=x onerror=alert(1)>", "back\u202ewards"];
    const { el } = await shown({ snapshots: names.map((name) => snapshot(name)) });
    expect(el.querySelector("img")).toBeNull();
    expect(all(el, "mw-snapshot-name")[1]?.textContent).toBe("back‹202E›wards");
    expect(all(el, "mw-snapshot-name")[0]?.textContent).toContain("<img");
  });
});
