// Painting a wish over a state that already has it changes nothing: so a state may come early, late or
// twice, and the page never flickers.

import { describe, expect, it } from "vitest";
import type { ComponentJson } from "../../types";
import { paint } from "../../wire/optimism";
import type { PendingAction } from "../../wire/session-client";
import { ablation, stateOf } from "./states";

const COMPONENTS: ComponentJson[] = [
  { type: "head", layer: 0, head: 1 },
  { type: "head", layer: 1, head: 0 },
  { type: "head", layer: 0, head: 1, positions: [3] },
  { type: "mlp", layer: 0 },
  { type: "attention", layer: 0 },
  { type: "neuron", layer: 0, index: 1 },
];
const WANTS = ["ablated", "restored", "enabled", "disabled"] as const;

/** A small generator with a seed, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number> {
  let state = seed;
  for (;;) {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    yield state / 2 ** 32;
  }
}

describe("pending actions", () => {
  it("are laws: idempotent, last wish wins, rows numbered, the state untouched", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = numbers(seed);
      const below = (n: number) => Math.floor((random.next().value as number) * n);
      const listed = COMPONENTS.filter(() => below(2)).map((one, index) => ablation(one, index));
      const state = stateOf({ interventions: listed });
      const before = structuredClone(state);
      const pending: PendingAction[] = Array.from({ length: below(6) + 1 }, () => ({
        op: "toggle",
        component: COMPONENTS[below(COMPONENTS.length)] as ComponentJson,
        want: WANTS[below(WANTS.length)] as (typeof WANTS)[number],
      }));

      const once = paint(state, pending);
      expect(paint(once, pending).interventions).toEqual(once.interventions);
      expect(once.interventions.map(({ index }) => index)).toEqual([...once.interventions.keys()]);
      expect(state).toEqual(before);

      const { component, want } = pending.at(-1) as PendingAction;
      const found = once.interventions.filter(
        (one) => JSON.stringify(one.component) === JSON.stringify(component),
      );
      if (want === "ablated") expect(found).toHaveLength(1);
      if (want === "restored") expect(found).toHaveLength(0);
      for (const one of found) {
        if (want === "enabled") expect(one.enabled).toBe(true);
        if (want === "disabled") expect(one.enabled).toBe(false);
      }
    }
  });

  it("that wish nothing leave the very same object", () => {
    const state = stateOf();
    expect(paint(state, [])).toBe(state);
    expect(paint(state, [{ op: "undo", component: null, want: null }])).toBe(state);
  });
});
