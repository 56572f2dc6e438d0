// A page follows what is selected elsewhere, and never what it has said itself.

import { afterEach, describe, expect, it } from "vitest";
import { connectSession } from "../../wire/live-session-client";
import { pageName } from "../../wire/page-name";
import type { SessionClient } from "../../wire/session-client";
import { FakeModel } from "./fake-model";
import { FakeVisibility, HEAD, OTHER, stateOf } from "./states";

let fake: FakeModel;
let scope: AbortController;
let client: SessionClient;

function connect(traits: Record<string, unknown> = {}): void {
  fake = new FakeModel({ state: stateOf(), ...traits }, "jupyter");
  scope = new AbortController();
  const visible = new FakeVisibility();
  client = connectSession(fake.model, { signal: scope.signal, visible, version: "0.1.0" });
}

afterEach(() => scope.abort());

describe("what is selected elsewhere", () => {
  const selected = (by: string, change = {}) => ({ component: HEAD, position: 3, by, ...change });
  const heard = () => {
    const told: unknown[] = [];
    client.onSelected(({ component, position }) => told.push([component, position]), scope.signal);
    return told;
  };

  it("is told at once and later, but not what this page has said itself", () => {
    connect({ _selected: selected("") });
    const told = heard();
    expect(told).toEqual([[HEAD, 3]]);
    fake.put("_selected", selected(pageName(), { component: OTHER }));
    expect(told).toHaveLength(1);
    fake.put("_selected", selected("another page", { component: null, position: null }));
    expect(told).toEqual([
      [HEAD, 3],
      [null, null],
    ]);
  });

  it.each([
    ["nothing", undefined],
    ["a component that is none", selected("", { component: { type: 3 } })],
    ["a position that is none", selected("", { position: "<b>" })],
    ["no author", { component: HEAD, position: null }],
  ])("is left alone where it is %s", (_what, value) => {
    connect();
    const told = heard();
    fake.put("_selected", value);
    expect(told).toEqual([]);
  });

  it("locks nothing where a click could not: what cannot be clicked", () => {
    connect();
    const told = heard();
    const edge = { type: "edge", layer: 1, head: 0, query: 2, key: 1 };
    fake.put("_selected", selected("", { component: edge }));
    expect(told).toEqual([[null, 3]]);
  });
});
