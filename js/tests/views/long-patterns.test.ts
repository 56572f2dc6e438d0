// Long prompts: what is asked for, at which resolution, what is kept, and how a person moves about.

import { afterEach, describe, expect, it } from "vitest";
import { arcAt, MOST_ARCS, strongest } from "../../charts/arc-paint";
import { attention } from "../../views/attention";
import { around, drawn, factorFor, moved, zoomed } from "../../views/pattern-window";
import { Wanted } from "../../views/wanted";
import { frameOf } from "../../wire/frames";
import { askPart, askPictures, type Look } from "../../wire/patterns";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

afterEach(unmountAll);

const N = 1000;
const LOOK: Look = { layer: 0, moment: "after", weight: "pattern", cross: false };

function long(): FakeSession {
  const tokens = Array.from({ length: N }, (_, id) => ({ id, text: ` t${id}`, special: false }));
  const fake = new FakeSession(stateOf({ tokens, outcome: outcomeOf() }));
  fake.answers.set("patterns", ({ most }) => {
    const factor = Math.ceil(N / (most as number));
    const side = Math.ceil(N / factor);
    return {
      result: {
        heads: [0],
        factor,
        n_queries: N,
        n_keys: N,
        queries: null,
        keys: null,
        sink: false,
        first: [0.5],
        rest: [0],
        note: "",
      },
      frames: [frameOf(new Float32Array(side * side).fill(0.25), [1, side, side])],
    };
  });
  fake.answers.set("pattern_part", ({ queries, keys, factor }) => {
    const [rows, columns] = [queries, keys].map((ends) => {
      const [from, to] = ends as [number, number];
      return Math.ceil((to - from) / (factor as number));
    }) as [number, number];
    return {
      result: { note: "" },
      frames: [frameOf(new Float32Array(rows * columns).fill(0.75), [rows, columns])],
    };
  });
  fake.answers.set("pattern_rows", () => ({
    result: { sink: false },
    frames: [frameOf(new Float32Array(2 * N).fill(1), [2, N])],
  }));
  return fake;
}

describe("one head of a long prompt", () => {
  const open = async () => {
    const fake = long();
    const page = await mount(fake, "light", attention);
    for (let i = 0; i < 4; i++) await painted();
    const words = () => page.get("mw-attention-readout").textContent;
    return { ...page, fake, words };
  };

  it("comes coarsely, and says of how many tokens each square is the largest", async () => {
    const { el, fake, words } = await open();
    expect(fake.asked[0]).toEqual([
      "patterns",
      { ...LOOK, moment: "before", heads: [0], most: 512 },
    ]);
    expect(el.querySelector(".mw-large .mw-legend-note")?.textContent).toBe(
      "each square is the largest of 2 × 2",
    );
    expect(words()).toContain("queries 998–999, keys 0–1: reads at most 0.25");
  });

  it("asks for the parts in sight once it is zoomed, and for nothing else", async () => {
    const { fake, get, words, el } = await open();
    fake.asked.length = 0;
    for (let i = 0; i < 2; i++) get("mw-zoom-in").click();
    for (let i = 0; i < 12; i++) await painted();
    const parts = fake.asked.filter(([op]) => op === "pattern_part").map(([, args]) => args);
    const inside = (ends: [number, number]) => ends[1] > 624 && ends[0] < 876;
    expect(parts.length).toBeGreaterThan(0);
    expect(parts.length).toBeLessThanOrEqual(9);
    for (const part of parts as { queries: [number, number]; factor: number }[]) {
      expect(part.factor).toBe(1);
      expect(inside(part.queries)).toBe(true);
    }
    expect(get("mw-zoom-words").textContent).toContain("of 1,000 tokens");
    const cell = el.querySelector<HTMLElement>(".mw-matrix [role='gridcell']");
    cell?.focus();
    await painted();
    expect(words()).toMatch(/^query ·t\d+ \(\d+\) reads ·t\d+ \(\d+\) 0\.75/);
    get("mw-zoom-all").click();
    await painted();
    expect(get("mw-zoom-words").textContent).toBe("");
  });

  it("zooms to an edge before it can be cut", async () => {
    const { el, get, fake } = await open();
    const cell = el.querySelector<HTMLElement>(".mw-matrix [role='gridcell']");
    cell?.focus();
    await painted();
    expect(el.querySelector(".mw-does")?.textContent).toBe("click zooms in to single edges");
    cell?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await painted();
    expect(get("mw-zoom-words").textContent).toBe("queries 0–31 of 1,000 tokens");
    expect(fake.sent.some(([op]) => op === "apply")).toBe(false);
  });
});

describe("a window on a pattern", () => {
  const sides = { queries: 1000, keys: 1000 };

  it("keeps the token under the pointer where it is", () => {
    const window = zoomed(null, sides, 0.5, { query: 800, key: 200 });
    expect(window).toEqual({ query: 400, key: 100, span: 500 });
    expect(zoomed(window, sides, 2, { query: 800, key: 200 })).toBeNull();
  });

  it("stays within the pattern and never gets narrower than a few tokens", () => {
    let window = zoomed(null, sides, 0.5, { query: 1000, key: 0 });
    for (let i = 0; i < 20; i++) window = zoomed(window, sides, 0.5, { query: 1000, key: 0 });
    expect(window).toEqual({ query: 992, key: 0, span: 8 });
    expect(moved({ query: 992, key: 0, span: 8 }, sides, 50, -50)).toEqual(window);
    expect(around(sides, 2, 999, 32)).toEqual({ query: 0, key: 968, span: 32 });
    expect(around({ queries: 10, keys: 10 }, 2, 2, 32)).toBeNull();
  });

  it("is drawn from multiples of the factor on", () => {
    expect(drawn({ query: 5, key: 9, span: 16 }, sides, 4)).toEqual({
      query: 4,
      key: 8,
      rows: 5,
      columns: 5,
      factor: 4,
    });
    expect(drawn(null, sides, 3)).toMatchObject({ rows: 334, columns: 334 });
    expect([16, 500, 513, 2000].map((span) => factorFor(span, 512))).toEqual([1, 1, 2, 4]);
  });
});

describe("what is wanted", () => {
  const asking = () => {
    const fake = new FakeSession();
    const end = new AbortController();
    const asked: string[] = [];
    const stopped: string[] = [];
    const answers = new Map<string, (value: number[]) => void>();
    let changes = 0;
    const wanted = new Wanted<number[]>(
      fake.client,
      () => {
        changes += 1;
      },
      end.signal,
      { of: (value) => value.length, budget: 10 },
    );
    const want = (key: string) =>
      wanted.get(key, `place of ${key[0]}`, (signal) => {
        asked.push(key);
        signal.addEventListener("abort", () => stopped.push(key));
        return new Promise((resolve) => answers.set(key, resolve));
      });
    return { wanted, want, asked, stopped, answers, changes: () => changes };
  };
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

  it("is asked for a few at a time; what is not wanted any more is withdrawn", () => {
    const { wanted, want, asked, stopped } = asking();
    for (const key of ["a", "b", "c", "d", "e", "f"]) want(key);
    wanted.settle();
    expect(asked).toEqual(["a", "b", "c", "d"]);
    for (const key of ["c", "d", "e", "f"]) want(key);
    wanted.settle();
    expect(stopped).toEqual(["a", "b"]);
    expect(asked).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("is kept within its budget, the last of a place too", async () => {
    const { wanted, want, answers, changes } = asking();
    for (const key of ["a1", "b1", "c1"]) {
      want(key);
      wanted.settle();
      answers.get(key)?.(Array(4).fill(0));
      await settled();
    }
    expect(changes()).toBe(3);
    expect(wanted.size).toBe(8);
    expect(want("a1")).toBeNull();
    expect(wanted.last("place of a")).toBeNull();
    expect(want("b1")).toHaveLength(4);
    expect(want("b2")).toBeNull();
    expect(wanted.last("place of b")).toHaveLength(4);
  });
});

describe("answers that cannot be right", () => {
  const fake = new FakeSession();
  const ask = (result: object, shape: number[]) => {
    const values = new Float32Array(shape.reduce((all, side) => all * side, 1));
    fake.answers.set("patterns", () => ({ result, frames: [frameOf(values, shape)] }));
    return askPictures(fake.client, LOOK, null, 8, new AbortController().signal);
  };
  const right = { heads: [0], factor: 1, n_queries: 2, n_keys: 2, first: [1], rest: [0] };

  it("are refused", async () => {
    await expect(ask(right, [1, 2, 2])).resolves.toMatchObject({ factor: 1, sink: false });
    await expect(ask(right, [1, 3, 2])).rejects.toThrow("another size");
    await expect(ask({ ...right, first: [] }, [1, 2, 2])).rejects.toThrow("number per head");
    await expect(ask({ ...right, queries: [{}] }, [1, 2, 2])).rejects.toThrow("another length");
    fake.answers.set("pattern_part", () => ({ result: {}, frames: [frameOf([1], [1, 1])] }));
    const signal = new AbortController().signal;
    await expect(askPart(fake.client, LOOK, 0, [0, 4], [0, 4], 2, signal)).rejects.toThrow("size");
  });
});

describe("arcs", () => {
  const many = Array.from({ length: 900 }, (_, i) => ({ query: i, key: 0, weight: i / 900 }));

  it("are the strongest of those in sight, the strongest on top, and cut ones always", () => {
    const { arcs, of } = strongest(many, 1, ({ query }) => query === 0);
    expect(arcs).toHaveLength(MOST_ARCS + 1);
    expect(of).toBe(900 - 8);
    expect(arcs.at(-1)?.query).toBe(0);
    expect(arcs.at(-2)?.query).toBe(899);
  });

  it("are found under the pointer", () => {
    const style = { width: 100, y: (token: number) => 20 * token };
    const arcs = [
      { query: 0, key: 4, weight: 1 },
      { query: 4, key: 0, weight: 1 },
    ];
    expect(arcAt(arcs, style, 5, 1)).toBe(arcs[0]);
    expect(arcAt(arcs, style, 95, 1)).toBe(arcs[1]);
    expect(arcAt(arcs, style, 50, 10)).toBeNull();
  });
});
