// Interventions of every kind, listed from Python: each is a sentence, and none of them is taken for
// the ablation that a click makes.

import { afterEach, expect, it } from "vitest";
import type { InterventionJson, PartJson } from "../../types";
import { announcement } from "../../views/announcer";
import { marksOf } from "../../views/marks";
import { readState } from "../../wire/state";
import { ablation, HEAD, OTHER, stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

const PARTS: (PartJson | null)[] = [
  HEAD,
  { ...OTHER, positions: [1] },
  { type: "attention", layer: 1 },
  { type: "neuron", layer: 0, index: 3 },
  { type: "layer", layer: 1 },
  { type: "residual", layer: 0, end: "post" },
  { type: "edge", layer: 1, head: 2, query: -1, key: 0 },
  null,
];
const TYPES = ["scale", "steer", "patch", "freeze", "set_value", "skip_layer", "knock_out"];

const others = (): InterventionJson[] =>
  PARTS.flatMap((component) => TYPES.map((type) => ({ type, component }))).map(
    ({ type, component }, index) => ({
      index,
      id: 100 + index,
      type,
      mode: type === "steer" ? "project out" : null,
      component,
      layers: null,
      strength: null,
      sentence: `Do ${type} to ${component?.type ?? "several"}`,
      enabled: index % 2 === 0,
    }),
  );

afterEach(unmountAll);

it("shows each by its sentence, with a switch and a cross that say which", async () => {
  const items = others();
  const state = stateOf({ interventions: items, outcome: outcomeOf() });
  expect(readState(state)).toBe(state);
  const { session, get, store } = await mount(new FakeSession(state));
  for (const { index, sentence } of items)
    expect(get(`mw-chip-${index}`).textContent).toContain(sentence);
  for (const { index } of items) {
    const chip = get(`mw-chip-${index}`);
    chip.dispatchEvent(new Event("pointerenter"));
    chip.querySelector<HTMLElement>("[data-testid='mw-chip-switch']")?.click();
  }
  store.hover(HEAD);
  await painted();
  expect(session.sent).toEqual(items.map(({ id, enabled }) => ["set_enabled", id, !enabled]));
  get("mw-chip-3").querySelector<HTMLElement>("[data-testid='mw-chip-remove']")?.click();
  expect(session.sent.at(-1)).toEqual(["remove", 103]);
});

it("marks the map and leaves a click on the head an ablation", async () => {
  const scaled = { ...ablation(HEAD, 0), type: "scale", mode: null, sentence: "Scale head 1.2" };
  const mean = { ...ablation(HEAD, 1), mode: "mean", sentence: "Mean-ablate head 1.2" };
  expect(marksOf([scaled]).head(1, 2)).toEqual({
    mark: "edit",
    tone: "steer",
    glyph: "%",
    words: "scaled",
  });
  const { session, get } = await mount(
    new FakeSession(stateOf({ interventions: [scaled, mean], outcome: outcomeOf() })),
  );
  const cell = get("mw-cell-1-2");
  expect(cell.dataset.glyph).toBe("2");
  expect(cell.getAttribute("aria-label")).toContain("scaled and mean-ablated");
  expect(cell.getAttribute("aria-pressed")).toBe("true");
  cell.click();
  await painted();
  expect(session.sent).toEqual([["toggle", HEAD]]);
  expect(cell.dataset.mark).toBe("whole");
  expect(cell.getAttribute("aria-label")).toContain("scaled and mean-ablated and ablated");
  expect(get("mw-chip-2").textContent).toContain("Zero head 1.2");
  expect(get("mw-chip-0").hasAttribute("data-pending")).toBe(false);
  get("mw-cell-1-2").click();
  await painted();
  expect(get("mw-chip-1").textContent).toContain("Mean-ablate head 1.2");
});

it("explains its glyphs under the map, once there is one that is no strike", async () => {
  const scaled = { ...ablation(HEAD, 1), type: "scale", mode: null, sentence: "Scale head 1.2" };
  const { el, session } = await mount(
    new FakeSession(stateOf({ interventions: [ablation(OTHER, 0)], outcome: outcomeOf() })),
  );
  const legend = el.querySelector<HTMLElement>(".mw-kinds");
  expect(legend?.hidden).toBe(true);
  await session.say({ interventions: [ablation(OTHER, 0), scaled] });
  expect(legend?.hidden).toBe(false);
  expect([...(legend?.children ?? [])].map((one) => one.textContent)).toEqual([
    "×ablated",
    "%scaled",
  ]);
});

it("keeps two that say the same apart", async () => {
  const twice = [0, 1].map((index) => ({ ...others()[1], index }) as InterventionJson);
  const { get } = await mount(new FakeSession(stateOf({ interventions: twice })));
  expect(get("mw-chip-0")).not.toBe(get("mw-chip-1"));
});

it("is said to a screen reader", () => {
  const before = stateOf({ outcome: outcomeOf() });
  const after = { ...before, interventions: others().slice(0, 1) };
  expect(announcement(before, after)).toContain("Do scale to head");
  expect(announcement(after, before)).toContain("Undone: Do scale to head");
});
