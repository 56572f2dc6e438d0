import { afterEach, describe, expect, it, vi } from "vitest";
import { continuation } from "../../views/continuation";
import { rivalsOf } from "../../views/continuation-details";
import { prose } from "../../views/continuation-row";
import { settingsText } from "../../views/continuation-settings";
import { readContinuation } from "../../wire/continuation";
import type { Answer } from "../../wire/rpc";
import { RpcError } from "../../wire/rpc";
import type { Asking } from "../../wire/session-client";
import { ablation, stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

const TEXTS = { 1: " Paris", 2: " Rome", 3: ".", 4: "<end>" };
type Token = [number, number, number | null, [number, number][]];
const token = (id: number, share = 0.5, beside: number | null = null): Token => [
  id,
  share,
  beside,
  [
    [1, 0.6],
    [2, 0.3],
  ],
];
const written = (change = {}): Answer<unknown> => ({
  frames: [],
  result: {
    revision: 1,
    baseline: [token(1, 0.6, 0.2), token(3), token(4)],
    edited: [token(2, 0.7, 0.3), token(3)],
    texts: TEXTS,
    special: [4],
    divergence: 0,
    ended: "end of text",
    recomputes: "",
    per_second: 41.5,
    ...change,
  },
});

interface Asked {
  args: Record<string, unknown>;
  options: Asking;
  give: (answer: Answer<unknown>) => void;
  refuse: (error: unknown) => void;
}

function writer(change = {}): { session: FakeSession; asked: Asked[] } {
  const session = new FakeSession(stateOf({ outcome: outcomeOf(), ...change }));
  const asked: Asked[] = [];
  session.answers.set(
    "continuation",
    (args, options) =>
      new Promise((give, refuse) => {
        options.signal?.addEventListener("abort", () => refuse(options.signal?.reason));
        asked.push({ args, options, give, refuse });
      }),
  );
  return { session, asked };
}
const progress = { done: 1, total: 20, label: "writing" };
const text = (page: Mounted, row: string) =>
  Array.from(page.get(`mw-written-${row}`).querySelectorAll("bdi"), (node) => node.textContent);
const started = async (change = {}) => {
  const { session, asked } = writer(change);
  const page = await mount(session, "light", continuation);
  page.get("mw-continuation-play").click();
  await painted();
  return { page, session, asked };
};
const edit = { interventions: [ablation({ type: "mlp", layer: 1 })], revision: 2 };

afterEach(() => {
  unmountAll();
  vi.useRealTimers();
});

describe("a continuation", () => {
  it("is one line until it is asked for, and asks for nothing", async () => {
    const { session, asked } = writer();
    const page = await mount(session);
    const pane = page.get("mw-continuation");
    expect(pane.querySelector<HTMLElement>(".mw-written-body")?.hidden).toBe(true);
    expect(pane.textContent).toContain("greedy ▾");
    await session.say(edit);
    expect(asked).toHaveLength(0);
  });

  it("grows while it is written, and marks where the texts part", async () => {
    const { page, asked } = await started();
    expect(asked[0]?.args).toEqual({
      new_tokens: 20,
      temperature: 0,
      top_p: 1,
      seed: 0,
      on: "both",
    });
    expect(page.get("mw-continuation").getAttribute("aria-busy")).toBe("true");
    expect(page.get("mw-written-facts").textContent).toBe("Reading the prompt …");
    const part = { baseline: [token(1, 0.6, 0.2)], edited: [token(2, 0.7, 0.3)], ended: "" };
    asked[0]?.options.onPartial?.(written(part), progress);
    await painted();
    expect([text(page, "baseline"), text(page, "edited")]).toEqual([[" Paris"], [" Rome"]]);
    expect(page.get("mw-written-facts").getAttribute("aria-live")).toBe("off");
    asked[0]?.give(written());
    await painted();
    expect(text(page, "baseline")).toEqual([" Paris", ".", "<end>"]);
    const marked = page.el.querySelectorAll("[data-diverges]");
    expect(Array.from(marked, (node) => node.textContent)).toEqual([" Paris", " Rome"]);
    expect(page.el.querySelector("[data-special]")?.textContent).toBe("<end>");
    expect(page.get("mw-written-facts").textContent).toBe(
      "3 tokens · differ from token 1 · 42/s · end of text",
    );
    expect(page.get("mw-continuation").dataset.phase).toBe("written");
    expect(page.get("mw-written-edited").getAttribute("aria-label")).toContain("Rome.");
  });

  it("is one text where nothing is edited", async () => {
    const { page, asked } = await started();
    asked[0]?.give(written({ edited: null, divergence: null }));
    await painted();
    expect(page.get("mw-written-edited").closest("[hidden]")).not.toBeNull();
    expect(page.get("mw-written-facts").textContent).toBe("3 tokens · 42/s · end of text");
  });

  it("can be stopped, and what is written stays", async () => {
    const { page, asked, session } = await started();
    asked[0]?.options.onPartial?.(written({ ended: "" }), progress);
    await painted();
    page.get("mw-continuation-play").click();
    await painted();
    expect(asked[0]?.options.signal?.aborted).toBe(true);
    expect(text(page, "baseline")).toHaveLength(3);
    expect(page.get("mw-written-facts").textContent).toContain("stopped");
    await session.say(edit);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(asked).toHaveLength(1);
    expect(page.get("mw-continuation").hasAttribute("data-stale")).toBe(true);
  });

  it("is written anew after edits have paused, once, and dims the old text meanwhile", async () => {
    const { page, asked, session } = await started();
    asked[0]?.give(written());
    await painted();
    await session.say(edit);
    await session.say({
      ...edit,
      revision: 3,
      interventions: [ablation({ type: "mlp", layer: 0 })],
    });
    expect(page.get("mw-continuation").hasAttribute("data-stale")).toBe(true);
    expect(text(page, "baseline")).toHaveLength(3);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(asked).toHaveLength(2);
    asked[1]?.give(written());
    await painted();
    expect(page.get("mw-continuation").hasAttribute("data-stale")).toBe(false);
    // Not when nobody wants that any more, nor when the pane is folded.
    page.store.set({ continuation: { ...page.store.value.continuation, live: false } });
    await session.say({ ...edit, revision: 4 });
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(asked).toHaveLength(2);
    page.get("mw-continuation-fold").click();
    await painted();
    expect(page.store.value.continuation.open).toBe(false);
  });

  it("withdraws what nobody waits for any more", async () => {
    const { page, asked, session } = await started();
    await session.say(edit);
    expect(asked[0]?.options.signal?.aborted).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(asked).toHaveLength(2);
    page.end.abort();
    expect(asked[1]?.options.signal?.aborted).toBe(true);
  });

  it("says why nothing can be written", async () => {
    const { page, asked, session } = await started();
    const message = "“fills in” does not predict the next token.";
    asked[0]?.refuse(new RpcError({ type: "Unsupported", message, hint: "Take a decoder." }));
    await painted();
    expect(page.get("mw-written-facts").textContent).toBe(`${message} Take a decoder.`);
    expect(page.get("mw-continuation").dataset.phase).toBe("refused");
    expect(asked).toHaveLength(1); // refused once is enough
    await session.say(edit);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(asked).toHaveLength(2);
  });

  it("stops when the kernel has gone", async () => {
    const { page, asked, session } = await started();
    asked[0]?.options.onPartial?.(written({ ended: "" }), progress);
    session.status = "gone";
    session.changed();
    await painted();
    expect(page.get("mw-continuation").dataset.phase).toBe("stopped");
    expect(text(page, "baseline")).toHaveLength(3);
    expect(page.get("mw-continuation-play").hasAttribute("disabled")).toBe(true);
  });

  it("is drawn as a person sets it", async () => {
    const { session, asked } = writer();
    const page = await mount(session, "light", continuation);
    page.get("mw-sampling-open").click();
    await painted();
    for (const [name, value] of Object.entries({
      tokens: "7.5",
      temperature: "0.8",
      top_p: "3",
      seed: "4",
    })) {
      const input = page.get(`mw-sampling-${name}`) as HTMLInputElement;
      input.value = value;
      input.dispatchEvent(new Event("change"));
    }
    const on = page.get("mw-sampling-on") as HTMLSelectElement;
    on.value = "generated";
    on.dispatchEvent(new Event("change"));
    await painted();
    expect(page.get("mw-sampling-open").textContent).toBe("T 0.80 · seed 4 ▾");
    page.get("mw-continuation-play").click();
    await painted();
    expect(asked[0]?.args).toEqual({
      new_tokens: 7,
      temperature: 0.8,
      top_p: 1,
      seed: 4,
      on: "generated",
    });
    expect(settingsText({ ...page.store.value.continuation, top_p: 0.9 })).toBe(
      "T 0.80 · top-p 0.90 · seed 4",
    );
  });
});

describe("a token that is pointed at", () => {
  it("shows its rivals before and after, and by the arrow keys as well", async () => {
    const { page, asked } = await started();
    asked[0]?.give(written());
    await painted();
    const details = page.get("mw-written-details");
    expect(details.textContent).toContain("Point at a token");
    const edited = page.get("mw-written-edited");
    edited.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await painted();
    expect(details.querySelector("[data-chosen]")?.textContent).toBe("·Rome30%→70%");
    expect(page.el.querySelectorAll("[data-lit]")).toHaveLength(2);
    edited.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
    await painted();
    expect(details.textContent).toContain("token 2 · edited, after the texts part");
    expect(details.querySelector("[data-chosen]")?.textContent).toBe(".50%");
    edited.dispatchEvent(new Event("pointerleave"));
    await painted();
    expect(page.el.querySelectorAll("[data-lit]")).toHaveLength(0);
  });

  it("is always among its rivals, the largest of either side first", () => {
    const many = [1, 2, 3, 4].map((id): [number, number] => [id, 0.2]);
    const row: Token[] = [[9, 0.01, 0.02, [...many, [5, 0.1]]]];
    const texts = { ...TEXTS, 5: "five", 9: "nine" };
    const read = readContinuation(written({ baseline: row, edited: row, divergence: null, texts }));
    const rivals = rivalsOf(read, "edited", 0);
    expect(rivals).toHaveLength(5);
    expect(rivals.at(-1)).toMatchObject({ text: "nine", chosen: true, after: 0.01 });
    expect(rivalsOf(read, "edited", 7)).toEqual([]);
  });
});

it("is prose, whatever a token holds", () => {
  expect(prose(" Paris")).toBe(" Paris");
  expect(prose(" ")).toBe(" ");
  expect(prose("")).toBe("∅");
  expect(prose("\n")).toBe("⏎");
  expect(prose("a\u202eb\0")).not.toMatch(/[\u202e\0]/);
  expect(prose("x".repeat(10_000)).length).toBeLessThan(70);
  expect(prose(" x ")).toBe(" x ");
});

it.each([
  ["a row is missing", { baseline: 3 }],
  ["a number is missing", { baseline: [["1", 0.5, null, []]] }],
  ["a token has no text", { texts: {} }],
  ["a number is missing", { per_second: "fast" }],
  ["a part is missing", { texts: null }],
])("an answer in which %s is no continuation", (why, change) => {
  expect(() => readContinuation(written(change))).toThrow(why);
});
