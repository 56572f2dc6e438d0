import { afterEach, expect, it } from "vitest";
import { ablation, HEAD, OTHER, stateOf } from "../wire/states";
import { FakeSession, frame, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

const listed = () =>
  new FakeSession(
    stateOf({
      interventions: [ablation(HEAD, 0), { ...ablation(OTHER, 1), sentence: "Zero MLP 0" }],
      outcome: outcomeOf(),
    }),
  );

afterEach(unmountAll);

it("shows each intervention as a sentence with a switch and a cross", async () => {
  const { session, get } = await mount(listed());
  const chip = get("mw-chip-1");
  expect(chip.textContent).toContain("Zero MLP 0");
  const toggle = chip.querySelector<HTMLElement>("[data-testid='mw-chip-switch']");
  expect(toggle?.getAttribute("role")).toBe("switch");
  expect(toggle?.getAttribute("aria-checked")).toBe("true");
  toggle?.click();
  await painted();
  expect(session.sent).toEqual([["set_enabled", 101, false]]);
  expect(toggle?.getAttribute("aria-checked")).toBe("false");
  expect(get("mw-mlp-0").dataset.mark).toBe("off");
});

it("takes a removed one away at once and keeps the other, under its new index", async () => {
  const { session, get, find } = await mount(listed());
  const kept = get("mw-chip-1");
  get("mw-chip-0").querySelector<HTMLElement>("[data-testid='mw-chip-remove']")?.click();
  await painted();
  expect(session.sent).toEqual([["remove", 100]]);
  expect(find("mw-chip-1")).toBeNull();
  expect(get("mw-chip-0")).toBe(kept);
});

it("shows an edit of a feature with its sentence, and lights no cell for it", async () => {
  const feature = { type: "feature", layer: 1, dictionary: "sae <b>1</b>", index: 7 } as const;
  const item = {
    ...ablation(HEAD, 0),
    component: feature,
    sentence: "Zero feature 7 of “sae <b>1</b>”",
  };
  const { get, find } = await mount(new FakeSession(stateOf({ interventions: [item] })));
  expect(get("mw-chip-0").textContent).toContain("Zero feature 7 of “sae <b>1</b>”");
  expect(get("mw-cell-1-2").dataset.mark).toBeUndefined();
  expect(find("mw-chip-1")).toBeNull();
});

it("keeps a place for the keyboard when the chip in use goes", async () => {
  const { get } = await mount(listed());
  const cross = (chip: string) =>
    get(chip).querySelector<HTMLElement>("[data-testid='mw-chip-remove']");
  cross("mw-chip-0")?.focus();
  cross("mw-chip-0")?.click();
  await painted();
  expect(document.activeElement).toBe(cross("mw-chip-0"));
  cross("mw-chip-0")?.click();
  await painted();
  expect(document.activeElement?.className).toBe("mw-interventions");
});

it("says what the sweep found each to do, and nothing for a part of one", async () => {
  const part = { ...ablation({ ...HEAD, positions: [0] }, 0), sentence: "Zero head 1.2 at 0" };
  const { session, get } = await mount(
    new FakeSession(stateOf({ interventions: [part, ablation(HEAD, 1)], outcome: outcomeOf() })),
  );
  const zeros = [0, 0, 0, 0, 0];
  session.giveEffects({ unit: "logits", label: "", values: frame([zeros, [0, 0, -1.93, 0, 0]]) });
  await painted();
  expect(get("mw-chip-0").querySelector(".mw-chip-effect")?.textContent).toBe("");
  expect(get("mw-chip-1").querySelector(".mw-chip-effect")?.textContent).toBe("Δ −1.93");
});

it("clears everything, and has nothing to clear when there is nothing", async () => {
  const { session, get } = await mount(listed());
  get("mw-clear").click();
  await painted();
  expect(session.sent).toEqual([["clear"]]);
  expect((get("mw-clear") as HTMLButtonElement).disabled).toBe(true);
});

it("lights up with its head, and the head with it", async () => {
  const { get, store } = await mount(listed());
  store.hover(HEAD);
  await painted();
  expect(get("mw-chip-0").hasAttribute("data-lit")).toBe(true);
  expect(get("mw-cell-1-2").hasAttribute("data-lit")).toBe(true);
  expect(get("mw-chip-1").hasAttribute("data-lit")).toBe(false);
});
