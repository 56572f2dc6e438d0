// A recipe becomes a state that the views draw, whatever is in it; what is no recipe is a sentence. The
// recipe is one that the Python side has written.

import { describe, expect, it } from "vitest";
import { RecipeProblem, readRecipe } from "../../vscode/recipe-reading";
import { readSaved } from "../../vscode/saved-result";
import { readState } from "../../wire/state";
import { stateOf } from "../wire/states";
import capital from "./capital.mech.json";

const TEXT = JSON.stringify(capital);
const recipe = () => JSON.parse(TEXT);
const read = (change: object) => readRecipe(JSON.stringify({ ...recipe(), ...change }));

describe("a recipe of the Python side", () => {
  it("is a sound state with the numbers of the file", () => {
    const { state, effects } = readRecipe(TEXT);
    const { result, model, prompts } = recipe();
    expect(readState(state)).toBe(state);
    expect(state.tokens.map(({ text }) => text)).toEqual(prompts.a.tokens);
    expect(state.outcome).toMatchObject({ metric: { after: result.metric.after }, kl: result.kl });
    expect(state.outcome?.top).toEqual(result.top);
    expect(state.model.heads).toEqual(model.heads);
    expect(effects?.values).toEqual(result.effects.values);
    expect(state.phase).toBe("ready");
    expect(state.loaded?.sentence).toContain("no kernel");
  });

  it("keeps what is done, its group and its snapshots", () => {
    const { state } = readRecipe(TEXT);
    expect(state.interventions[0]).toMatchObject({
      component: { type: "head", layer: 1, head: 2 },
      sentence: "Zero head 1.2",
      group: state.groups[0]?.id,
    });
    expect(state.snapshots[0]).toMatchObject({ edits: 1, said: "Zero head 1.2" });
  });

  it("two that are open are not linked on a page", () => {
    expect(readRecipe(TEXT).state.session).not.toBe(readRecipe(TEXT).state.session);
  });
});

describe("recipes with less in them", () => {
  it("without a result it says so and still shows the question", () => {
    const { state, effects } = read({ result: null });
    expect([state.outcome, effects, state.phase]).toEqual([null, null, "error"]);
    expect(state.error?.message).toContain("not known");
    expect(readState(state)).toBe(state);
  });

  it("without tokens it shows the text, and ids where there is no text", () => {
    const texts = (a: object) => read({ prompts: { a } }).state.tokens.map(({ text }) => text);
    expect(texts({ text: "one two" })).toEqual(["one two"]);
    expect(texts({ ids: [7, 9] })).toEqual(["#7", "#9"]);
    expect(texts({})).toEqual([]);
  });

  it("parts that nobody knows are listed by their sentence and drawn nowhere", () => {
    const odd = [
      { does: { type: "warp" }, sentence: "Warp" },
      { does: { type: "ablate", component: { type: "head", layer: "1", head: 2 } } },
      { does: { type: "ablate", component: { type: "constructor", layer: 1 } } },
      { left_out: "It is code." },
      null,
    ];
    const { state } = read({ interventions: odd });
    expect(state.interventions.map(({ component }) => component)).toEqual(odd.map(() => null));
    expect(state.interventions[0]?.sentence).toBe("Warp");
    expect(state.interventions[3]?.sentence).toBe("It is code.");
    expect(readState(state)).toBe(state);
  });

  it("logits that the model has masked are no numbers", () => {
    const top = [{ text: "a", before: 0.5, after: 0, logit_before: 1, logit_after: null }];
    const [first] = read({ result: { ...recipe().result, top } }).state.outcome?.top ?? [];
    expect(first?.logit_after).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("what is no recipe", () => {
  it.each([
    ["", "empty"],
    ["{", "not JSON"],
    ["[]", "no recipe"],
    ['{"format": "mechwidget-recipe", "version": 99}', "version 99"],
    ['{"format": "mechwidget-recipe", "version": 1}', "version 1"],
  ])("%j is told why", (text, why) => {
    expect(() => readRecipe(text)).toThrow(RecipeProblem);
    expect(() => readRecipe(text)).toThrow(why);
  });

  it("a model without a shape is not guessed", () => {
    expect(() => read({ model: { name: "x" } })).toThrow("how many layers");
    expect(() => read({ model: { name: "x", n_layers: 1e9, heads: [1] } })).toThrow(RecipeProblem);
  });
});

describe("a saved result of a notebook", () => {
  it("is the state that was saved, unlinked and without undo", () => {
    const effects = { label: "l", unit: "nats", values: [[1, null]] };
    const saved = { view: "head-map", state: stateOf({ can_undo: true }), numbers: { effects } };
    const found = readSaved(JSON.parse(JSON.stringify(saved)));
    expect(found).toMatchObject({ view: "head-map", effects });
    expect(found.state).toMatchObject({ session: "saved s-1", can_undo: false });
  });

  it.each([null, 3, {}, { state: { session: "x" } }])("%j is refused in words", (value) => {
    expect(() => readSaved(value)).toThrow("another version");
  });
});
