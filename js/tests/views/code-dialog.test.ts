import { afterEach, describe, expect, it, vi } from "vitest";
import { ablation, HEAD, stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

const SCRIPT = "import mechwidget as mw\n# <img src=x onerror=alert(1)>";

async function open(session = new FakeSession(stateOf({ outcome: outcomeOf() }))) {
  session.answers.set("code", ({ style }) => {
    if (style === "transformer_lens") throw new Error("There is no hook point for that.");
    return { result: { style, code: `${SCRIPT}\n# ${style}` }, frames: [] };
  });
  const mounted = await mount(session);
  mounted.get("mw-as-code").focus();
  mounted.get("mw-as-code").click();
  await painted();
  return mounted;
}
const key = (name: string) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true });

afterEach(() => {
  unmountAll();
  vi.unstubAllGlobals();
});

/** Of what was asked, that which is about code. */
const asked = (session: FakeSession) => session.asked.filter(([op]) => op === "code");

describe("the experiment as code", () => {
  it("asks for a style when it is looked at, and shows its script as text", async () => {
    const { el, session, get } = await open();
    expect(asked(session)).toEqual([["code", { style: "mechwidget" }]]);
    expect(get("mw-code").textContent).toBe(`${SCRIPT}\n# mechwidget`);
    expect(el.querySelector("img")).toBeNull();
    get("mw-code-tab-mechwidget").dispatchEvent(key("ArrowRight"));
    await painted();
    expect(document.activeElement).toBe(get("mw-code-tab-hooks"));
    expect(get("mw-code").textContent).toContain("# hooks");
    get("mw-code-tab-mechwidget").click();
    await painted();
    expect(asked(session)).toHaveLength(2); // kept
  });

  it("says in its tab why a style has none", async () => {
    const { get } = await open();
    get("mw-code-tab-transformer_lens").click();
    await painted();
    expect(get("mw-code-reason").textContent).toBe("There is no hook point for that.");
    expect(get("mw-code").hidden).toBe(true);
    expect((get("mw-code-copy") as HTMLButtonElement).disabled).toBe(true);
  });

  it("follows the experiment while it is open", async () => {
    const { session } = await open();
    await session.say({ revision: 2, interventions: [ablation(HEAD)] });
    expect(asked(session)).toHaveLength(2);
  });

  it("is copied, and says so when the browser will not", async () => {
    const written: string[] = [];
    const writeText = async (text: string) => void written.push(text);
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
    const { get } = await open();
    get("mw-code-copy").click();
    await painted();
    expect(written).toEqual([`${SCRIPT}\n# mechwidget`]);
    expect(get("mw-code-dialog").textContent).toContain("Copied");
    vi.stubGlobal("navigator", { clipboard: undefined });
    get("mw-code-copy").click();
    await painted();
    expect(get("mw-code-dialog").textContent).toContain("select the text instead");
  });

  it("keeps its keys to itself and gives the focus back", async () => {
    const { get, store } = await open();
    get("mw-code").dispatchEvent(key("b"));
    get("mw-code").dispatchEvent(key("s"));
    expect([store.value.baseline, store.value.tool]).toEqual([false, "zero"]);
    get("mw-code-dialog").querySelector<HTMLElement>("[aria-label='Close']")?.click();
    await painted();
    expect(document.activeElement).toBe(get("mw-as-code"));
  });

  it("asks nothing while it is shut", async () => {
    const session = new FakeSession(stateOf({ outcome: outcomeOf() }));
    await mount(session);
    expect(asked(session)).toEqual([]);
  });
});
