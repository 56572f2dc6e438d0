import { afterEach, describe, expect, it } from "vitest";
import type { InterventionJson } from "../../types";
import { headMap } from "../../views/head-map";
import { directionOf, nameOf, steerHint } from "../../views/steering";
import { ablation, stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

const other = {
  prompt: "A capital",
  tokens: [
    { id: 7, text: "A", special: false },
    { id: 2, text: " capital", special: false },
  ],
  pairs: [
    [0, 0],
    [1, 1],
  ] as [number, number][],
};
const kept = { name: "truth", norm: 1, width: 32, origin: "given in Python" };
const session = (change = {}) =>
  new FakeSession(stateOf({ other, metric, outcome: outcomeOf(), ...change }));
const key = (name: string) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });
const edits = ({ session }: Mounted) => session.sent.filter(([op]) => op !== "select");
const armed = async (change = {}) => {
  const page = await mount(session(change));
  page.get("mw-cell-0-0").dispatchEvent(key("t"));
  await painted();
  return page;
};
const opened = async (change = {}) => {
  const page = await armed(change);
  page.get("mw-steer-open").click();
  await painted();
  return page;
};
const type = (page: Mounted, id: string, value: string) => {
  const input = page.get(id) as HTMLInputElement;
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
};
const select = (page: Mounted, value: string) => {
  const from = page.get("mw-steer-from") as HTMLSelectElement;
  from.value = value;
  from.dispatchEvent(new Event("change"));
};

afterEach(unmountAll);

const STREAM = { type: "residual", layer: 1, end: "post" } as const;

describe("the tool that steers", () => {
  it("is armed by T; a click on any cell means the stream after its layer", async () => {
    const page = await armed();
    const tool = page.get("mw-tool-steer");
    expect(tool.getAttribute("aria-pressed")).toBe("true");
    expect(tool.dataset.tone).toBe("steer");
    expect(page.el.querySelector(".mw-readout-hint")?.textContent).toBe(
      "A click adds 0.20 · B − A after its layer.",
    );
    page.get("mw-cell-1-2").click();
    await painted();
    const edit = {
      type: "steer",
      mode: "add",
      component: STREAM,
      direction: { from: "other", position: 1 },
      coefficient: 0.2,
      unit: "share",
      along: "B − A at 1 after layer 1",
    };
    expect(edits(page)[0]).toMatchObject(["apply", edit]);
    const chip = page.get("mw-chip-0");
    expect(chip.dataset.tone).toBe("steer");
    expect(chip.textContent).toContain(
      "Steer residual after layer 1 by 0.2 of its norm along “B − A at 1 after layer 1”",
    );
  });

  it("is about the selected tokens, and takes the difference at the one that was clicked", async () => {
    const page = await armed();
    page.get("mw-token-0").click();
    page.get("mw-mlp-1").click();
    await painted();
    expect(edits(page)[0]?.[1]).toMatchObject({
      component: { ...STREAM, positions: [0] },
      direction: { from: "other", position: 0 },
    });
  });

  it("takes away the same direction and adds another one", async () => {
    const item: InterventionJson = {
      ...ablation({ type: "mlp", layer: 1 }),
      type: "steer",
      mode: "add",
      component: STREAM,
      strength: 0.7,
      along: "B − A at 1 after layer 1",
      sentence: "Steer",
    };
    const page = await armed({ interventions: [item], directions: [kept] });
    page.get("mw-cell-1-0").click();
    expect(edits(page)).toEqual([["remove", 100]]);
    page.store.set({ steer: { ...page.store.value.steer, from: "saved", saved: "truth" } });
    page.get("mw-cell-1-0").click();
    expect(edits(page)[1]).toMatchObject([
      "apply",
      { direction: { from: "saved", name: "truth" } },
    ]);
  });

  it("steers the stream before a layer where that is what was clicked", async () => {
    const { store } = await armed();
    const state = session().state;
    if (!state) throw new Error("no state");
    const part = { type: "residual", layer: 1, end: "pre" } as const;
    expect(nameOf({ from: "other", position: 1 }, part, state)).toBe("B − A at 1 before layer 1");
    expect(steerHint({ ...store.value, positions: [0, 1] }, state)).toBe(
      "A click steers the stream after its layer at 0–1 along B − A at ·capital (1) by 0.20 of its norm.",
    );
  });
});

describe("the direction", () => {
  const meant = (page: Mounted) => {
    const state = page.session.state;
    if (!state) throw new Error("no state");
    return directionOf(page.store.value, state);
  };

  it("is the first that the session has, until one is chosen", async () => {
    expect(meant(await armed()).spec).toEqual({ from: "other", position: 1 });
    const answer = { from: "token", token: " Mary", minus: " John" };
    expect(meant(await armed({ other: null })).spec).toEqual(answer);
    const likeliest = meant(await armed({ other: null, metric: null }));
    expect(likeliest.spec).toMatchObject({ from: "token" });
    expect(likeliest.lacks).toBe("");
  });

  it("says what it lacks, and where that cannot be steered along", async () => {
    const page = await opened({ other: null });
    select(page, "other");
    await painted();
    expect(meant(page).lacks).toMatch(/needs a prompt B/);
    expect(page.get("mw-steer-hint").textContent).toMatch(/needs a prompt B/);
    expect(page.get("mw-tool-steer").hasAttribute("data-lacks")).toBe(true);
    expect(page.get("mw-steer-apply").hasAttribute("disabled")).toBe(true);
    page.store.set({ steer: { ...page.store.value.steer, from: "saved", saved: "gone" } });
    expect(meant(page).lacks).toMatch(/needs a saved direction/);
  });

  it("lacks a counterpart where B has none", async () => {
    const pairs = [
      [0, 0],
      [1, null],
    ] as [number, number | null][];
    expect(meant(await armed({ other: { ...other, pairs } })).lacks).toMatch(/stands over/);
  });

  it("is the unembedding of a token that is typed, dots being spaces", async () => {
    const page = await opened();
    select(page, "token");
    await painted();
    type(page, "mw-steer-token", " Paris");
    type(page, "mw-steer-minus", "#12");
    await painted();
    expect((page.get("mw-steer-token") as HTMLInputElement).value).toBe("·Paris");
    expect(meant(page).spec).toEqual({ from: "token", token: " Paris", minus: 12 });
    expect(page.get("mw-steer-hint").textContent).toContain("along ·Paris − #12 by");
  });
});

describe("the tray", () => {
  it("applies at a layer that is typed, in the way and as far as is wished", async () => {
    const page = await opened();
    type(page, "mw-steer-layer", "0");
    type(page, "mw-steer-number", "-0.5");
    page.get("mw-steer-Clamp").click();
    await painted();
    expect(page.get("mw-steer-hint").textContent).toMatch(
      /^A click clamps .* to −0.50 of its norm/,
    );
    page.get("mw-steer-apply").click();
    await painted();
    const component = { ...STREAM, layer: 0 };
    const wanted = { mode: "clamp along", coefficient: -0.5, unit: "share", component };
    expect(edits(page)[0]?.[1]).toMatchObject(wanted);
    page.get("mw-steer-Project out").click();
    page.get("mw-steer-apply").click();
    const [, edit] = edits(page)[1] ?? [];
    expect(edit).toMatchObject({ mode: "project out", component });
    expect(edit).not.toHaveProperty("coefficient");
    expect(edit).not.toHaveProperty("unit");
  });

  it("keeps a direction under a name, lists it, deletes it", async () => {
    const hostile = { ...kept, name: "<img src=x onerror=alert(1)>", norm: 12.34 };
    const page = await opened({ directions: [kept, hostile] });
    const lines = Array.from(page.el.querySelectorAll(".mw-direction"), (node) => node.textContent);
    expect(lines[0]).toBe("truthunit length · given in Python");
    expect(lines[1]).toContain("<img src=x onerror=alert(1)>norm 12.3");
    expect(page.el.querySelector("img")).toBeNull();
    type(page, "mw-steer-name", " mine ");
    page.get("mw-steer-keep").click();
    await painted();
    expect(edits(page)[0]).toEqual([
      "save_direction",
      {
        name: "mine",
        direction: { from: "other", position: 1 },
        component: { ...STREAM, layer: 0 },
      },
    ]);
    await page.session.refuse("save_direction", "No such name.");
    expect(page.el.querySelector(".mw-steer-tray .mw-field-note")?.textContent).toBe(
      "No such name.",
    );
    page.el.querySelector<HTMLElement>(".mw-direction button")?.click();
    expect(edits(page)[1]).toEqual(["delete_direction", { name: "truth" }]);
    select(page, "saved truth");
    await painted();
    expect(page.store.value.steer).toMatchObject({ from: "saved", saved: "truth" });
  });

  it("closes with Esc, by pointing elsewhere, and with the tool", async () => {
    const page = await opened();
    const tray = page.el.querySelector(".mw-steer-tray") as HTMLElement;
    const open = () => page.get("mw-steer-open").getAttribute("aria-expanded");
    expect(open()).toBe("true");
    page.get("mw-steer-from").dispatchEvent(key("Escape"));
    expect([open(), tray.hidden]).toEqual(["false", true]);
    page.get("mw-steer-open").click();
    page
      .get("mw-cell-0-0")
      .dispatchEvent(new Event("pointerdown", { bubbles: true, composed: true }));
    expect(open()).toBe("false");
    page.get("mw-steer-open").click();
    page.get("mw-tool-zero").click();
    await painted();
    expect(page.el.querySelector<HTMLElement>(".mw-steer")?.hidden).toBe(true);
    expect(tray.hidden).toBe(true);
  });

  it("stands beside the head map of its own, too", async () => {
    const page = await mount(session(), "light", headMap);
    page.get("mw-tool-steer").click();
    await painted();
    expect(page.get("mw-steer-open").textContent).toBe("0.20 · B − A ▾");
  });
});
