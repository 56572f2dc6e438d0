// What the panes say, as pure functions of a state.

import { describe, expect, it } from "vitest";
import type { ComponentJson, InterventionJson } from "../../types";
import { announcement } from "../../views/announcer";
import { marksOf } from "../../views/marks";
import { ROWS, topRows } from "../../views/outcome";
import { shapeOf } from "../../views/top-bar";
import { ablation, HEAD, stateOf } from "../wire/states";
import { metric, outcomeOf, top } from "./outcomes";

const off = (component: ComponentJson): InterventionJson => ({
  ...ablation(component),
  enabled: false,
});

describe("marks on the map", () => {
  const layer: ComponentJson = { type: "attention", layer: 1 };

  it("tell all of a component from a part of it and from one that is off", () => {
    const part = { ...HEAD, positions: [1] } as ComponentJson;
    expect(marksOf([ablation(HEAD)]).head(1, 2)).toBe("whole");
    expect(marksOf([ablation(part)]).head(1, 2)).toBe("part");
    expect(marksOf([off(HEAD)]).head(1, 2)).toBe("off");
    expect(marksOf([off(HEAD), ablation(part)]).head(1, 2)).toBe("part");
    expect(marksOf([ablation(HEAD)]).head(1, 1)).toBeNull();
  });

  it("reach every head of an ablated attention, and the MLP of a neuron in part", () => {
    expect(marksOf([ablation(layer)]).head(1, 0)).toBe("whole");
    expect(marksOf([ablation(layer)]).head(0, 0)).toBeNull();
    expect(marksOf([off(layer), ablation(HEAD)]).head(1, 2)).toBe("whole");
    expect(marksOf([ablation({ type: "neuron", layer: 0, index: 7 })]).mlp(0)).toBe("part");
  });
});

describe("what a screen reader hears", () => {
  const before = stateOf({ metric, outcome: outcomeOf() });

  it("names the edit and what it did", () => {
    const outcome = outcomeOf({ metric: { before: 3.34, after: -0.21 } });
    const after = stateOf({ metric, interventions: [ablation(HEAD)], outcome });
    const numbers = "logit difference · Mary − John +3.34 to −0.21";
    expect(announcement(before, after)).toBe(`Zero something: ${numbers}`);
    expect(announcement(after, { ...before, outcome })).toBe(`Restored head 1.2: ${numbers}`);
  });

  it("says what comes next when only the question changed", () => {
    expect(announcement(before, before)).toContain("most likely next ·Mary");
    expect(announcement(null, before)).toBe("");
  });
});

it("keeps the rows in the order of the baseline, and then what rose from nothing", () => {
  const rose = [top(1, "a", 0.99, 0.02), top(2, "b", 0.0009, 0.001), top(3, "c", 0.0001, 0.52)];
  expect(topRows(outcomeOf({ top: rose })).map((row) => row.id)).toEqual([1, 3, 2]);
  const many = Array.from({ length: 14 }, (_, i) =>
    top(i, `t${i}`, (14 - i) / 200, i === 13 ? 0.9 : 0.01),
  );
  const rows = topRows(outcomeOf({ top: many }));
  expect(rows).toHaveLength(ROWS);
  expect(rows.map((row) => row.id)).toEqual([0, 1, 2, 3, 4, 5, 6, 13]);
});

it("says the shape of a model, also of an odd one", () => {
  const { model } = stateOf();
  expect(shapeOf(model)).toBe("2 layers × 4 heads · fp32 · cpu");
  const odd = {
    ...model,
    heads: [0, 8, 12],
    n_layers: 3,
    dtype: "torch.bfloat16",
    device: "cuda:0",
  };
  expect(shapeOf(odd)).toBe("3 layers × 8–12 heads · bf16 · cuda:0");
  expect(shapeOf({ ...model, heads: [0, 0] })).toBe("2 layers, no heads · fp32 · cpu");
});
