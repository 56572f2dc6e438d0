import { afterEach, expect, it, vi } from "vitest";
import type { SessionState } from "../../types";
import { scaleOf } from "../../views/map-scale";
import { MapValues } from "../../views/map-values";
import { stateOf } from "../wire/states";
import { FakeSession, frame } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(() => vi.useRealTimers());

function values(state: SessionState = stateOf({ outcome: outcomeOf() })) {
  const session = new FakeSession(state);
  const map = new MapValues(session.client, () => map.follow(state), new AbortController().signal);
  map.follow(state);
  return { session, map, state };
}

const { model } = stateOf();
const settled = () => vi.advanceTimersByTimeAsync(1);

it("shows a score when effects keep a person waiting, and the effects once they come", async () => {
  vi.useFakeTimers();
  const { session, map } = values();
  expect(map.shown).toBe("effect");
  await vi.advanceTimersByTimeAsync(800);
  expect(map.shown).toBe("induction");
  expect(map.choice).toBe("effect");
  session.giveEffects({ unit: "logits", label: "", values: frame([[1, 2, 3, 4, 5]]) });
  await settled();
  expect(map.shown).toBe("effect");
  expect(map.progress).toBeNull();
});

it("asks for no score when effects are quick", async () => {
  vi.useFakeTimers();
  const { session } = values();
  session.giveEffects({ unit: "logits", label: "", values: frame([[1, 2, 3, 4, 5]]) });
  await vi.advanceTimersByTimeAsync(2000);
  expect(session.asked.map(([op]) => op)).toEqual(["score_menu"]);
});

it("asks once per question, and again for another", () => {
  const { session, map, state } = values();
  map.follow({ ...state, revision: 9, interventions: [] });
  expect(session.effectsAsked).toHaveLength(1);
  const metric = {
    label: "",
    unit: "probability",
    position: 1,
    spec: { type: "probability", token: 3 },
  } as const;
  map.follow({ ...state, metric });
  expect(session.effectsAsked).toHaveLength(2);
});

it("asks again when the weights are others than they were", () => {
  const { session, map, state } = values();
  map.follow({ ...state, revision: 2, outcome: outcomeOf({ revision: 2 }) });
  expect(session.effectsAsked).toHaveLength(1);
  map.follow({ ...state, revision: 3, outcome: outcomeOf({ revision: 3, model_version: 3 }) });
  expect(session.effectsAsked).toHaveLength(2);
  expect(session.effectsAsked[0]?.signal?.aborted).toBe(true);
  expect(map.effects).toBeNull();
});

it("does not sweep at every click of a model that nobody can vouch for", () => {
  const outcome = outcomeOf({ model_version: null });
  const { session, map, state } = values(stateOf({ outcome }));
  map.follow({ ...state, revision: 2, outcome: { ...outcome, revision: 2 } });
  expect(session.effectsAsked).toHaveLength(1);
});

it("asks nothing of a kernel that is gone, and does when it is back", () => {
  const session = new FakeSession(stateOf({ outcome: outcomeOf() }));
  session.status = "gone";
  const map = new MapValues(session.client, () => {}, new AbortController().signal);
  map.follow(session.state as SessionState);
  expect(session.effectsAsked).toHaveLength(0);
  session.status = "live";
  map.follow(session.state as SessionState);
  expect(session.effectsAsked).toHaveLength(1);
});

it("draws effects about a true zero, KL and scores from zero, and never blows up noise", async () => {
  vi.useFakeTimers();
  const { session, map } = values();
  session.giveEffects({ unit: "logits", label: "", values: frame([[-1.93, 0.5, Number.NaN]]) });
  await settled();
  expect(scaleOf(map, model)).toMatchObject({
    scale: "diverging",
    from: -scaleOf(map, model).max,
    high: "+1.93 logits",
  });
  const noise = values();
  noise.session.giveEffects({ unit: "logits", label: "", values: frame([[1e-6, -1e-6]]) });
  await settled();
  expect(scaleOf(noise.map, model).max).toBeGreaterThan(0.01);
  const kl = values();
  kl.session.giveEffects({ unit: "nats", label: "", values: frame([[0.6, 0]]) });
  await settled();
  expect(scaleOf(kl.map, model)).toMatchObject({ scale: "sequential", from: 0, high: "0.60 nats" });
});
