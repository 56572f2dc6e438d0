// The weights view on a fake session: what is asked, what lists and edges do, and models of any size.

import { afterEach, expect, it } from "vitest";
import type { SessionState } from "../../types";
import { weights } from "../../views/weights";
import { workbench } from "../../views/workbench";
import { frameOf } from "../../wire/frames";
import type { Answer } from "../../wire/rpc";
import { stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(unmountAll);

const token = (id: number, text: string, value?: number) =>
  value === undefined ? { id, text } : { id, text, value };

function circuit(args: Record<string, unknown>, change: object = {}): Answer<unknown> {
  const result = {
    token: token(args.token as number, " capital"),
    vocabulary: 50,
    distance: args.distance,
    rotates: false,
    cap: 0,
    copying: 0.25,
    keys: [token(7, " <b>Paris", 3.5), token(8, " Rome", -1)],
    queries: [token(9, " of", 2)],
    raised: [token(7, " <b>Paris", 4)],
    suppressed: [token(8, " Rome", -4)],
    qk_reason: "",
    ov_reason: "",
    ...change,
  };
  return { result, frames: [] };
}

/** Two layers of `heads` heads: each of the second reads each of the first, later ones more. */
function composition(heads = 2, layers = 2): Answer<unknown> {
  const all = Array.from({ length: layers * heads }, (_, at) => [
    Math.floor(at / heads),
    at % heads,
  ]);
  const n = all.length;
  const score = (row: number, column: number): number =>
    (all[row]?.[0] ?? 0) < (all[column]?.[0] ?? 0) ? 0.1 + (row + column) / (8 * n) : Number.NaN;
  const by = n > 400 ? "layer" : "head";
  const side = by === "head" ? n : layers;
  const matrix = Array.from({ length: side * side }, (_, at) =>
    score(
      by === "head" ? Math.floor(at / side) : Math.floor(at / side) * heads,
      by === "head" ? at % side : (at % side) * heads,
    ),
  );
  const edges = all
    .flatMap((_, row) => all.map((_, column) => [row, column, score(row, column)]))
    .filter(([, , value]) => !Number.isNaN(value))
    .sort((one, other) => (other[2] ?? 0) - (one[2] ?? 0))
    .slice(0, 600);
  const result = {
    kind: "q",
    heads: all,
    by,
    chance: 0.1,
    reasons: [],
    done: layers,
    total: layers,
  };
  return {
    result,
    frames: [frameOf(matrix, [side, side]), frameOf(edges.flat(), [edges.length, 3])],
  };
}

function session(change: Partial<SessionState> = {}): FakeSession {
  const fake = new FakeSession(stateOf({ outcome: outcomeOf(), metric, ...change }));
  fake.answers.set("head_circuit", (args) => circuit(args));
  fake.answers.set("token_neighbours", () => ({
    result: { token: token(2, " capital"), length: 1, nearest: [token(5, " city", 0.5)] },
    frames: [],
  }));
  fake.answers.set("head_pairs", () => ({
    result: {
      looked_at: 2500,
      pairs: [{ first: token(1, "a"), second: token(2, "b"), value: 9 }],
    },
    frames: [],
  }));
  fake.answers.set("composition", () => composition());
  const frames = [frameOf([1, 2, 3, Number.NaN], [2, 2]), frameOf([1, 2, 3, 4], [2, 2])];
  fake.answers.set("weight_norms", () => ({
    result: { reasons: [{ layer: 1, reason: "queries are normed" }] },
    frames: [...frames, frameOf([5, 6], [2])],
  }));
  return fake;
}

async function shown(fake = session()): Promise<Mounted> {
  const mounted = await mount(fake, "light", weights);
  for (let i = 0; i < 3; i++) await painted();
  return mounted;
}

const asked = ({ session: { asked: all } }: Mounted, op: string) =>
  all.filter(([name]) => name === op).map(([, args]) => args);
const rows = (view: Mounted, name: string): string[] =>
  Array.from(view.get(name).querySelectorAll(".mw-ranked-row"), (row) => row.textContent ?? "");

async function open(view: Mounted, section: string): Promise<void> {
  view.get(`mw-weights-${section}`).click();
  for (let i = 0; i < 3; i++) await painted();
}

it("asks the circuits of the head with the last token, and nothing of the other sections", async () => {
  const view = await shown();
  const ask = { layer: 0, head: 0, token: 2, k: 8, distance: 0 };
  expect(asked(view, "head_circuit")).toEqual([ask]);
  expect(asked(view, "composition")).toEqual([]);
  expect(rows(view, "mw-circuits-keys")).toEqual(["·<b>Paris+3.50", "·Rome−1.00"]);
  expect(view.el.querySelector(".mw-ranked b")).toBeNull();
  expect(rows(view, "mw-circuits-nearest")).toEqual(["·city+0.50"]);
  expect(rows(view, "mw-circuits-pairs-qk")).toEqual(["a → b+9.00"]);
  expect(view.el.textContent).toContain("copying +0.25");
  expect(view.get("mw-weights").hasAttribute("data-waiting")).toBe(false);
});

it("shows the locked head, and asks with a token that is pressed until the prompt's is another", async () => {
  const view = await shown();
  view.store.lock({ type: "head", layer: 1, head: 3 });
  for (let i = 0; i < 3; i++) await painted();
  expect(view.get("mw-circuits-head").textContent).toBe("Head 1.3");
  view.get("mw-circuits-keys").querySelector<HTMLElement>(".mw-ranked-row")?.click();
  for (let i = 0; i < 3; i++) await painted();
  expect(asked(view, "head_circuit").at(-1)).toMatchObject({ layer: 1, head: 3, token: 7 });
  expect((view.get("mw-circuits-token") as HTMLInputElement).value).toBe("·<b>Paris");
  view.store.set({ token: 0 });
  for (let i = 0; i < 3; i++) await painted();
  expect(asked(view, "head_circuit").at(-1)).toMatchObject({ token: 1 });
});

it("walks through a list by keyboard, with one stop per list", async () => {
  const view = await shown();
  const list = view.get("mw-circuits-keys");
  const [first, second] = list.querySelectorAll<HTMLElement>(".mw-ranked-row");
  expect([first?.tabIndex, second?.tabIndex]).toEqual([0, -1]);
  first?.focus();
  const press = new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true, cancelable: true });
  first?.dispatchEvent(press);
  expect(press.defaultPrevented).toBe(true);
  expect([first?.tabIndex, second?.tabIndex]).toEqual([-1, 0]);
});

it("looks through all pairs of a large vocabulary only when a person says so", async () => {
  const fake = session();
  fake.answers.set("head_circuit", (args) => circuit(args, { vocabulary: 100_000 }));
  const view = await shown(fake);
  expect(asked(view, "head_pairs")).toEqual([]);
  expect(view.el.textContent).toContain("of 10,000,000,000 pairs");
  view.get("mw-circuits-find-pairs").click();
  for (let i = 0; i < 3; i++) await painted();
  expect(asked(view, "head_pairs")).toHaveLength(2);
});

it("has a distance where positions turn, and says why a circuit is missing", async () => {
  const fake = session();
  const without = { rotates: true, raised: null, suppressed: null, ov_reason: "no unembedding" };
  fake.answers.set("head_circuit", (args) => circuit(args, without));
  const view = await shown(fake);
  expect(view.get("mw-circuits-raised").textContent).toContain("None: no unembedding");
  expect(asked(view, "head_pairs").map((args) => (args as { circuit: string }).circuit)).toEqual([
    "qk",
  ]);
  const distance = view.get("mw-circuits-distance") as HTMLInputElement;
  distance.value = "2";
  distance.dispatchEvent(new Event("input"));
  for (let i = 0; i < 3; i++) await painted();
  expect(asked(view, "head_circuit").at(-1)).toMatchObject({ distance: 2 });
});

it("locks the heads of an edge, and lists those of the locked head", async () => {
  const view = await shown();
  await open(view, "composition");
  expect(asked(view, "composition")).toEqual([{ kind: "q" }]);
  const list = view.el.querySelector(".mw-weight-edges");
  const names = Array.from(
    list?.querySelectorAll(".mw-ranked-names") ?? [],
    (one) => one.textContent,
  );
  expect(names).toEqual(["0.1 → 1.1", "0.0 → 1.1", "0.1 → 1.0", "0.0 → 1.0"]);
  list?.querySelector<HTMLElement>(".mw-ranked-row")?.click();
  await painted();
  expect(view.store.value.locked).toEqual({ type: "head", layer: 1, head: 1 });
  expect(view.store.value.pinned).toEqual([
    { layer: 0, head: 1 },
    { layer: 1, head: 1 },
  ]);
  expect(list?.querySelectorAll(".mw-ranked-row")).toHaveLength(2);
  expect(list?.textContent).toContain("strongest of head 1.1");
});

it("shows edges from a threshold on, and the matrix as a keyboard grid", async () => {
  const view = await shown();
  await open(view, "composition");
  expect(view.el.textContent).toContain("4 of 4 edges");
  const slider = view.get("mw-composition-threshold") as HTMLInputElement;
  slider.value = slider.max;
  slider.dispatchEvent(new Event("input"));
  await painted();
  expect(view.el.textContent).toContain("1 of 4 edges");
  view.get("mw-composition-matrix").click();
  await painted();
  const grid = view.el.querySelector(".mw-heat [role=grid]");
  expect(grid?.getAttribute("aria-rowcount")).toBe("4");
  const cursor = grid?.querySelector<HTMLElement>(".mw-cursor");
  expect(cursor?.getAttribute("aria-label")).toMatch(/^0\.0 → 1\.0: 0\.1/);
  cursor?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  await painted();
  expect(view.store.value.locked).toEqual({ type: "head", layer: 1, head: 0 });
});

it("draws eighty layers of sixty-four heads by their strongest edges and by layers", async () => {
  const fake = session({
    model: {
      ...stateOf().model,
      n_layers: 80,
      heads: Array(80).fill(64),
      kv_heads: Array(80).fill(8),
    },
  });
  const many = composition(6, 80);
  fake.answers.set("composition", () => many);
  const view = await shown(fake);
  expect(view.el.textContent).toContain("keys and values shared by 0.0 to 0.7");
  await open(view, "composition");
  expect(view.el.textContent).toMatch(/\d+ of 600 edges, the strongest/);
  view.get("mw-composition-matrix").click();
  await painted();
  expect(view.el.querySelector(".mw-heat [role=grid]")?.getAttribute("aria-colcount")).toBe("80");
  expect(view.el.textContent).toContain("largest score of two layers’ heads");
});

it("prints norms, says why some are missing, and locks what is pressed", async () => {
  const view = await shown();
  await open(view, "norms");
  expect(asked(view, "weight_norms")).toEqual([{}]);
  expect(view.el.textContent).toContain("layer 1: queries are normed");
  const [qk, , mlp] = view.get("mw-norms").querySelectorAll<HTMLElement>(".mw-cursor");
  expect(qk?.getAttribute("aria-label")).toBe("head 0.0: ‖W_Q W_Kᵀ‖ = 1.00");
  expect(mlp?.getAttribute("aria-label")).toBe("MLP 0: ‖W_out‖ = 5.00");
  mlp?.click();
  expect(view.store.value.locked).toEqual({ type: "mlp", layer: 0 });
});

it("says why there is nothing, and refuses an answer of another shape", async () => {
  const fake = session();
  fake.answers.set("head_circuit", () => {
    throw new Error("Layer 0 of it has no circuits: what the head writes is normed");
  });
  fake.answers.set("composition", () => ({ ...composition(), frames: [frameOf([1, 2], [1, 2])] }));
  const view = await shown(fake);
  expect(view.el.querySelector(".mw-weight-circuits .mw-empty")?.textContent).toContain(
    "is normed",
  );
  await open(view, "composition");
  expect(view.el.querySelector(".mw-weight-composition .mw-empty")?.textContent).toContain(
    "could not be read",
  );
});

it("asks nothing in a workbench until its tab is open", async () => {
  const view = await mount(session(), "light", workbench);
  await painted();
  expect(asked(view, "head_circuit")).toEqual([]);
  view.get("mw-tab-weights").click();
  for (let i = 0; i < 3; i++) await painted();
  expect(asked(view, "head_circuit")).toHaveLength(1);
});
