// The loader of a view: it takes the front end from where it is, and says what it waits for.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeModel } from "../wire/fake-model";

const REGISTRY = Symbol.for("mechwidget.front-ends.2");
const page = globalThis as unknown as Record<symbol, Map<string, Promise<unknown>>>;

const running = () => {
  const made: { rendered: number; initialised: number }[] = [];
  const widget = () => {
    const one = { rendered: 0, initialised: 0 };
    made.push(one);
    return {
      initialize: () => {
        one.initialised += 1;
      },
      render: ({ el }: { el: HTMLElement }) => {
        one.rendered += 1;
        el.append("drawn");
      },
    };
  };
  return { made, frontEnd: Promise.resolve({ widget, style: ".mw {}" }) };
};

/** The loader, as anywidget evaluates it: once per model. */
async function loader() {
  vi.resetModules();
  return (await import("../../host/loader")).default;
}

async function show(fake: FakeModel) {
  const el = document.createElement("div");
  const end = new AbortController();
  const module = await loader();
  module.initialize({ model: fake.model, signal: end.signal });
  module.render({ model: fake.model, el, signal: end.signal });
  await vi.advanceTimersByTimeAsync(0);
  return { el, end };
}

beforeEach(() => {
  vi.useFakeTimers();
  page[REGISTRY] = new Map();
});
afterEach(() => vi.useRealTimers());

it("runs a front end that the page has for each model anew, and asks nobody", async () => {
  const { made, frontEnd } = running();
  page[REGISTRY]?.set("f", frontEnd);
  const models = [new FakeModel({ _front_end: "f" }), new FakeModel({ _front_end: "f" })];
  const shown = [];
  for (const model of models) shown.push(await show(model));
  expect(made).toEqual([
    { rendered: 1, initialised: 1 },
    { rendered: 1, initialised: 1 },
  ]);
  for (const { el } of shown) expect(el.textContent).toContain("drawn");
  expect(models.map((model) => model.count("front_end"))).toEqual([0, 0]);
});

it("draws as soon as another view has brought the front end", async () => {
  const fake = new FakeModel({ _front_end: "f" });
  const { el } = await show(fake);
  expect(fake.count("front_end")).toBe(1);
  page[REGISTRY]?.set("f", running().frontEnd);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(el.textContent).toContain("drawn");
  expect(fake.listening).toBe(0);
});

it("says that it waits, and then what to do", async () => {
  const fake = new FakeModel({ _front_end: "f" });
  const { el, end } = await show(fake);
  expect(el.textContent).toBe("");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(el.textContent).toContain("Waiting for the kernel");
  await vi.advanceTimersByTimeAsync(6_000);
  expect(el.textContent).toContain("Run its cell again");
  end.abort();
  expect(fake.listening).toBe(0);
  expect(el.textContent).toBe("");
});
