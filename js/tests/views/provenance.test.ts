import { afterEach, describe, expect, it } from "vitest";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";

afterEach(unmountAll);

const open = (sentence: string, differences: number) =>
  mount(new FakeSession(stateOf({ loaded: { sentence, differences } })));

describe("the recipe that a session is from", () => {
  it("is said, as text and nothing else", async () => {
    const { get } = await open("Loaded from <img src=x>.mech.json.", 0);
    const line = get("mw-provenance");
    expect(line.hidden).toBe(false);
    expect(line.querySelector("img")).toBeNull();
    expect(line.textContent).toBe("Loaded from <img src=x>.mech.json.");
    expect(line.hasAttribute("data-differs")).toBe(false);
  });

  it("looks like a warning where something differs, and comes back with news only", async () => {
    const { session, get } = await open("Loaded, with 1 difference.", 1);
    const line = get("mw-provenance");
    expect(line.hasAttribute("data-differs")).toBe(true);
    line.querySelector("button")?.click();
    await session.say({ revision: 2 });
    await painted();
    expect(line.hidden).toBe(true);
    await session.say({ loaded: { sentence: "Loaded, with 2 differences.", differences: 2 } });
    await painted();
    expect(line.hidden).toBe(false);
  });

  it("is not there for a session that was made anew", async () => {
    const { get } = await mount(new FakeSession(stateOf({ loaded: null })));
    expect(get("mw-provenance").hidden).toBe(true);
  });
});
