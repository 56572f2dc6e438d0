// What the panes say, as pure functions of a state.

import { describe, expect, it } from "vitest";
import { ablatedBy, type ComponentJson, type InterventionJson } from "../../types";
import { announcement } from "../../views/announcer";
import { kindOf, marksOf } from "../../views/marks";
import { shapeOf } from "../../views/top-bar";
import { ROWS, topRows } from "../../views/top-tokens";
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
    const mark = (...items: InterventionJson[]) => marksOf(items).head(1, 2);
    expect(mark(ablation(HEAD))).toEqual({
      mark: "whole",
      tone: "ablate",
      glyph: "",
      words: "ablated",
    });
    expect(mark(ablation(part))).toEqual({
      mark: "part",
      tone: "ablate",
      glyph: "",
      words: "ablated in part",
    });
    expect(mark(off(HEAD))).toEqual({
      mark: "off",
      tone: "ablate",
      glyph: "",
      words: "ablated, switched off",
    });
    expect(mark(off(HEAD), ablation(part))?.mark).toBe("part");
    expect(marksOf([ablation(HEAD)]).head(1, 1)).toBeNull();
  });

  it("reach every head of an ablated attention, and the MLP of a neuron in part", () => {
    expect(marksOf([ablation(layer)]).head(1, 0)?.mark).toBe("whole");
    expect(marksOf([ablation(layer)]).head(0, 0)).toBeNull();
    expect(marksOf([off(layer), ablation(HEAD)]).head(1, 2)?.mark).toBe("whole");
    expect(marksOf([ablation({ type: "neuron", layer: 0, index: 7 })]).mlp(0)?.mark).toBe("part");
  });
});

describe("every kind of edit", () => {
  const edit = (type: string, change: Partial<InterventionJson> = {}): InterventionJson => ({
    ...ablation(HEAD),
    type,
    mode: null,
    ...change,
  });
  const KINDS = [
    edit("ablate", { mode: "zero" }),
    edit("ablate", { mode: "mean" }),
    edit("ablate", { mode: "resample" }),
    ...["patch", "scale", "steer", "set_value", "freeze", "skip_layer"].map((type) => edit(type)),
    ...["knock_out", "replace_pattern", "somebody's own"].map((type) => edit(type)),
    edit("steer", { mode: "project out" }),
  ];

  it("has a glyph and words of its own", () => {
    const kinds = KINDS.map(kindOf);
    expect(new Set(kinds.map(({ glyph }) => glyph)).size).toBe(KINDS.length - 1);
    expect(new Set(kinds.map(({ did }) => did)).size).toBe(KINDS.length - 1);
    expect(kinds.every(({ glyph }) => [...glyph].length === 1)).toBe(true);
    expect(marksOf(KINDS).kinds).toHaveLength(KINDS.length - 1);
  });

  it("marks what it reaches: a layer whole, an edge in part, the stream in its lane", () => {
    const skipped = marksOf([edit("skip_layer", { component: { type: "layer", layer: 1 } })]);
    expect(skipped.head(1, 0)?.words).toBe("skipped");
    expect(skipped.mlp(1)?.glyph).toBe("↷");
    expect(skipped.mlp(0)).toBeNull();
    const edge = { type: "edge", layer: 1, head: 2, query: 3, key: 0 } as const;
    expect(marksOf([edit("knock_out", { component: edge })]).head(1, 2)).toEqual({
      mark: "edit",
      tone: "ablate",
      glyph: "⊘",
      words: "knocked out in part",
    });
    const stream = marksOf([edit("steer", { component: { type: "residual", layer: 1 } })]);
    expect(stream.head(1, 0)).toBeNull();
    expect(stream.residual(1)?.words).toBe("steered");
    expect(stream.residual(0)).toBeNull();
    const feature = { type: "feature", layer: 1, dictionary: "a", index: 5 } as const;
    expect(marksOf([edit("scale", { component: feature })]).residual(1)).toBeNull();
    const expert = { type: "expert_neuron", layer: 1, expert: 0, index: 5 } as const;
    expect(marksOf([edit("scale", { component: expert })]).mlp(1)?.words).toBe("scaled in part");
  });

  it("takes cross attention for a part of the cell, and never for what a click ablates", () => {
    const cross = { ...ablation(HEAD), component: { ...HEAD, cross: true } };
    expect(ablatedBy(cross)).toBeNull();
    expect(marksOf([cross]).head(1, 2)?.words).toBe("ablated in part");
  });

  it("freezes the patterns of some layers or of all", () => {
    const freeze = (layers: number[] | "all" | null) =>
      marksOf([edit("freeze", { component: null, layers })]);
    expect(freeze("all").head(1, 3)?.words).toBe("frozen");
    expect(freeze([0]).head(0, 3)?.words).toBe("frozen");
    expect(freeze([0]).head(1, 3)).toBeNull();
    expect(freeze(null).head(1, 3)).toBeNull();
    expect(freeze("all").mlp(1)).toBeNull();
  });

  it("counts the kinds on one cell and says each, the strongest of what it does", () => {
    const scale = edit("scale");
    const part = edit("patch", { component: { ...HEAD, positions: [0] } });
    expect(marksOf([scale, part, { ...part, enabled: false }]).head(1, 2)).toEqual({
      mark: "edit",
      tone: "mixed",
      glyph: "2",
      words: "scaled and patched in part",
    });
    const away = marksOf([{ ...scale, enabled: false }]).head(1, 2);
    expect(away).toEqual({ mark: "off", tone: "steer", glyph: "%", words: "scaled, switched off" });
    const both = marksOf([scale, ablation(HEAD)]).head(1, 2);
    expect(both).toEqual({ mark: "whole", tone: "ablate", glyph: "", words: "scaled and ablated" });
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
    const here = { ...before, model: { ...before.model, predicts: "here" as const } };
    expect(announcement(here, here)).toContain("most likely at 1 ·Mary");
  });
});

it("keeps the rows in the order of the baseline, and then what rose from nothing", () => {
  const rose = [top(1, "a", 0.99, 0.02), top(2, "b", 0.0009, 0.001), top(3, "c", 0.0001, 0.52)];
  expect(topRows(rose).map((row) => row.id)).toEqual([1, 3, 2]);
  const many = Array.from({ length: 14 }, (_, i) =>
    top(i, `t${i}`, (14 - i) / 200, i === 13 ? 0.9 : 0.01),
  );
  const rows = topRows(many);
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
