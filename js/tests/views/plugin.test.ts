// The views of plugins: what their script gets, and that what is wrong in one stays in its place.

import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pluginView } from "../../views/plugin";
import type { PluginContext, PluginMain, PluginScene } from "../../views/plugin-context";
import { ablation, stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";

const HEAD = { type: "head", layer: 1, head: 2 } as const;
const run = vi.hoisted(() => ({ modules: new Map<string, unknown>(), loads: 0 }));

// A script is text here too; what it would be as a module is looked up, for Node imports no blobs.
vi.mock("../../wire/gzip", async (original) => ({
  ...(await original<typeof import("../../wire/gzip")>()),
  moduleOf: async (script: string) => {
    run.loads += 1;
    const found = run.modules.get(script);
    if (!found) throw new SyntaxError(`Unexpected token in ${script}`);
    return found;
  },
}));

let count = 0;

/** A session whose kernel has one view of a plugin. */
function withPlugin(main: unknown, style = ""): { session: FakeSession; script: string } {
  count += 1;
  const script = `script ${count}`;
  if (main) run.modules.set(script, { default: main });
  const session = new FakeSession(stateOf());
  const gzip = gzipSync(JSON.stringify({ script, style })).toString("base64");
  const answer = (result: unknown) => () => ({ result, frames: [] });
  session.answers.set("plugin_views", answer({ views: [{ name: "tide", title: "Tide" }] }));
  session.answers.set("plugin_view", answer({ title: "Tide", gzip, digest: script }));
  return { session, script };
}

async function shown(session: FakeSession): Promise<Mounted> {
  const mounted = await mount(session, "dark", pluginView("tide"));
  await vi.waitFor(() => {
    if (mounted.get("mw-plugin-tide").hasAttribute("aria-busy")) throw new Error("still loading");
  });
  await painted();
  return mounted;
}

beforeEach(() => vi.stubGlobal("reportError", vi.fn()));
afterEach(() => {
  unmountAll();
  vi.unstubAllGlobals();
});

describe("the script of a plugin", () => {
  it("gets an element, the session, the store and the theme, and draws what changes", async () => {
    const scenes: PluginScene[] = [];
    let context: PluginContext | null = null;
    const main: PluginMain = (el, given) => {
      context = given;
      el.textContent = "here";
      return { draw: (scene) => scenes.push(scene) };
    };
    const { session } = withPlugin(main, ".a { color: red }");
    session.answers.set("ask_plugin", (args) => ({ result: args, frames: [] }));
    const { get, store } = await shown(session);
    expect(get("mw-plugin-tide").textContent).toContain("here");
    expect(get("mw-plugin-tide").getAttribute("aria-label")).toBe("Tide");
    expect(get("mw-plugin-tide").querySelector("style")?.textContent).toMatch(/^@scope/);
    const { api, session: kernel, theme } = context as unknown as PluginContext;
    expect([api, theme, kernel.state?.session]).toEqual([1, "dark", session.state?.session]);
    await expect(kernel.ask("level", { at: 3 })).resolves.toMatchObject({
      result: { view: "tide", op: "level", args: { at: 3 } },
    });
    void kernel.toggle(HEAD);
    expect(session.sent).toEqual([["toggle", HEAD]]);
    await session.agree({ interventions: [ablation(HEAD)] });
    expect(scenes.at(-1)?.state?.interventions).toHaveLength(1);
    store.hover(HEAD);
    await painted();
    expect(scenes.at(-1)?.page.hover.component).toEqual(HEAD);
    (context as unknown as PluginContext).store.lock(HEAD);
    expect(store.value.locked).toEqual(HEAD);
    expect(scenes.at(-1)?.theme).toBe("dark");
  });

  it("is run once per page, however often it is shown", async () => {
    const { session } = withPlugin(() => undefined);
    const before = run.loads;
    await shown(session);
    await shown(session);
    expect(run.loads - before).toBe(1);
  });

  it.each([
    ["does not load", null, "Unexpected token"],
    ["exports no function", 3, "exports no function"],
    [
      "throws",
      () => {
        throw new Error("<b>out of luck</b>");
      },
      "<b>out of luck</b>",
    ],
    ["cannot draw", () => ({ draw: () => JSON.parse("{") }), "JSON"],
  ])("that %s is named in its place, as text, with the reason", async (_, main, said) => {
    const { session } = withPlugin(main);
    const { get } = await shown(session);
    const text = get("mw-plugin-tide").textContent;
    expect(text).toContain("The view “Tide” (a plugin)");
    expect(text).toContain(said);
    expect(get("mw-plugin-tide").querySelector("b")).toBeNull();
    expect(get("mw-view-tide").dataset.mwStatus).toBe("live");
  });

  it("that the kernel refuses to give is tried again on a click", async () => {
    const { session } = withPlugin((el: HTMLElement) => void el.append("back again"));
    const answer = session.answers.get("plugin_view");
    session.answers.set("plugin_view", () => Promise.reject(new Error("There is no view “tide”.")));
    const { get } = await shown(session);
    expect(get("mw-plugin-tide").textContent).toContain("There is no view “tide”.");
    if (answer) session.answers.set("plugin_view", answer);
    get("mw-plugin-tide").querySelector("button")?.click();
    await vi.waitFor(() => expect(get("mw-plugin-tide").textContent).toBe("back again"));
  });
});

describe("the workbench", () => {
  it("has a tab for it, made when it is shown first, and others work beside a broken one", async () => {
    const { session } = withPlugin(() => {
      throw new Error("broken");
    });
    const { get, find } = await mount(session);
    const tab = get("mw-tab-plugin:tide");
    expect(tab.textContent).toBe("Tide");
    expect(find("mw-plugin-tide")).toBeNull();
    tab.click();
    await vi.waitFor(() => expect(get("mw-plugin-tide").textContent).toContain("broken"));
    get("mw-cell-1-2").click();
    expect(session.sent).toEqual([["toggle", HEAD]]);
    get("mw-tab-attention").click();
    await painted();
    expect(get("mw-attention").closest("[role=tabpanel]")?.hasAttribute("hidden")).toBe(false);
  });
});

describe("other kinds of metrics", () => {
  const KINDS = [
    { type: "logit_diff", title: "logit difference", parameters: [] },
    {
      type: "margin",
      title: "margin",
      parameters: [
        { name: "token", title: "token", kind: "token", default: null },
        { name: "scale", title: "times", kind: "number", default: 1 },
      ],
    },
    { type: "flat", title: "flat", parameters: [] },
  ];
  const LOGIT = {
    type: "logit",
    title: "logit",
    parameters: [{ name: "token", title: "answer", kind: "token", default: null }],
  };

  async function withKinds(metrics: unknown): Promise<Mounted> {
    const session = new FakeSession(stateOf());
    session.answers.set("metric_menu", () => ({ result: { metrics }, frames: [] }));
    const mounted = await mount(session);
    await painted();
    return mounted;
  }

  const choose = (get: Mounted["get"], value: string): void => {
    const select = get("mw-metric-kind") as HTMLSelectElement;
    select.value = value;
    select.dispatchEvent(new Event("change"));
  };

  it("show nowhere where there are none", async () => {
    const { get } = await withKinds(KINDS.slice(0, 1));
    expect(get("mw-metric-kind").parentElement?.hidden).toBe(true);
  });

  it("are shown as what they are once code measures one, and can be changed on the page", async () => {
    const { get, session } = await withKinds([...KINDS.slice(0, 1), LOGIT]);
    expect(get("mw-metric-kind").parentElement?.hidden).toBe(true);
    const spec = { type: "logit", token: " Paris", position: 2 };
    await session.agree({ metric: { label: "logit", unit: "logits", position: 1, spec } });
    expect(get("mw-metric-kind").parentElement?.hidden).toBe(false);
    expect((get("mw-metric-kind") as HTMLSelectElement).value).toBe("logit");
    const token = get("mw-metric-parameter-token") as HTMLInputElement;
    expect(token.value).toBe("·Paris");
    token.value = "·Rome";
    token.dispatchEvent(new Event("input"));
    token.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    await painted();
    expect(session.sent.at(-1)).toEqual(["set_metric", { ...spec, token: " Rome" }]);
    choose(get, "");
    await session.agree({ metric: null });
    expect(get("mw-metric-kind").parentElement?.hidden).toBe(false);
    expect(get("mw-metric-answer").closest<HTMLElement>(".mw-metric-line")?.hidden).toBe(false);
  });

  it("are chosen at once where they need nothing", async () => {
    const { get, session } = await withKinds(KINDS);
    expect(get("mw-metric-kind").textContent).toBe("answer tokenmarginflat");
    choose(get, "flat");
    expect(session.sent).toEqual([["set_metric", { type: "flat" }]]);
  });

  it("ask for what they have to be told, and say it as the kernel has it", async () => {
    const { get, session } = await withKinds(KINDS);
    choose(get, "margin");
    await painted();
    expect(session.sent).toEqual([]);
    const token = get("mw-metric-parameter-token") as HTMLInputElement;
    expect(get("mw-metric-answer").closest<HTMLElement>(".mw-metric-line")?.hidden).toBe(true);
    token.value = "·Paris";
    token.dispatchEvent(new Event("input"));
    token.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    await painted();
    expect(session.sent).toEqual([["set_metric", { type: "margin", token: " Paris", scale: 1 }]]);
    const spec = { type: "margin", token: " Rome", scale: 2 };
    token.blur();
    await session.agree({ metric: { label: "margin", unit: "logits", position: 1, spec } });
    expect(token.value).toBe("·Rome");
    expect((get("mw-metric-parameter-scale") as HTMLInputElement).value).toBe("2");
    choose(get, "");
    expect(session.sent.at(-1)).toEqual(["set_metric", null]);
  });
});
