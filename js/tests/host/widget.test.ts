// Every host's way of calling us ends in one view, drawn once, and gone without a trace.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ViewContext } from "../../host/host";
import { createWidget } from "../../host/widget";
import { type Dialect, FakeModel } from "../wire/fake-model";
import { ablation, HEAD, stateOf } from "../wire/states";

let drawn: ViewContext[];
let fake: FakeModel;
let el: HTMLElement;

const views = {
  workbench: (target: HTMLElement, context: ViewContext) => {
    drawn.push(context);
    const line = document.createElement("p");
    target.append(line);
    const draw = () => {
      line.textContent = `${context.client.shown?.interventions.length} ablated`;
    };
    context.client.onChange(draw, { signal: context.host.signal });
    draw();
  },
  crash: () => {
    throw new Error("<b>no canvas</b>");
  },
};

function model(change: Record<string, unknown> = {}, dialect: Dialect = "jupyter"): FakeModel {
  return new FakeModel({ _view: "workbench", _protocol: 1, state: stateOf(), ...change }, dialect);
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("reportError", vi.fn());
  drawn = [];
  fake = model();
  el = document.createElement("div");
  document.body.replaceChildren(el);
});
afterEach(() => {
  for (const { host } of drawn) expect(host.signal.aborted).toBe(true);
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a host", () => {
  it("anywidget 0.11: initialize and render with signals, a new proxy each", () => {
    const widget = createWidget(views, "0.1.0");
    const [life, view] = [new AbortController(), new AbortController()];
    widget.initialize({ model: fake.proxy(), signal: life.signal });
    widget.render({ model: fake.proxy(), el, signal: view.signal });
    expect(el.textContent).toBe("0 ablated");
    expect(fake.count("hello")).toBe(1);
    fake.put("state", stateOf({ revision: 2, interventions: [ablation(HEAD)] }));
    expect(el.textContent).toBe("1 ablated");
    view.abort();
    expect(el.childElementCount).toBe(0);
    expect(fake.listening).toBeGreaterThan(0); // the model lives on
    life.abort();
    expect(fake.listening).toBe(0);
  });

  it("anywidget 0.9: no signals, but cleanup functions", () => {
    const widget = createWidget(views, "0.1.0");
    const end = widget.initialize({ model: fake.model });
    const close = widget.render({ model: fake.model, el });
    expect(el.textContent).toBe("0 ablated");
    close();
    expect(el.childElementCount).toBe(0);
    end();
    expect(fake.listening).toBe(0);
  });

  it("one that never calls initialize", () => {
    const close = createWidget(views, "0.1.0").render({ model: fake.model, el });
    fake.put("state", stateOf({ revision: 2, interventions: [ablation(HEAD)] }));
    expect(el.textContent).toBe("1 ablated");
    close();
    expect(fake.listening).toBe(0);
  });

  it("marimo: a shadow root, callbacks with (value), listeners of other people", () => {
    fake = model({}, "marimo");
    const others = vi.fn();
    fake.on("change:state", others);
    const shadow = el.attachShadow({ mode: "open" });
    const content = document.createElement("div");
    content.className = "dark";
    shadow.append(content);
    const close = createWidget(views, "0.1.0").render({ model: fake.model, el: content });
    fake.put("state", stateOf({ revision: 2, interventions: [ablation(HEAD)] }));
    const root = content.firstElementChild as HTMLElement;
    expect(root.textContent).toBe("1 ablated");
    expect(root.dataset.mwTheme).toBe("dark");
    expect(drawn[0]?.host.root).toBe(shadow);
    close();
    fake.put("state", stateOf({ revision: 3 }));
    expect(others).toHaveBeenCalledTimes(2);
    expect(fake.listening).toBe(1);
  });

  it("Colab: buffers are Uint8Array; JupyterLab: DataView", async () => {
    const close = createWidget(views, "0.1.0").render({ model: fake.model, el });
    const client = drawn[0]?.client;
    const header = { dtype: "f32", shape: [1, 1], layout: "dense" };
    const bytes = new Uint8Array(Float32Array.of(0.25).buffer);
    for (const buffer of [bytes, new DataView(bytes.buffer)]) {
      const scores = client?.effects();
      fake.answer("score", { unit: "probability" }, { frames: [header] }, [buffer]);
      expect((await scores)?.values.at(0, 0)).toBe(0.25);
    }
    close();
  });
});

describe("several renders of one model", () => {
  it("share a client, and each goes alone", () => {
    const widget = createWidget(views, "0.1.0");
    const end = widget.initialize({ model: fake.proxy() });
    const second = document.createElement("div");
    document.body.append(second);
    const closeFirst = widget.render({ model: fake.proxy(), el });
    const closeSecond = widget.render({ model: fake.proxy(), el: second });
    expect(drawn[0]?.client).toBe(drawn[1]?.client);
    expect(drawn[0]?.store).toBe(drawn[1]?.store);
    closeFirst();
    drawn[1]?.client.toggle(HEAD);
    expect(el.textContent).toBe("");
    expect(second.textContent).toBe("1 ablated");
    closeSecond();
    end();
    expect(fake.listening).toBe(0);
  });

  it("without initialize each has its own, and one that goes leaves the other alive", () => {
    const widget = createWidget(views, "0.1.0");
    const second = document.createElement("div");
    const closeFirst = widget.render({ model: fake.proxy(), el });
    const closeSecond = widget.render({ model: fake.proxy(), el: second });
    expect(drawn[0]?.store).toBe(drawn[1]?.store);
    closeFirst();
    fake.put("state", stateOf({ revision: 2, interventions: [ablation(HEAD)] }));
    expect(second.textContent).toBe("1 ablated");
    closeSecond();
    expect(fake.listening).toBe(0);
  });

  it("a host that shares one copy of the module between models does not mix them up", () => {
    const widget = createWidget(views, "0.1.0");
    const other = model({ state: stateOf({ session: "s-2" }) });
    const ends = [fake, other].map((one) => widget.initialize({ model: one.proxy() }));
    const close = widget.render({ model: other.proxy(), el });
    expect(drawn[0]?.client.state?.session).toBe("s-2");
    drawn[0]?.client.toggle(HEAD);
    expect(other.count("toggle")).toBe(1);
    expect(fake.count("toggle")).toBe(0);
    close();
    for (const end of ends) end();
  });
});

describe("a host that shares one copy of the module", () => {
  it("and shows two widgets of one session: the second outlives the first", () => {
    const widget = createWidget(views, "0.1.0");
    const other = model();
    const [end, endOther] = [fake, other].map((one) => widget.initialize({ model: one.proxy() }));
    const close = widget.render({ model: other.proxy(), el });
    end?.();
    drawn[0]?.client.toggle(HEAD);
    expect(other.count("toggle")).toBe(1);
    close();
    endOther?.();
  });

  it("and initialises only one of two: the other talks to its own session", () => {
    const widget = createWidget(views, "0.1.0");
    const other = model({ state: stateOf({ session: "s-2" }) });
    const end = widget.initialize({ model: fake.proxy() });
    const close = widget.render({ model: other.proxy(), el });
    expect(drawn[0]?.client.state?.session).toBe("s-2");
    close();
    end();
  });
});

describe("instead of a blank cell", () => {
  it("an unknown view is named", () => {
    const close = createWidget(views, "0.1.0").render({
      model: model({ _view: "constructor" }).model,
      el,
    });
    expect(el.querySelector("[role=alert]")?.textContent).toContain("no view named “constructor”");
    expect(el.textContent).toContain("workbench, crash");
    close();
    expect(el.childElementCount).toBe(0);
  });

  it("a crashed view says so, as text", () => {
    const close = createWidget(views, "0.1.0").render({
      model: model({ _view: "crash" }).model,
      el,
    });
    expect(el.textContent).toContain("<b>no canvas</b>");
    expect(el.querySelector("b")).toBeNull();
    expect(globalThis.reportError).toHaveBeenCalledOnce();
    close();
  });

  it("a model without a state waits, says why it waits, and is drawn when it comes", async () => {
    fake = model({ state: null });
    const close = createWidget(views, "0.1.0").render({ model: fake.model, el });
    expect(el.textContent).toContain("Waiting for the kernel");
    await vi.advanceTimersByTimeAsync(6_000);
    expect(el.textContent).toContain("run the cell again");
    expect(drawn).toEqual([]);
    fake.put("state", stateOf());
    expect(el.textContent).toBe("0 ablated");
    fake.put("state", stateOf({ revision: 2 }));
    expect(drawn).toHaveLength(1);
    close();
  });

  it("a render that was withdrawn before it began leaves nothing", () => {
    const close = createWidget(views, "0.1.0").render({
      model: fake.model,
      el,
      signal: AbortSignal.abort(),
    });
    close();
    expect(fake.listening).toBe(0);
    expect(fake.sent).toEqual([]);
    expect(el.childElementCount).toBe(0);
    vi.runAllTimers();
    expect(fake.sent).toEqual([]);
  });
});
