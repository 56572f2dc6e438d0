// A run that takes long can be stopped, and one that was stopped or failed can be had again.

import { afterEach, expect, it } from "vitest";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

it("stops a run that takes long, without taking back what was asked", async () => {
  const { get, session } = await mount();
  await session.say({ revision: 9, phase: "running" });
  await new Promise((resolve) => setTimeout(resolve, 250));
  await painted();
  const stop = get("mw-stop-run");
  expect(stop.hasAttribute("data-on")).toBe(true);
  stop.click();
  expect(session.sent).toContainEqual(["cancel_run", {}]);
});

it("dims the older numbers of a run that was stopped, and runs it again on demand", async () => {
  const error = { type: "CancelledError", message: "The run was interrupted.", hint: "" };
  const session = new FakeSession(
    stateOf({ revision: 9, phase: "error", error, outcome: outcomeOf() }),
  );
  const { get, el } = await mount(session);
  const outcome = el.querySelector(".mw-outcome");
  expect(outcome?.hasAttribute("data-stale")).toBe(true);
  expect(outcome?.hasAttribute("aria-busy")).toBe(false);
  get("mw-run-again").click();
  expect(session.sent).toContainEqual(["run_again", {}]);
});

it("offers no run again where a wish was refused", async () => {
  const { session, get } = await mount();
  await session.refuse("toggle", "There is no such head.");
  expect(get("mw-run-again").hidden).toBe(true);
});
