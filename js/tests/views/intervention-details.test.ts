import { afterEach, describe, expect, it } from "vitest";
import type { InterventionJson, SessionState } from "../../types";
import { firingOf, positionsOf } from "../../views/intervention-words";
import { ablation, HEAD, OTHER, stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

const three = (): InterventionJson[] => [
  { ...ablation(HEAD, 0), sentence: "Zero head 1.2" },
  { ...ablation(OTHER, 1), sentence: "Zero MLP 0" },
  { ...ablation({ type: "head", layer: 1, head: 3 }, 2), sentence: "Zero head 1.3" },
];
const group = { id: 5, name: "movers", strength: 1, scaled: 2 };
const grouped = (): Partial<SessionState> => ({
  interventions: three().map((item, at) => (at < 2 ? { ...item, group: 5 } : item)),
  groups: [group],
});
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
const inside = (el: HTMLElement, testid: string): HTMLElement => {
  const found = el.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  if (!found) throw new Error(`no ${testid} in there`);
  return found;
};

async function open(change: Partial<SessionState> = {}) {
  const state = stateOf({ interventions: three(), outcome: outcomeOf(), ...change });
  const mounted = await mount(new FakeSession(state));
  if (state.interventions.length > 0) mounted.get("mw-details").click();
  await painted();
  return mounted;
}

const names = (el: HTMLElement): string[] =>
  [...el.querySelectorAll(".mw-row-name")].map(({ textContent }) => textContent ?? "");

afterEach(unmountAll);

describe("the details", () => {
  it("are shut until they are asked for, and there for nothing when nothing is listed", async () => {
    const { el, get } = await mount(
      new FakeSession(stateOf({ interventions: three(), outcome: outcomeOf() })),
    );
    expect(el.querySelector<HTMLElement>(".mw-details")?.hidden).toBe(true);
    get("mw-details").click();
    await painted();
    expect(get("mw-details").getAttribute("aria-expanded")).toBe("true");
    expect(names(el)).toEqual(["Zero head 1.2", "Zero MLP 0", "Zero head 1.3"]);
    unmountAll();
    const none = await open({ interventions: [] });
    expect(none.get("mw-details").hidden).toBe(true);
  });

  it("move with Alt and an arrow at once, and go on from where they will be", async () => {
    const { el, session, get } = await open();
    const grip = inside(get("mw-row-0"), "mw-grip");
    grip.focus();
    grip.dispatchEvent(key("ArrowDown", { altKey: true }));
    grip.dispatchEvent(key("ArrowDown", { altKey: true }));
    grip.dispatchEvent(key("ArrowDown", { altKey: true })); // it is last already
    expect(session.sent).toEqual([
      ["move", { id: 100, to: 1 }],
      ["move", { id: 100, to: 2 }],
    ]);
    expect(names(el)).toEqual(["Zero MLP 0", "Zero head 1.3", "Zero head 1.2"]);
    expect(document.activeElement).toBe(grip);
    const [one, two, three_] = three();
    if (!one || !two || !three_) throw new Error("three are three");
    await session.agree({ interventions: [two, three_, one] });
    expect(names(el)).toEqual(["Zero MLP 0", "Zero head 1.3", "Zero head 1.2"]);
  });

  it("go back where they were when the kernel refuses", async () => {
    const { el, session, get } = await open();
    inside(get("mw-row-0"), "mw-grip").dispatchEvent(key("ArrowDown", { altKey: true }));
    await session.refuse("move", "There is no place 1.");
    expect(names(el)).toEqual(["Zero head 1.2", "Zero MLP 0", "Zero head 1.3"]);
  });

  it("name an entry where it stands; the sentence stays in the tooltip", async () => {
    const { session, get } = await open();
    inside(get("mw-row-1"), "mw-rename").click();
    const field = get("mw-name-field") as HTMLInputElement;
    expect(field.placeholder).toBe("Zero MLP 0");
    field.value = " S-inhibition ";
    field.dispatchEvent(key("Enter"));
    expect(session.sent).toEqual([["rename", { id: 101, name: "S-inhibition" }]]);
    const [one, two] = three();
    if (!one || !two) throw new Error("two are two");
    await session.agree({ interventions: [one, { ...two, name: "S-inhibition" }] });
    const name = get("mw-row-1").querySelector(".mw-row-name");
    expect(name?.textContent).toBe("S-inhibition");
    expect(name?.getAttribute("title")).toBe("Zero MLP 0");
    get("mw-details").click();
    await painted();
    expect(get("mw-chip-1").textContent).toContain("S-inhibition");
  });

  it("go with the last entry", async () => {
    const { el, session, find } = await open();
    await session.say({ revision: 2, interventions: [] });
    expect(el.querySelector<HTMLElement>(".mw-details")?.hidden).toBe(true);
    expect(find("mw-row-0")).toBeNull();
  });

  it("put what is ticked into a group", async () => {
    const { session, get } = await open();
    const make = get("mw-group") as HTMLButtonElement;
    expect(make.disabled).toBe(true);
    for (const row of ["mw-row-2", "mw-row-0"]) inside(get(row), "mw-check").click();
    await painted();
    expect(make.textContent).toBe("Group these 2");
    make.click();
    expect(session.sent).toEqual([["group", { ids: [100, 102] }]]);
    await session.agree(grouped());
    expect(make.disabled).toBe(true);
  });
});

describe("a group", () => {
  it("is one chip, and a head with its members under it", async () => {
    const { el, get, find } = await open(grouped());
    expect(el.querySelector<HTMLElement>(".mw-chips")?.hidden).toBe(true);
    expect(names(el)).toEqual(["movers", "Zero head 1.2", "Zero MLP 0", "Zero head 1.3"]);
    expect(get("mw-row-0").hasAttribute("data-member")).toBe(true);
    expect(get("mw-row-2").hasAttribute("data-member")).toBe(false);
    get("mw-details").click();
    await painted();
    expect(get("mw-group-chip-5").textContent).toContain("movers2 edits");
    expect(find("mw-chip-0")).toBeNull();
    expect(get("mw-chip-2").textContent).toContain("Zero head 1.3");
  });

  it("is switched, scaled, moved, left and removed as one", async () => {
    const { session, get } = await open(grouped());
    const head = get("mw-group-row-5");
    inside(head, "mw-group-row-switch").click();
    const slider = inside(head, "mw-chip-strength") as HTMLInputElement;
    slider.value = "0.5";
    slider.dispatchEvent(new Event("input"));
    slider.value = "0.25"; // while the first is asked for, the newest waits
    slider.dispatchEvent(new Event("input"));
    inside(head, "mw-grip").dispatchEvent(key("ArrowDown", { altKey: true }));
    inside(head, "mw-ungroup").click();
    inside(head, "mw-chip-remove").click();
    const drag = expect.any(Number);
    expect(session.sent).toEqual([
      ["set_group_enabled", { group: 5, enabled: false }],
      ["scale_group", { group: 5, strength: 0.5, drag }],
      ["move", { group: 5, to: 1 }],
      ["ungroup", { group: 5 }],
      ["remove_group", { group: 5 }],
    ]);
    expect(head.hasAttribute("data-pending")).toBe(true);
    await session.agree({});
    expect(session.sent.at(-1)).toEqual(["scale_group", { group: 5, strength: 0.25, drag }]);
  });

  it("that is partly on says so, and one press switches all of it on", async () => {
    const mixed = grouped();
    const first = mixed.interventions?.[0];
    if (first) first.enabled = false;
    const { session, get } = await open(mixed);
    get("mw-details").click();
    await painted();
    const toggle = inside(get("mw-group-chip-5"), "mw-group-switch");
    expect(toggle.getAttribute("aria-label")).toBe("Group movers: partly on");
    toggle.click();
    expect(session.sent).toEqual([["set_group_enabled", { group: 5, enabled: true }]]);
  });

  it("in which nothing has a strength has no slider", async () => {
    const { get } = await open({ ...grouped(), groups: [{ ...group, scaled: 0 }] });
    const slider = inside(get("mw-group-row-5"), "mw-chip-strength").parentElement;
    expect(slider?.hidden).toBe(true);
  });
});

describe("what is said of an entry", () => {
  const [item] = three() as [InterventionJson];
  const fired = (change: number, reason = "") =>
    stateOf({ outcome: outcomeOf({ edits: [{ id: 100, change, reason }] }) });

  it("is what fired and how much, or why not", () => {
    expect(firingOf(item, fired(2.26)).text).toBe("changed 2.26");
    const idle = firingOf(item, fired(0, "it was 0"));
    expect([idle.text, idle.title, idle.idle]).toEqual([
      "did nothing",
      "Did nothing: it was 0",
      true,
    ]);
    const lost = firingOf(item, fired(1.5, "past the last attention"));
    expect([lost.text, lost.idle]).toEqual(["no effect", true]);
    expect(lost.title).toContain("1.50, to no effect: past the last attention");
    expect(firingOf({ ...item, enabled: false }, fired(2)).text).toBe("off");
    expect(firingOf(item, stateOf({ outcome: outcomeOf() })).text).toBe("");
  });

  it("is at which tokens it works", () => {
    const state = stateOf();
    const at = (component: InterventionJson["component"]) =>
      positionsOf({ ...item, component }, state);
    expect(at(HEAD)).toBe("all tokens");
    expect(at({ ...HEAD, positions: [1] })).toBe("·capital (1)");
    expect(at({ ...HEAD, positions: [0, 1, 5, 6, 7] })).toBe("The (0), ·capital (1), ? (5) +2");
    expect(at({ type: "edge", layer: 0, head: 1, query: 1, key: 0 })).toBe(
      "·capital (1) → The (0)",
    );
    expect(at(null)).toBe("");
  });
});

it("tells what undo would take back", async () => {
  const { get } = await open({ can_undo: true, undo: "Zero head 1.3" });
  expect(get("mw-undo").title).toMatch(/^Undo: Zero head 1\.3 \(/);
  expect(get("mw-redo").title).toMatch(/^Redo \(/);
});
