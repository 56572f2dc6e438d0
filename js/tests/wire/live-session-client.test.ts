// A click is painted in its own frame, and in the end the page shows what the kernel says.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ablatedBy, componentKey, type SessionState } from "../../types";
import { connectSession } from "../../wire/live-session-client";
import { pageName } from "../../wire/page-name";
import { askScore } from "../../wire/scores";
import type { SessionClient } from "../../wire/session-client";
import { type Dialect, FakeModel } from "./fake-model";
import { ablation, FakeVisibility, HEAD, OTHER, stateOf } from "./states";

let fake: FakeModel;
let scope: AbortController;
let client: SessionClient;

function connect(traits: Record<string, unknown>, dialect: Dialect = "jupyter"): void {
  fake = new FakeModel(traits, dialect);
  scope = new AbortController();
  client = connectSession(fake.model, {
    signal: scope.signal,
    visible: new FakeVisibility(),
    version: "0.1.0",
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  connect({ state: stateOf(), _protocol: 1 });
  fake.greet();
});

afterEach(() => {
  scope.abort();
  vi.useRealTimers();
});

const shown = () =>
  client.shown?.interventions.map((item) => {
    const ablated = ablatedBy(item);
    return ablated ? componentKey(ablated) : item.sentence;
  });

/** The kernel has done it: first the answer, then the state, or the other way round. */
function confirm(op: string, state: SessionState, order: "answer" | "state" = "answer"): void {
  if (order === "state") fake.put("state", state);
  fake.answer(op, { revision: state.revision });
  if (order === "answer") fake.put("state", state);
}

describe("state", () => {
  it.each(["jupyter", "marimo"] as const)("follows the trait in %s", (dialect) => {
    scope.abort();
    connect({ state: stateOf() }, dialect);
    const seen: number[] = [];
    client.onState((state) => seen.push(state.revision));
    fake.put("state", stateOf({ revision: 2 }));
    fake.put("state", stateOf({ revision: 2, phase: "running" }));
    expect(seen).toEqual([2, 2]);
    expect(client.state?.phase).toBe("running");
  });

  it("does not go back to an older revision, but to another session", () => {
    fake.put("state", stateOf({ revision: 5 }));
    fake.put("state", stateOf({ revision: 4 }));
    expect(client.state?.revision).toBe(5);
    fake.put("state", stateOf({ session: "s-2", revision: 1 }));
    expect(client.state?.session).toBe("s-2");
  });

  it.each([
    [null],
    [undefined],
    ["state"],
    [{}],
    [[]],
    [stateOf({ revision: Number.NaN })],
    [{ ...stateOf(), session: "" }],
    [{ ...stateOf(), tokens: [{ id: "1", text: "x" }] }],
    [{ ...stateOf(), tokens: null }],
    [{ ...stateOf(), interventions: [{ component: null }] }],
    [{ ...stateOf(), model: { ...stateOf().model, heads: [4] } }],
    [{ ...stateOf(), outcome: { revision: 1, top: "many" } }],
  ])("keeps the last sound state when %j comes", (broken) => {
    const told = vi.fn();
    client.onState(told);
    fake.put("state", broken);
    expect(client.state).toEqual(stateOf());
    expect(told).not.toHaveBeenCalled();
  });

  it("is a sign of life", async () => {
    client.toggle(HEAD);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(client.status).toBe("gone");
    expect(client.statusText).toContain("No answer from the kernel");
    fake.put("state", stateOf({ revision: 2 }));
    expect(client.status).toBe("live");
    expect(client.statusText).toBe("");
  });

  it("of another protocol is a mismatch from the start", () => {
    scope.abort();
    connect({ state: stateOf(), _protocol: 2 });
    expect(client.status).toBe("mismatch");
    expect(client.statusText).toContain("2 there");
  });
});

describe("a click", () => {
  it("is painted before the kernel answers", () => {
    const changed = vi.fn();
    client.onChange(changed);
    client.toggle(HEAD);
    expect(changed).toHaveBeenCalledOnce();
    expect(shown()).toEqual(["head 1.2"]);
    expect(client.shown?.interventions[0]?.sentence).toBe("Zero head 1.2");
    expect(client.isPending(HEAD)).toBe(true);
    expect(client.isPending(OTHER)).toBe(false);
    expect(client.state?.interventions).toEqual([]);
  });

  it.each(["answer", "state"] as const)("is settled when the %s comes first", async (order) => {
    const agreed = client.toggle(HEAD);
    const next = stateOf({ revision: 2, interventions: [ablation(HEAD)] });
    confirm("toggle", next, order);
    await expect(agreed).resolves.toBe(true);
    expect(client.pending).toEqual([]);
    expect(client.shown).toEqual(next);
  });

  it("never flickers: at no moment between click and state is it unpainted", async () => {
    const seen: (string[] | undefined)[] = [];
    client.onChange(() => seen.push(shown()));
    const agreed = client.toggle(HEAD);
    fake.answer("toggle", { revision: 2 });
    await agreed;
    fake.put("state", stateOf({ revision: 1, phase: "running" })); // older than the answer
    await vi.advanceTimersByTimeAsync(1_000);
    fake.put("state", stateOf({ revision: 2, interventions: [ablation(HEAD)] }));
    expect(seen.length).toBeGreaterThan(1);
    for (const one of seen) expect(one).toEqual(["head 1.2"]);
  });

  it("that is refused goes back, and says why until it is dismissed", async () => {
    const agreed = client.toggle(HEAD);
    const error = { type: "ComponentError", message: "There is no such head.", hint: "Click 1.1." };
    fake.refuse("toggle", error);
    await expect(agreed).resolves.toBe(false);
    expect(shown()).toEqual([]);
    expect(client.lastError).toEqual({ op: "toggle", ...error });
    const changed = vi.fn();
    client.onChange(changed);
    client.dismissError();
    client.dismissError();
    expect(client.lastError).toBeNull();
    expect(changed).toHaveBeenCalledOnce();
  });

  it("that succeeds later clears the error", async () => {
    client.toggle(HEAD);
    fake.refuse("toggle", { type: "E", message: "no", hint: "" });
    await vi.advanceTimersByTimeAsync(0);
    expect(client.lastError).not.toBeNull();
    const agreed = client.toggle(OTHER);
    fake.answer("toggle", { revision: 2 });
    await agreed;
    expect(client.lastError).toBeNull();
  });

  it("thirty rapid clicks show the last, whatever order answers and states come in", async () => {
    for (let i = 0; i < 30; i++) client.toggle(HEAD);
    const asked = fake.sent.filter(({ op }) => op === "toggle");
    expect(asked.length).toBe(30);
    expect(shown()).toEqual([]); // an even number
    client.toggle(HEAD);
    expect(shown()).toEqual(["head 1.2"]);
    for (const [i, { id }] of [...asked, fake.last("toggle")].entries()) {
      const interventions = i % 2 === 0 ? [ablation(HEAD)] : [];
      const state = stateOf({ revision: i + 2, interventions });
      if (i % 3) fake.put("state", state);
      fake.say({ v: 1, id, ok: true, result: { revision: i + 2 } });
      await vi.advanceTimersByTimeAsync(0);
      expect(shown()).toEqual(["head 1.2"]);
      if (i % 3 === 0) fake.put("state", state);
    }
    expect(client.pending).toEqual([]);
    expect(shown()).toEqual(["head 1.2"]);
  });

  it("whose state never comes is not painted for ever", async () => {
    const agreed = client.toggle(HEAD);
    fake.answer("toggle", { revision: 9 });
    await agreed;
    expect(shown()).toEqual(["head 1.2"]);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(shown()).toEqual([]);
  });

  it.each([[null], [{}], [{ revision: "9" }], ["x"]])(
    "answered with %j shows what the state says",
    async (result) => {
      const agreed = client.toggle(HEAD);
      fake.answer("toggle", result);
      await expect(agreed).resolves.toBe(true);
      expect(client.pending).toEqual([]);
    },
  );

  it("on a disposed comm goes back at once, and the status says why", async () => {
    fake.disposed = true;
    await expect(client.toggle(HEAD)).resolves.toBe(false);
    expect(shown()).toEqual([]);
    expect(client.status).toBe("gone");
    expect(client.statusText).toContain("run the cell again");
    expect(client.lastError).toBeNull(); // once is enough
  });

  it("is nobody's error when the view goes before the answer", async () => {
    const agreed = client.toggle(HEAD);
    scope.abort();
    await expect(agreed).resolves.toBe(false);
    expect(client.lastError).toBeNull();
    expect(fake.listening).toBe(0);
  });
});

describe("the list of interventions", () => {
  beforeEach(() => {
    const interventions = [ablation(HEAD, 0), ablation(OTHER, 1)];
    fake.put("state", stateOf({ revision: 2, interventions }));
  });

  it("is switched, shortened and cleared before the kernel agrees", () => {
    client.setEnabled(101, false);
    expect(client.shown?.interventions[1]?.enabled).toBe(false);
    client.remove(100);
    expect(shown()).toEqual(["mlp 0"]);
    expect(client.shown?.interventions[0]).toMatchObject({ index: 0, enabled: false });
    client.clear();
    expect(shown()).toEqual([]);
    expect(client.state?.interventions.length).toBe(2);
    expect(fake.last("set_enabled").args).toEqual({ id: 101, enabled: false });
    expect(fake.last("remove").args).toEqual({ id: 100 });
  });

  it("means one row by its cross, however the list changes under it", () => {
    const interventions = [ablation({ type: "mlp", layer: 1 }, 7), ablation(OTHER, 1)];
    fake.put("state", stateOf({ revision: 3, interventions }));
    client.remove(101);
    client.remove(101);
    expect(shown()).toEqual(["mlp 1"]);
    expect(fake.count("remove")).toBe(2);
    expect(client.pending.map(({ component }) => component)).toEqual([OTHER, null]);
  });

  it("shows nothing else while undo, redo, prompt and metric are under way", () => {
    client.undo();
    client.redo();
    client.setPrompt("another");
    client.setMetric({ type: "probability", token: " Paris" });
    expect(client.shown).toBe(client.state);
    expect(client.pending.map(({ op }) => op)).toEqual([
      "undo",
      "redo",
      "set_prompt",
      "set_metric",
    ]);
    expect(fake.last("set_prompt").args).toEqual({ prompt: "another" });
    expect(fake.last("set_metric").args).toEqual({ type: "probability", token: " Paris" });
    client.setMetric(null);
    expect(fake.last("set_metric").args).toEqual({});
  });
});

describe("arrays", () => {
  const frame = (shape: number[], values: number[]) => ({
    extra: { frames: [{ dtype: "f32", shape, layout: "dense" }] },
    buffers: [new Float32Array(values)],
  });

  it("reads a pattern", async () => {
    const asked = client.pattern({ layer: 1, head: 2 }, true);
    expect(fake.last("pattern").args).toEqual({ layer: 1, head: 2, edited: true, cross: false });
    const header = { dtype: "u8", shape: [2, 2], layout: "tril", scale: 1, offset: 0 };
    const result = { layer: 1, head: 2, revision: 7 };
    fake.answer("pattern", result, { frames: [header] }, [Uint8Array.of(255, 0, 255)]);
    const { pattern, revision } = await asked;
    expect(revision).toBe(7);
    expect([...pattern.dense()]).toEqual([1, 0, 0, 1]);
  });

  it("reads a pattern whose keys are other tokens than its queries", async () => {
    const asked = client.pattern({ layer: 1, head: 2 }, true);
    const header = { dtype: "u8", shape: [1, 3], layout: "dense", scale: 1, offset: 0 };
    const queries = [{ text: "<s>", special: true }];
    const result = { layer: 1, head: 2, revision: 7, queries };
    const keys = ["a", "b", "c"].map((text, id) => ({ id, text, special: false }));
    fake.answer("pattern", { ...result, keys }, { frames: [header] }, [Uint8Array.of(0, 255, 0)]);
    const answer = await asked;
    expect([...answer.pattern.row(0)]).toEqual([0, 1, 0]);
    expect(answer.queries).toEqual(queries);
    expect(answer.keys?.map(({ text }) => text)).toEqual(["a", "b", "c"]);
  });

  it.each([
    ["too few of them", [{ text: "a" }]],
    ["no list", { length: 3 }],
    ["one without text", [{ text: "a" }, { text: "b" }, { text: 3 }]],
    ["one that is nothing", [{ text: "a" }, { text: "b" }, null]],
  ])("refuses tokens along a side that are %s", async (_what, keys) => {
    const asked = client.pattern({ layer: 1, head: 2 }, false);
    const header = { dtype: "u8", shape: [3, 3], layout: "dense" };
    const result = { layer: 1, head: 2, revision: 1, keys };
    fake.answer("pattern", result, { frames: [header] }, [new Uint8Array(9)]);
    await expect(asked).rejects.toMatchObject({ name: "RpcError", type: "BadAnswer" });
  });

  it("reads scores, with the reason for what has none", async () => {
    const asked = askScore(client, "induction", true);
    expect(fake.last("score").args).toEqual({ name: "induction", edited: true });
    const { extra, buffers } = frame([1, 2], [0.5, Number.NaN]);
    fake.answer("score", { unit: "share", range: [0, 1], reason: "no repeats" }, extra, buffers);
    const scores = await asked;
    const style = { unit: "share", scale: "sequential", range: [0, 1], label: "" };
    expect(scores).toMatchObject({ name: "induction", reason: "no repeats", style });
    expect(scores.values.at(0, 1)).toBeNaN();
  });

  it("hands out effects as they come", async () => {
    const partials: unknown[] = [];
    const asked = client.effects({
      onPartial: ({ values, unit }, { done }) => partials.push([unit, done, [...values.values]]),
    });
    const { id } = fake.last("score");
    const some = frame([1, 2], [1, Number.NaN]);
    const progress = (done: number) => ({ done, total: 2, label: "" });
    fake.say({ v: 1, id, progress: progress(0) });
    fake.say(
      { v: 1, id, progress: progress(1), partial: { unit: "nats" }, ...some.extra },
      some.buffers,
    );
    const whole = frame([1, 2], [1, 2]);
    fake.answer("score", { unit: "nats", label: "KL" }, whole.extra, whole.buffers);
    expect((await asked).label).toBe("KL");
    expect(partials).toEqual([["nats", 1, [1, Number.NaN]]]);
  });

  it.each([
    ["no frame", {}, []],
    ["one axis", frame([2], [1, 2]).extra, frame([2], [1, 2]).buffers],
    ["not square", frame([1, 2], [1, 2]).extra, frame([1, 2], [1, 2]).buffers],
  ])("refuses a pattern with %s", async (_what, extra, buffers) => {
    const asked = client.pattern({ layer: 1, head: 2 }, false);
    fake.answer("pattern", { layer: 1, head: 2, revision: 1 }, extra, buffers);
    await expect(asked).rejects.toMatchObject({ name: "RpcError", type: "BadAnswer" });
    expect(client.lastError).toBeNull();
  });

  it("telling Python what is selected is never an error", async () => {
    client.select(HEAD, 3);
    expect(fake.last("select").args).toEqual({ component: HEAD, position: 3, by: pageName() });
    fake.refuse("select", { type: "E", message: "no", hint: "" });
    await vi.advanceTimersByTimeAsync(0);
    expect(client.lastError).toBeNull();
    expect(client.pending).toEqual([]);
  });
});
