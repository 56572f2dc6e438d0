// The views on a saved result: they draw it, the effects are the file's, and what would need a kernel
// says so. The client is the real one.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DrawnWidget } from "../../vscode/drawn-widget";
import { readRecipe } from "../../vscode/recipe-reading";
import { savedModel } from "../../vscode/saved-kernel";
import { connectSession } from "../../wire/live-session-client";
import { askScores } from "../../wire/scores";
import type { SessionClient } from "../../wire/session-client";
import { FakeVisibility } from "../wire/states";
import capital from "./capital.mech.json";

const TEXT = JSON.stringify(capital);
const saved = readRecipe(TEXT);
let scope: AbortController;
let client: SessionClient;

beforeEach(() => {
  scope = new AbortController();
  const visible = new FakeVisibility();
  client = connectSession(savedModel(saved), { signal: scope.signal, visible, version: "1" });
});
afterEach(() => scope.abort());

describe("a saved result", () => {
  it("is live to the page, in the same protocol", async () => {
    await client.ask("ping");
    expect(client.status).toBe("live");
    expect(client.state).toBe(saved.state);
  });

  it("has the effects of its heads, and nothing where nothing was saved", async () => {
    expect((await askScores(client)).map(({ name }) => name)).toEqual(["effect"]);
    const { values, unit } = await client.effects();
    const [layers, width] = values.shape as [number, number];
    expect([layers, width, unit]).toEqual([4, 7, "logits"]);
    for (let layer = 0; layer < layers; layer++) {
      const row = saved.effects?.values[layer] ?? [];
      for (const [head, value] of row.entries()) {
        expect(values.at(layer, head)).toBeCloseTo(value ?? 0, 4);
      }
      expect([4, 5, 6].map((beside) => values.at(layer, beside))).toEqual([NaN, NaN, NaN]);
    }
  });

  it("refuses every change with a reason, and stays as it is", async () => {
    expect(await client.toggle({ type: "head", layer: 0, head: 0 })).toBe(false);
    expect(client.lastError).toMatchObject({ type: "NoKernel", op: "toggle" });
    expect(client.lastError?.hint).toContain("kernel");
    expect(client.shown).toBe(client.state);
  });

  it("says what is not saved", async () => {
    await expect(client.pattern({ layer: 0, head: 0 }, false)).rejects.toThrow("not saved");
  });
});

describe("drawn on a page", () => {
  it("shows the workbench, and a hostile text as text", async () => {
    const text = TEXT.replaceAll("Zero head 1.2", "<img src=x onerror=alert(1)>");
    const el = document.createElement("div");
    document.body.append(el);
    const drawn = new DrawnWidget(el);
    drawn.draw(savedModel(readRecipe(text)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(el.querySelector("[data-testid=mw-workbench]")).not.toBeNull();
    expect(el.textContent).toContain("<img src=x");
    expect(el.querySelector("img")).toBeNull();
    drawn.clear();
    expect(el.childElementCount).toBe(0);
    drawn.say("<b>no</b>", "hint");
    expect(el.querySelector("b")).toBeNull();
    el.remove();
  });
});
