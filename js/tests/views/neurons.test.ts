// The neurons view on a fake session: what is asked, what a row says, what clicks and keys do.

import { afterEach, expect, it } from "vitest";
import type { InterventionJson } from "../../types";
import { neurons } from "../../views/neurons";
import { frameOf } from "../../wire/frames";
import type { Answer } from "../../wire/rpc";
import { stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(unmountAll);

const TOP = [
  [7, 3],
  [5, 1],
];

/** Two layers, two neurons each; after is before + `moved`. */
function ranking(moved = 0): Answer<unknown> {
  const rows = TOP.flatMap((layer, at) =>
    layer.flatMap((index, k) => {
      const before = 4 - 2 * k - at;
      return [index, 1, before, before + (at === 0 && k === 0 ? moved : 0), 0.5, 0.25];
    }),
  );
  const result = {
    layers: [0, 1],
    totals: [128, 128],
    without: [],
    gated: true,
    effect_of: "logit difference",
    effect_position: 1,
    reason: "",
    note: "",
  };
  return { result, frames: [frameOf(rows, [2, 2, 6])] };
}

function strips(args: Record<string, unknown>): Answer<unknown> {
  const named = args.neurons as number[][];
  const values = named.flatMap(([, index]) => [-(index ?? 0), index ?? 0]);
  return { result: { edited: false }, frames: [frameOf(values, [named.length, 2])] };
}

function session(interventions: InterventionJson[] = [], moved = 0): FakeSession {
  const fake = new FakeSession(stateOf({ outcome: outcomeOf(), metric, interventions }));
  fake.answers.set("neurons", () => ranking(moved));
  fake.answers.set("neuron_strips", strips);
  fake.answers.set("neuron_tokens", () => ({
    result: {
      position: 1,
      promoted: [{ text: " <b>Paris", gain: 0.5 }],
      suppressed: [{ text: " Rome", gain: -0.25 }],
      note: "",
    },
    frames: [],
  }));
  return fake;
}

async function shown(fake = session()): Promise<Mounted> {
  const mounted = await mount(fake, "light", neurons);
  for (let i = 0; i < 3; i++) await painted();
  return mounted;
}

const names = ({ el }: Mounted): string[] =>
  Array.from(el.querySelectorAll<HTMLElement>("[data-row]"))
    .filter((row) => !row.hidden)
    .map((row) => row.querySelector(".mw-neuron-name")?.textContent ?? "");

it("ranks all layers, says how many of how many, and what a neuron is", async () => {
  const view = await shown();
  expect(names(view)).toEqual(["0.7", "1.5", "0.3", "1.1"]);
  expect(view.session.asked[0]).toEqual(["neurons", { order: "here", position: 1, k: 16 }]);
  expect(view.el.textContent).toContain("4 of 256");
  expect(view.el.textContent).toContain("the gate after its nonlinearity × the up projection");
  const row = view.get("mw-neuron-0-7");
  expect(row.getAttribute("aria-label")).toBe(
    "Neuron 0.7, 4.00 at ·capital (1), direct effect +0.25 logits",
  );
  // Activations of what is seen came in one question.
  const asked = view.session.asked.filter(([op]) => op === "neuron_strips");
  expect(asked).toHaveLength(1);
});

it("shows one layer, or the top of each", async () => {
  const view = await shown();
  const layers = view.get("mw-neurons-layers") as HTMLSelectElement;
  layers.value = "1";
  layers.dispatchEvent(new Event("change"));
  await painted();
  expect(names(view)).toEqual(["1.5", "1.1"]);
  expect(view.el.textContent).toContain("2 of 128");
  layers.value = "each";
  layers.dispatchEvent(new Event("change"));
  await painted();
  expect(names(view)).toEqual(["0.7", "0.3", "1.5", "1.1"]);
});

it("uses the armed tool on a click, at the selected positions, and locks on Shift-click", async () => {
  const view = await shown();
  view.get("mw-neuron-1-5").click();
  const neuron = { type: "neuron", layer: 1, index: 5 };
  expect(view.session.sent).toContainEqual(["toggle", neuron]);
  view.store.set({ tool: "scale", factor: 2, positions: [0] });
  view.get("mw-neuron-0-3").click();
  const edit = {
    type: "scale",
    factor: 2,
    component: { type: "neuron", layer: 0, index: 3, positions: [0] },
  };
  expect(view.session.sent).toContainEqual(["apply", edit]);
  view
    .get("mw-neuron-0-3")
    .dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
  expect(view.store.value.locked).toEqual({ type: "neuron", layer: 0, index: 3 });
  view.store.set({ tool: "look", locked: null });
  view.get("mw-neuron-1-1").click();
  expect(view.store.value.locked).toEqual({ type: "neuron", layer: 1, index: 1 });
});

it("is walked through by keyboard, with the active row said and its neuron hovered", async () => {
  const view = await shown();
  const list = view.get("mw-neuron-list");
  const press = (key: string): boolean =>
    list.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  press("ArrowDown");
  await painted();
  expect(view.store.value.hover.component).toEqual({ type: "neuron", layer: 1, index: 5 });
  const active = list.getAttribute("aria-activedescendant") ?? "none";
  expect(document.getElementById(active)?.dataset.testid).toBe("mw-neuron-1-5");
  press("ArrowLeft");
  await painted();
  expect(view.store.value.hover.token).toBe(0);
  expect(view.get("mw-neuron-1-5").textContent).toContain("−5.00");
  press("End");
  press("Enter");
  expect(view.session.sent).toContainEqual(["toggle", { type: "neuron", layer: 1, index: 1 }]);
});

it("tells what a neuron says, as text, once the pointer rests", async () => {
  const view = await shown();
  await new Promise((resolve) => setTimeout(resolve, 180));
  for (let i = 0; i < 3; i++) await painted();
  const detail = view.get("mw-neuron-detail");
  expect(detail.textContent).toContain("·<b>Paris");
  expect(detail.querySelector("b")).toBeNull();
  expect(detail.textContent).toContain("logits per unit of activation");
  expect(detail.textContent).toContain("at ·capital (1)");
});

it("clamps by the slider: first the edit, then its strength, one drag one id", async () => {
  const view = await shown();
  const slider = view.get("mw-neuron-clamp") as HTMLInputElement;
  slider.value = "6";
  slider.dispatchEvent(new Event("input"));
  const [op, edit] = view.session.sent.at(-1) as [string, Record<string, unknown>];
  expect(op).toBe("apply");
  expect(edit).toMatchObject({ type: "set_value", value: 6, said: "Set neuron 0.7 to 6" });
  // The kernel has yet to agree: where the slider went meanwhile is not lost.
  slider.value = "8";
  slider.dispatchEvent(new Event("input"));
  const listed: InterventionJson = {
    index: 0,
    id: 41,
    type: "set_value",
    mode: null,
    component: { type: "neuron", layer: 0, index: 7 },
    layers: null,
    strength: 6,
    sentence: "Set neuron 0.7 to 6",
    enabled: true,
  };
  await view.session.agree({ interventions: [listed] });
  await painted();
  expect(view.session.sent.at(-1)?.slice(0, 3)).toEqual(["replace", 41, 8]);
  view.get("mw-neuron-release").click();
  expect(view.session.sent.at(-1)).toEqual(["remove", 41]);
});

it("marks what is edited, and lists only what an edit changed", async () => {
  const clamp: InterventionJson = {
    index: 0,
    id: 1,
    type: "set_value",
    mode: null,
    component: { type: "neuron", layer: 0, index: 7 },
    layers: null,
    strength: 6,
    sentence: "Set neuron 0.7 to 6",
    enabled: true,
  };
  const view = await shown(session([clamp], 2));
  expect(view.get("mw-neuron-0-7").textContent).toContain("=");
  expect(view.get("mw-neuron-0-7").getAttribute("aria-label")).toContain("was 4.00");
  const order = view.get("mw-neurons-order") as HTMLSelectElement;
  order.value = "change";
  order.dispatchEvent(new Event("change"));
  for (let i = 0; i < 3; i++) await painted();
  expect(names(view)).toEqual(["0.7"]);
});

it("says why there are none", async () => {
  const fake = session();
  fake.answers.set("neurons", () => {
    throw new Error("moe has no neurons that have a name: 8 experts, whose neurons are …");
  });
  const view = await shown(fake);
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("8 experts");
  expect(view.get("mw-neuron-list").hidden).toBe(true);
});

it("refuses an answer of another shape", async () => {
  const fake = session();
  fake.answers.set("neurons", () => ({ ...ranking(), frames: [frameOf([1, 2], [1, 2])] }));
  const view = await shown(fake);
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("could not be read");
});
