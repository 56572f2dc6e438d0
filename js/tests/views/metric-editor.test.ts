import { afterEach, expect, it } from "vitest";
import { metricOf, metricTexts } from "../../views/metric-texts";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(unmountAll);

it.each([
  ["·Mary", "·John", { type: "logit_diff", a: " Mary", b: " John" }],
  ["Mary", "", { type: "probability", token: "Mary" }],
  ["#12", "", { type: "probability", token: 12 }],
  ["", "", null],
  ["", "·John", null],
] as const)("%j against %j is the metric %j", (answer, distractor, expected) => {
  expect(metricOf(answer, distractor)).toEqual(expected);
});

it("keeps the position that Python gave the metric", () => {
  expect(metricOf("·Mary", "", 3)).toEqual({ type: "probability", token: " Mary", position: 3 });
});

it("shows the tokens of the metric with their leading space, ids by the text they have", () => {
  expect(metricTexts(stateOf({ metric }))).toEqual({ answer: "·Mary", distractor: "·John" });
  const spec = { type: "probability", token: 7 } as const;
  const byId = stateOf({ metric: { label: "", unit: "probability", position: 0, spec } });
  expect(metricTexts(byId).answer).toBe("#7");
  expect(metricTexts({ ...byId, outcome: outcomeOf() }).answer).toBe("·Mary");
});

it("asks for what was typed, and says a refusal beside it with the text kept", async () => {
  const { session, get } = await mount(new FakeSession(stateOf({ metric, outcome: outcomeOf() })));
  const answer = get("mw-metric-answer") as HTMLInputElement;
  expect(answer.value).toBe("·Mary");
  answer.focus();
  answer.value = " Maryellen";
  answer.dispatchEvent(new Event("input", { bubbles: true }));
  expect(answer.value).toBe("·Maryellen");
  answer.dispatchEvent(new Event("change", { bubbles: true }));
  expect(session.sent).toEqual([
    ["set_metric", { type: "logit_diff", a: " Maryellen", b: " John" }],
  ]);
  await session.refuse("set_metric", "“ Maryellen” is not one token.", "Try “ Mary”.");
  expect(get("mw-metric-error").textContent).toBe("“ Maryellen” is not one token. Try “ Mary”.");
  expect(answer.value).toBe("·Maryellen");
  answer.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }),
  );
  await painted();
  expect(answer.value).toBe("·Mary");
  expect(session.client.lastError).toBeNull();
});

it("swaps answer and distractor", async () => {
  const { el, session } = await mount(new FakeSession(stateOf({ metric, outcome: outcomeOf() })));
  el.querySelector<HTMLElement>("[aria-label='Swap answer and distractor']")?.click();
  expect(session.sent).toEqual([["set_metric", { type: "logit_diff", a: " John", b: " Mary" }]]);
});
