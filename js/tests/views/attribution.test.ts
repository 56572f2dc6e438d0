// The attribution view on a fake session: what is asked, how layers open, what clicks and keys do, what
// is measured and stopped; and on invented numbers of 80 layers.

import { afterEach, expect, it } from "vitest";
import { rankCorrelation } from "../../charts/scatter";
import type { InterventionJson } from "../../types";
import { attribution } from "../../views/attribution";
import { frameOf } from "../../wire/frames";
import type { Answer } from "../../wire/rpc";
import type { Asking } from "../../wire/session-client";
import { stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(unmountAll);

const NONE = Number.NaN;
/** Two layers of two heads: heads, attention (with a bias of 0.5), MLP, other writes. */
const LAYERS = [
  [1, 2, 3.5, -1, 0],
  [NONE, NONE, 4, 2, 0],
];
const TOTAL = 0.25 + 0.75 + (3.5 - 1) + (4 + 2);

interface Ends {
  token: number | null;
  embed: number;
  total: number;
  metric: number;
}

function direct(edited = false, ends: Partial<Ends> = {}): Answer<unknown> {
  const run = {
    token: 0.25,
    place: 0.75,
    embed: 1,
    norm_bias: 0,
    unembed_bias: 0,
    total: TOTAL,
    metric: TOTAL,
    ...ends,
  };
  const result = {
    label: "logit difference",
    position: 1,
    tokens: [" <b>Paris", " Rome"],
    reason: "",
    note: "",
    heads: 2,
    neurons: [8, 8],
    runs: edited ? [run, { ...run, total: TOTAL - 2, metric: TOTAL - 2 }] : [run],
  };
  const after = [[1, 0, 1.5, -1, 0], LAYERS[1] as number[]];
  const runs = edited ? [LAYERS, after] : [LAYERS];
  return { result, frames: [frameOf(runs.flat(2), [runs.length, 2, 5])] };
}

const neurons = ({ layers }: Record<string, unknown>): Answer<unknown> => {
  const named = layers as number[];
  const rows = named.flatMap(() => [5, -3, -3, 2, 1, 1]);
  return {
    result: { layers: named, sums: [named.map(() => -1.5)] },
    frames: [frameOf(rows, [named.length, 2, 3])],
  };
};

function session(interventions: InterventionJson[] = []): FakeSession {
  const fake = new FakeSession(stateOf({ outcome: outcomeOf(), metric, interventions }));
  fake.answers.set("attribution", () => direct(interventions.length > 0));
  fake.answers.set("attribution_neurons", neurons);
  return fake;
}

async function shown(fake = session()): Promise<Mounted> {
  const mounted = await mount(fake, "light", attribution);
  await settled();
  return mounted;
}

async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await painted();
}

const rows = ({ el }: Mounted): HTMLElement[] =>
  Array.from(el.querySelectorAll<HTMLElement>("[data-row]"))
    .filter((row) => !row.hidden)
    .sort((one, other) => Number(one.dataset.row) - Number(other.dataset.row));

const names = (view: Mounted): (string | null | undefined)[] =>
  rows(view).map((row) => row.querySelector(".mw-term-name")?.textContent);

async function choose(view: Mounted, what: string, value: string): Promise<void> {
  const select = view.get(`mw-attribution-${what}`) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event("change"));
  await settled();
}

it("shows embeddings, layers and a total that leaves nothing over, and asks once", async () => {
  const view = await shown();
  expect(names(view)).toEqual([
    "token embedding",
    "position embedding",
    "layer 0",
    "layer 1",
    "total",
  ]);
  expect(view.session.asked).toEqual([["attribution", {}]]);
  expect(view.el.textContent).toContain("·<b>Paris − ·Rome at");
  expect(view.el.textContent).toContain("sum +9.50, remainder 0.0000");
  expect(view.get("mw-term-layer-0").getAttribute("aria-label")).toBe(
    "layer 0: +2.50 logits, can be opened",
  );
});

it("opens a layer to heads, bias and MLP, and an MLP to its neurons, by keyboard", async () => {
  const view = await shown();
  const tree = view.get("mw-terms");
  const press = async (key: string): Promise<void> => {
    tree.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await settled();
  };
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await press(key);
  const parts = ["head 0.0", "head 0.1", "attention bias 0", "MLP 0"];
  expect(names(view).slice(2, 7)).toEqual(["layer 0", ...parts]);
  expect(view.get("mw-term-bias-0").getAttribute("aria-label")).toContain("+0.50 logits");
  for (const key of ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown"]) await press(key);
  expect(view.store.value.hover.component).toEqual({ type: "mlp", layer: 0 });
  await press("ArrowRight");
  // The neurons, the others as their sum, and the bias make up the MLP's −1.
  const inner = ["neuron 0.5", "neuron 0.2", "other neurons 0", "MLP bias 0"];
  const at = names(view).indexOf("MLP 0");
  expect(names(view).slice(at + 1, at + 5)).toEqual(inner);
  expect(view.get("mw-term-others-0").getAttribute("aria-label")).toContain("+0.50");
  expect(view.get("mw-term-mlp-bias-0").getAttribute("aria-label")).toContain("+0.50");
  const asked = view.session.asked.filter(([op]) => op === "attribution_neurons");
  expect(asked).toEqual([["attribution_neurons", { layers: [0], k: 12, order: "value" }]]);
  expect(view.get("mw-term-neuron-0-5").getAttribute("aria-level")).toBe("3");
  for (const _ of [1, 2, 3]) await press("ArrowLeft");
  expect(names(view)).toHaveLength(5);
});

it("starts each bar where the one before it ends, and the total at zero", async () => {
  const view = await shown();
  const edge = (testid: string, part: "left" | "right"): number => {
    const { left, width } = (view.get(testid).querySelector(".mw-term-bar") as HTMLElement).style;
    return Number.parseFloat(left) + (part === "right" ? Number.parseFloat(width) : 0);
  };
  expect(edge("mw-term-layer-1", "left")).toBeCloseTo(edge("mw-term-layer-0", "right"), 6);
  expect(edge("mw-term-total", "right")).toBeCloseTo(edge("mw-term-layer-1", "right"), 6);
  expect(edge("mw-term-total", "left")).toBeCloseTo(edge("mw-term-token", "left"), 6);
});

it("uses the armed tool on a row, skips a layer, locks on Shift, and leaves biases alone", async () => {
  const view = await shown();
  view.get("mw-term-layer-0").click();
  const layer = { type: "layer", layer: 0 };
  expect(view.session.sent).toContainEqual(["apply", { type: "skip_layer", component: layer }]);
  view.get("mw-term-layer-1").querySelector<HTMLElement>(".mw-term-twist")?.click();
  await settled();
  view.get("mw-term-attention-1").click();
  expect(view.session.sent).toContainEqual(["toggle", { type: "attention", layer: 1 }]);
  const before = view.session.sent.length;
  view.get("mw-term-token").click();
  expect(view.session.sent).toHaveLength(before);
  const shift = new MouseEvent("click", { bubbles: true, shiftKey: true });
  view.get("mw-term-mlp-1").dispatchEvent(shift);
  expect(view.store.value.locked).toEqual({ type: "mlp", layer: 1 });
  view.store.set({ tool: "patch" });
  view.get("mw-term-layer-0").click();
  await painted();
  expect(view.el.textContent).toContain("use its attention and MLP");
});

const ABLATED: InterventionJson = {
  index: 0,
  id: 1,
  type: "ablate",
  mode: "zero",
  component: { type: "head", layer: 0, head: 1 },
  layers: null,
  strength: null,
  sentence: "Zero head 0.1",
  enabled: true,
};

it("stands baseline, edited and change side by side, and shows the baseline while it is held", async () => {
  const view = await shown(session([ABLATED]));
  await choose(view, "order", "change");
  expect(names(view)[0]).toBe("head 0.1");
  const numbers = (): (string | null)[] =>
    Array.from(view.get("mw-term-head-0-1").querySelectorAll<HTMLElement>(".mw-term-number"))
      .filter(({ hidden }) => !hidden)
      .map(({ textContent }) => textContent);
  expect(numbers()).toEqual(["+2.00", "0.00", "−2.00"]);
  expect(view.get("mw-term-head-0-1").dataset.tone).toBe("ablate");
  view.store.set({ baseline: true });
  await painted();
  expect(numbers()[1]).toBe("+2.00");
  expect(view.get("mw-term-head-0-1").querySelector<HTMLElement>(".mw-term-ghost")?.hidden).toBe(
    true,
  );
});

it("says what stands for a metric, and that a logit has no zero", async () => {
  const fake = session();
  const { result, frames } = direct();
  const reason = "nothing is measured: the logit of the likeliest token";
  fake.answers.set("attribution", () => ({
    result: { ...(result as object), tokens: [" Paris"], reason },
    frames,
  }));
  const view = await shown(fake);
  expect(view.el.textContent).toContain("logit of ·Paris");
  expect(view.el.textContent).toContain(reason);
  expect(view.el.textContent).toContain("choose a distractor");
});

function gradients({ of, method }: Record<string, unknown>): Answer<unknown> {
  const start = method === "integrated" ? 1 : null;
  const result = {
    position: 1,
    tokens: [" Paris", " Rome"],
    reason: "",
    runs: [{ value: 9, start, gap: start && 3.5 }],
  };
  const byPart = frameOf([1, 2, 3, 1, NONE, NONE, 4, 0.5], [1, 2, 4]);
  return { result, frames: [of === "tokens" ? frameOf([3, -2], [1, 2]) : byPart] };
}

it("takes gradients on demand, with where an integral starts and how far it is off", async () => {
  const fake = session();
  fake.answers.set("attribution_gradient", gradients);
  const view = await shown(fake);
  await choose(view, "method", "gradient");
  expect(names(view)).toEqual(["layer 0", "layer 1"]);
  await choose(view, "method", "integrated");
  expect(names(view)).toEqual([
    "without any of them",
    "layer 0",
    "layer 1",
    "error of the integral",
    "total",
  ]);
  expect(view.el.textContent).toContain("off by 3.50, too coarse: take more steps");
  await choose(view, "of", "tokens");
  expect(names(view)).toHaveLength(2);
  view.get("mw-term-token-1").click();
  expect(view.store.value.token).toBe(1);
  const args = view.session.asked.at(-1)?.[1];
  expect(args).toEqual({ method: "integrated", of: "tokens", steps: 32 });
});

it("stops an integral and lets it go on", async () => {
  const fake = session();
  let report: Asking["onPartial"];
  let answer: (value: Answer<unknown>) => void = () => {};
  fake.answers.set("attribution_gradient", (_, options) => {
    report = options.onPartial;
    return new Promise((resolve, reject) => {
      answer = resolve;
      options.signal?.addEventListener("abort", () => reject(new Error("aborted")));
    });
  });
  const view = await shown(fake);
  await choose(view, "method", "integrated");
  expect(view.el.querySelectorAll("[data-waiting]")).toHaveLength(1);
  report?.({ result: null, frames: [] }, { done: 5, total: 34, label: "" });
  await settled();
  expect(view.get("mw-attribution-progress").textContent).toContain("gradient 5 of 34");
  view.get("mw-attribution-halt").click();
  await settled();
  expect(view.el.querySelectorAll("[data-waiting]")).toHaveLength(0);
  expect(view.get("mw-attribution-progress").textContent).toContain("stopped at 5 of 34");
  view.get("mw-attribution-halt").click();
  await settled();
  answer(gradients({ of: "components", method: "integrated" }));
  await settled();
  expect(names(view)).toContain("total");
  expect(view.get("mw-attribution-progress").hidden).toBe(true);
});

it("measures what matters, keeps what was done when it is stopped, and says how they rank", async () => {
  const fake = session();
  const effects = [4, -1, 0.5, 0.75, 3];
  let report: Asking["onPartial"];
  fake.answers.set("attribution_exact", (_, options) => {
    report = options.onPartial;
    return new Promise((_resolve, reject) => {
      options.signal?.addEventListener("abort", () => reject(new Error("aborted")));
    });
  });
  const view = await shown(fake);
  expect(view.get("mw-exact-go").textContent).toBe("Measure the top 5");
  view.get("mw-exact-go").click();
  await settled();
  const [op, args] = view.session.asked.at(-1) ?? [];
  expect(op).toBe("attribution_exact");
  // Largest first, and nothing that cannot be taken away.
  expect(args).toEqual({
    cells: [
      { type: "attention", layer: 1 },
      { type: "head", layer: 0, head: 1 },
      { type: "mlp", layer: 1 },
      { type: "head", layer: 0, head: 0 },
      { type: "mlp", layer: 0 },
    ],
  });
  const part = [4, -1, 0.5, NONE, NONE];
  report?.({ result: {}, frames: [frameOf(part, [5])] }, { done: 3, total: 5, label: "" });
  await settled();
  expect(view.get("mw-exact").textContent).toContain("measuring, 3 of 5");
  view.get("mw-exact-go").click();
  await settled();
  expect(view.get("mw-exact").textContent).toContain("stopped: 3 of 5 measured, a part only");
  expect(view.el.querySelectorAll(".mw-scatter-point")).toHaveLength(3);
  expect(view.get("mw-exact-correlation").textContent).toContain("over 3 parts");
  expect(view.get("mw-exact").textContent).toContain(
    "furthest apart: head 0.1: attributed +2.00, exact −1.00",
  );
  fake.answers.set("attribution_exact", () => ({
    result: {},
    frames: [frameOf(effects.slice(3), [2])],
  }));
  expect(view.get("mw-exact-go").textContent).toBe("Measure 2 more");
  view.get("mw-exact-go").click();
  await settled();
  expect(view.get("mw-exact-correlation").textContent).toContain("over 5 parts");
  expect((view.get("mw-exact-go") as HTMLButtonElement).disabled).toBe(true);
  expect(view.get("mw-exact-go").textContent).toBe("All are measured");
  await choose(view, "order", "largest");
  const exact = view.get("mw-term-mlp-0").querySelector(".mw-term-exact");
  expect(exact?.textContent).toBe("+3.00");
});

it("says why there is none and what can be had instead", async () => {
  const fake = session();
  fake.answers.set("attribution", () => {
    throw new Error("The stream of x is not a plain sum of what is written to it.");
  });
  fake.answers.set("attribution_gradient", gradients);
  const view = await shown(fake);
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("not a plain sum");
  expect(view.get("mw-terms").hidden).toBe(true);
  view.get("mw-attribution-instead").click();
  await settled();
  expect(names(view)).toEqual(["layer 0", "layer 1"]);
  expect(view.el.textContent).toContain("·Paris − ·Rome");
});

it("refuses an answer of another shape", async () => {
  const fake = session();
  fake.answers.set("attribution", () => ({ ...direct(), frames: [frameOf([1, 2], [1, 2])] }));
  const view = await shown(fake);
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("could not be read");
});

it("keeps only rows near to what is seen, of 80 layers with 64 heads", async () => {
  const fake = session();
  const values = Array.from({ length: 80 * 67 }, (_, i) => Math.sin(i));
  const { result } = direct();
  const about = { ...(result as object), heads: 64, neurons: Array(80).fill(0) };
  fake.answers.set("attribution", () => ({
    result: about,
    frames: [frameOf(values, [1, 80, 67])],
  }));
  const view = await shown(fake);
  await choose(view, "order", "largest");
  expect(rows(view).length).toBeLessThan(60);
  const tree = view.get("mw-terms");
  tree.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  await settled();
  const active = tree.getAttribute("aria-activedescendant") ?? "";
  // Heads, attention biases, MLPs and other writes, and the two embeddings.
  expect(Number(active.split("-").at(-1))).toBeGreaterThan(80 * 66);
});

it("ranks with ties at their mean, and only three pairs or more", () => {
  const line = [1, 2, 3, 4].map((x) => [x, x * x] as const);
  expect(rankCorrelation(line)).toBeCloseTo(1, 12);
  expect(rankCorrelation(line.map(([x, y]) => [x, -y] as const))).toBeCloseTo(-1, 12);
  const tied = [
    [1, 2],
    [1, 4],
    [2, 3],
    [3, 3],
  ] as const;
  expect(rankCorrelation(tied)).toBeCloseTo(0, 12);
  expect(rankCorrelation([[1, 2]])).toBeNaN();
  expect(rankCorrelation([1, 2, 3].map((x) => [x, 7] as const))).toBeNaN();
});
