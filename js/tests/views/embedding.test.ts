// The embedding view on a fake session: what is asked and when, what is said, and large models.

import { afterEach, expect, it } from "vitest";
import { embedding } from "../../views/embedding";
import { bytesOf, encodingWords } from "../../views/embedding-words";
import { frameOf } from "../../wire/frames";
import type { Answer } from "../../wire/rpc";
import { stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

const fill = (n: number, value: (at: number) => number): number[] =>
  Array.from({ length: n }, (_, at) => value(at));

function partsOf(n: number): Answer<unknown> {
  const result = {
    kinds: ["token", "position"],
    modules: ["transformer.wte", "transformer.wpe"],
    factors: [2, 1],
    learned: [true, true],
    steps: ["norm ln"],
    pairs: [[0, 1]],
    d_model: 8,
  };
  const frames = [
    frameOf(
      fill(2 * n, (at) => 1 + at),
      [2, n],
    ),
    frameOf(
      fill(2 * n, () => 0.5),
      [2, n],
    ),
    frameOf(
      fill(2 * n, () => 3),
      [2, n],
    ),
    frameOf(
      fill(n, () => -0.25),
      [1, n],
    ),
  ];
  return { result, frames };
}

function tokenOf({ position }: Record<string, unknown>): Answer<unknown> {
  const near = [{ id: 7, text: " <b>Rome", cosine: 0.75 }];
  const result = { position, width: 8, nearest: { token: near, sum: [] }, reason: "" };
  const strips = frameOf(
    fill(24, (at) => at - 12),
    [3, 8],
  );
  return {
    result,
    frames: [
      strips,
      frameOf(
        fill(8, (at) => at),
        [1, 8],
      ),
    ],
  };
}

const ROTARY = {
  module: "model.rotary_emb",
  layers: [0, 1, 2, 5],
  scaling: 1,
  pairing: "halves",
  first: 0,
  width: 4,
  d_head: 8,
  error: 1e-7,
  named: "default, rope_theta 10000",
  every: 1,
};

function positionsOf(): Answer<unknown> {
  const vectors = { module: "transformer.wpe", learned: true, every: 2 };
  const relative = { module: "", layers: [0], distances: [-1, 0], slopes: [0.25, 0.5] };
  return {
    result: { reason: "", vectors, rotary: [ROTARY], relative: [relative] },
    frames: [
      frameOf([1, 0.5, 0.5, 1], [2, 2]),
      frameOf([0, 1, 0, 0.01], [2, 2]),
      frameOf([1, 0.01], [2]),
      frameOf([-0.25, 0, -0.5, 0], [2, 2]),
    ],
  };
}

function session(n = 2): FakeSession {
  const tokens = fill(n, (id) => id).map((id) => ({ id, text: ` t${id}`, special: false }));
  const state = stateOf({ outcome: outcomeOf(), ...(n === 2 ? {} : { tokens }) });
  const fake = new FakeSession(state);
  fake.answers.set("embedding_parts", () => partsOf(n));
  fake.answers.set("embedding_token", tokenOf);
  fake.answers.set("position_encoding", positionsOf);
  fake.answers.set("token_plane", () => ({
    result: { explained: [0.25, 0.125], left_out: 1 },
    frames: [
      frameOf(
        fill(2 * n, (at) => (at < 2 ? Number.NaN : at)),
        [n, 2],
      ),
    ],
  }));
  return fake;
}

async function shown(fake = session()): Promise<Mounted> {
  const mounted = await mount(fake, "light", embedding);
  for (let i = 0; i < 4; i++) await painted();
  return mounted;
}

async function choose(view: Mounted, testid: string, value: string): Promise<void> {
  const select = view.get(testid) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event("change"));
  for (let i = 0; i < 3; i++) await painted();
}

const cursor = ({ el }: Mounted): HTMLElement => el.querySelector(".mw-cursor") as HTMLElement;
const said = (view: Mounted): string => view.get("mw-embedding-said").textContent ?? "";

it("says what a vector is a sum of, and asks for nothing that is not shown", async () => {
  const view = await shown();
  expect(view.session.asked.map(([op]) => op)).toEqual(["embedding_parts", "embedding_token"]);
  expect(said(view)).toBe(
    "2.00 × token (wte) + position (wpe, learned), then norm ln = the first residual, 8 numbers per token",
  );
  const labels = Array.from(
    view.el.querySelectorAll(".mw-positions-side bdi"),
    (one) => one.textContent,
  );
  expect(labels).toEqual(["‖tok‖", "‖pos‖", "‖sum‖", "‖res‖", "cos", "tok %", "pos %"]);
  expect(cursor(view).getAttribute("aria-label")).toMatch(/norm of the token part 1\.00$/);
});

it("tells one token step by step, as text, and names its neighbours", async () => {
  const view = await shown();
  const steps = view.get("mw-embedding-token");
  expect(steps.querySelector("mark")?.textContent).toBe("·capital");
  expect(steps.textContent).toContain("20 63 61 70 69 74 61 6c");
  expect(steps.textContent).toContain("nearest to the token");
  expect(steps.textContent).toContain("·<b>Rome");
  expect(steps.querySelector("b")).toBeNull();
  expect(steps.querySelectorAll("canvas")).toHaveLength(4);
});

it("asks about a token only once the pointer rests on it", async () => {
  const view = await shown();
  view.store.hover(null, 0);
  await painted();
  const asked = () => view.session.asked.filter(([op]) => op === "embedding_token").length;
  expect(asked()).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 160));
  for (let i = 0; i < 3; i++) await painted();
  expect(asked()).toBe(2);
  expect(view.session.asked.at(-1)?.[1]).toEqual({ position: 0 });
});

it("edits ask for nothing again: it is about the prompt without them", async () => {
  const view = await shown();
  const before = view.session.asked.length;
  await view.session.agree({ outcome: outcomeOf({ revision: 1 }) });
  for (let i = 0; i < 3; i++) await painted();
  expect(view.session.asked).toHaveLength(before);
});

it("shows each encoding of positions as what it is", async () => {
  const view = await shown();
  await choose(view, "mw-embedding-showing", "positions");
  expect(said(view)).toContain("One learned vector per position (transformer.wpe)");
  expect(said(view)).toContain("Every 2nd position is shown");
  expect(cursor(view).getAttribute("aria-label")).toBe("Positions 0 and 0: cosine 1.00");
  const which = view.get("mw-embedding-encoding") as HTMLSelectElement;
  expect(Array.from(which.options, (one) => one.text)).toEqual([
    "learned vectors",
    "rotary, layers 0–2, 5",
    "ALiBi",
  ]);
  await choose(view, "mw-embedding-encoding", "1");
  expect(said(view)).toContain("4 of the 8 numbers (from 0) of a head in 2 pairs");
  expect(said(view)).toContain("Pairs are i and i + half, confirmed on the model’s own queries");
  const right = new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true });
  cursor(view).dispatchEvent(right);
  await painted();
  expect(cursor(view).getAttribute("aria-label")).toBe(
    "Pair 0 (numbers 0 and 2) at position 1: angle 1.00 rad, cosine 0.54; 1.00 rad per token, comes round every 6.28 tokens",
  );
  expect(view.store.value.hover.token).toBe(1);
  await choose(view, "mw-embedding-encoding", "2");
  expect(said(view)).toContain("a score falls by 0.25, 0.50 per token of distance");
});

it("says why no encoding is shown", async () => {
  const fake = session();
  fake.answers.set("position_encoding", () => ({
    result: { reason: "a recurrent layer needs none", vectors: null, rotary: [], relative: [] },
    frames: [],
  }));
  const view = await shown(fake);
  await choose(view, "mw-embedding-showing", "positions");
  expect(view.el.querySelector(".mw-empty")?.textContent).toBe(
    "No position encoding is shown: a recurrent layer needs none.",
  );
});

it("the plane says how much it holds and warns where that is little", async () => {
  const view = await shown(session(6));
  await choose(view, "mw-embedding-showing", "plane");
  expect(said(view)).toContain(
    "hold 25% of the variance across and 13% up. 1 special token left out.",
  );
  expect(said(view)).toContain("what is near here may be far apart");
  const plane = view.el.querySelector(".mw-plane") as HTMLElement;
  const press = (key: string) =>
    plane.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  press("End");
  await painted();
  expect(view.store.value.hover.token).toBe(5);
  expect(plane.getAttribute("aria-valuetext")).toBe("·t5 (5): 10.0 across, 11.0 up");
  press("Enter");
  expect(view.store.value.token).toBe(5);
  press("Home");
  await painted();
  expect(plane.getAttribute("aria-valuetext")).toBe("·t0 (0): left out");
  for (const key of ["ArrowRight", "ArrowRight", "Enter"]) press(key); // before a frame is drawn
  expect(view.store.value.token).toBe(2);
});

it("a refusal takes the place of what was to be shown, and only of that", async () => {
  const fake = session();
  fake.answers.set("token_plane", () => {
    throw new Error("A plane of 2 vectors says nothing.");
  });
  const view = await shown(fake);
  await choose(view, "mw-embedding-showing", "plane");
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("says nothing");
  await choose(view, "mw-embedding-showing", "parts");
  expect(view.el.querySelector(".mw-empty")?.textContent).toBe("");
  fake.answers.set("position_encoding", () => ({ ...positionsOf(), frames: [] }));
  await choose(view, "mw-embedding-showing", "positions");
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("could not be read");
});

it("stands up to a thousand tokens with few elements", async () => {
  const view = await shown(session(1000));
  expect(view.el.querySelectorAll("*").length).toBeLessThan(800);
  await choose(view, "mw-embedding-showing", "plane");
  expect(view.el.querySelectorAll("*").length).toBeLessThan(1000);
});

it("writes bytes and unconfirmed pairs as what they are", () => {
  const token = { id: 1, text: "é", special: false };
  expect(bytesOf(token)).toBe("c3 a9");
  expect(bytesOf({ ...token, bytes: "f09f" })).toBe("f0 9f");
  expect(bytesOf({ ...token, special: true })).toBe("none: a special token");
  const frames = { angles: frameOf([0, 0], [2, 1]), frequencies: Float32Array.from([1, 0]) };
  const { d_head: headWidth, ...rest } = ROTARY;
  const one = { ...rest, ...frames, headWidth, kind: "rotary" as const, pairing: null };
  expect(encodingWords(one)).toContain("could not be confirmed");
});
