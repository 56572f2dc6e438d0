// One neuron in depth on a fake session: what is asked and when, what is said, what clicks do.

import { afterEach, expect, it } from "vitest";
import type { SessionState } from "../../types";
import { neuron } from "../../views/neuron";
import { frameOf } from "../../wire/frames";
import type { Answer } from "../../wire/rpc";
import { stateOf } from "../wire/states";
import { FakeSession, type Mounted, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(unmountAll);

const CORPUS = {
  id: "c1",
  name: "stories.txt, line by line",
  prompts: 40,
  duplicates: 2,
  blank: 0,
};
const FIRST = { type: "neuron", layer: 1, index: 5 };

const candidates = (experts = 0): Answer<unknown> => ({
  result: {
    neurons: [
      {
        neuron: experts ? { type: "expert_neuron", layer: 1, expert: 3, index: 5 } : FIRST,
        activation: 2,
        effect: 0.5,
      },
      { neuron: { type: "neuron", layer: 0, index: 7 }, activation: -1, effect: -0.25 },
    ],
    position: 1,
    effect_of: "logit difference",
    reason: "",
    layers: [
      { neurons: 128, experts: 0 },
      { neurons: 100_000, experts },
    ],
  },
  frames: [],
});

const ends = (text: string) => ({
  most: [{ text, gain: 0.5 }],
  least: [{ text: " Rome", gain: -0.25 }],
});

function contexts(looked = 40, change: object = {}): Answer<unknown> {
  const one = (value: number) => ({
    prompt: 7,
    position: 3,
    value,
    first: 2,
    length: 9,
    tokens: [" <b>the", " cat", " sat"],
    special: [],
  });
  const about = {
    looked,
    total: 40,
    tokens: 200,
    fired: 30,
    mean: -0.07,
    cut: 1,
    skipped: 0,
    why_skipped: "",
    note: "",
    from: -0.5,
    to: 1.5,
    highest: [one(1.25)],
    lowest: [],
    ...change,
  };
  return { result: about, frames: [frameOf([0, 1.25, 0.5], [3]), frameOf([170, 20, 9, 1], [4])] };
}

function session(change: Partial<SessionState> = {}, experts = 0): FakeSession {
  const fake = new FakeSession(stateOf({ outcome: outcomeOf(), metric, ...change }));
  fake.answers.set("neuron_candidates", () => candidates(experts));
  fake.answers.set("neuron_on_prompt", () => ({
    result: { edited: false, experts },
    frames: [
      frameOf([0.5, experts ? Number.NaN : -2], [2]),
      ...(experts ? [frameOf([3, 0, 1, 2], [2, 2]), frameOf([0.75, 0.25, 0.5, 0.5], [2, 2])] : []),
    ],
  }));
  fake.answers.set("neuron_weights", () => ({
    result: {
      inputs: [
        { name: "gate", bias: 0, norm: 1.5, cosine: -0.25, ...ends(" <i>Paris") },
        { name: "up", bias: 0.5, norm: 1, cosine: null, ...ends(" dog") },
      ],
      normed: true,
      why: "",
      writes: { norm: 2, ...ends(" cat") },
      note: "",
    },
    frames: [],
  }));
  fake.answers.set("neuron_contexts", () => contexts());
  return fake;
}

async function shown(fake = session()): Promise<Mounted> {
  const mounted = await mount(fake, "light", neuron);
  for (let i = 0; i < 4; i++) await painted();
  return mounted;
}

const asked = ({ session: fake }: Mounted, op: string): object[] =>
  fake.asked.filter(([name]) => name === op).map(([, args]) => args);

const pane = ({ get }: Mounted): HTMLElement => get("mw-neuron-pane");

it("begins with the neuron that writes most to the metric, and says everything of it", async () => {
  const view = await shown();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 1.5");
  expect(asked(view, "neuron_on_prompt")).toEqual([{ neuron: FIRST }]);
  expect(asked(view, "neuron_contexts")).toEqual([]);
  expect(view.el.textContent).toContain("write most to logit difference");
  expect(view.el.textContent).toContain("peak −2.00 at ·capital (1)");
  const titles = Array.from(view.el.querySelectorAll(".mw-neuron-weight-column"), (one) =>
    one.textContent?.slice(0, 11),
  );
  expect(titles).toEqual(["reads: gate", "reads: up‖W", "writes‖W_ou"]);
  expect(view.el.querySelector("i")).toBeNull();
  expect(view.el.textContent).toContain("·<i>Paris");
  expect(view.el.textContent).toContain("No reference set yet");
  expect(pane(view).hasAttribute("data-waiting")).toBe(false);
});

it("looks its contexts up in the reference set and says how many", async () => {
  const view = await shown(session({ corpus: CORPUS }));
  const said = view.get("mw-neuron-looked").textContent;
  expect(said).toContain("Looked at 40 prompts (stories.txt, line by line)");
  expect(said).toContain("above 0 at 15% of 200 tokens, mean −0.07");
  expect(said).toContain("1 prompt cut at the end");
  expect(said).toContain("2 duplicates counted once");
  const context = view.get("mw-context");
  expect(context.textContent).toContain("1.25… <b>the cat");
  expect(context.querySelector("b")).toBeNull();
  expect(context.querySelector("[data-peak]")?.textContent).toBe(" cat");
  const plot = view.el.querySelector(".mw-histogram");
  expect(plot?.getAttribute("aria-label")).toBe(
    "Histogram of 200 activations from −0.50 to 1.50, counts on a logarithmic scale",
  );
  expect(plot?.querySelectorAll("[data-side=below]")).toHaveLength(1);
  view.get("mw-contexts-lowest").click();
  await painted();
  expect(view.el.textContent).toContain("It is never below 0, at 200 tokens.");
  view.get("mw-contexts-highest").click();
  await painted();
  view.get("mw-context-take-7").click();
  expect(view.session.sent.at(-1)).toEqual(["prompt_from_corpus", { index: 7 }]);
});

it("fills in, is stopped with what was found, and goes on", async () => {
  const fake = session({ corpus: CORPUS });
  let finish = (_: Answer<unknown>): void => {};
  fake.answers.set("neuron_contexts", (_args, { onPartial, signal }) => {
    onPartial?.(contexts(10), { done: 10, total: 40, label: "" });
    return new Promise((resolve, reject) => {
      finish = resolve;
      signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    });
  });
  const view = await shown(fake);
  const list = view.el.querySelector(".mw-neuron-contexts");
  expect(list?.getAttribute("aria-busy")).toBe("true");
  expect(view.get("mw-neuron-looked").textContent).toContain("Looked at 10 of 40 prompts");
  expect(view.el.querySelector("progress")?.value).toBe(10);
  view.get("mw-neuron-halt").click();
  for (let i = 0; i < 3; i++) await painted();
  expect(view.get("mw-neuron-looked").textContent).toContain("stopped: partial");
  expect(list?.hasAttribute("aria-busy")).toBe(false);
  expect(view.get("mw-context")).toBeTruthy();
  view.get("mw-neuron-halt").click();
  await painted();
  finish(contexts());
  for (let i = 0; i < 3; i++) await painted();
  expect(view.get("mw-neuron-looked").textContent).toContain("Looked at 40 prompts");
  expect(asked(view, "neuron_contexts")).toHaveLength(2);
});

it("says that a neuron never fires, and what a disk had to say", async () => {
  const fake = session({ corpus: CORPUS });
  const never = { fired: 0, highest: [], note: "not kept on disk: No space left on device" };
  fake.answers.set("neuron_contexts", () => ({
    ...contexts(40, never),
    frames: [frameOf([0], [1]), frameOf([200], [1])],
  }));
  const view = await shown(fake);
  expect(view.el.textContent).toContain("It never fires: not above 0 at 200 tokens.");
  expect(view.get("mw-neuron-looked").textContent).toContain("No space left on device");
});

it("follows what is locked, and a pointer only once it rests", async () => {
  const view = await shown();
  view.store.set({ locked: { type: "neuron", layer: 0, index: 9 } });
  await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 0.9");
  view.store.hover({ type: "neuron", layer: 0, index: 3 });
  await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 0.9");
  await new Promise((resolve) => setTimeout(resolve, 200));
  await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 0.3");
  view.store.hover(null);
  await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 0.9");
  view.store.lock(null);
  await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 0.9");
});

it("follows the question until a person has chosen, and no edit", async () => {
  const fake = session();
  const view = await shown(fake);
  const other = { ...candidates(), result: { ...(candidates().result as object), neurons: [] } };
  const moved = { neuron: { type: "neuron", layer: 0, index: 4 }, activation: 1, effect: 2 };
  other.result.neurons = [moved] as never;
  fake.answers.set("neuron_candidates", () => other);
  await fake.agree({ interventions: [], outcome: outcomeOf({ revision: 2 }) });
  for (let i = 0; i < 3; i++) await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 1.5");
  expect(asked(view, "neuron_candidates")).toHaveLength(1);
  const tokens = [{ id: 9, text: "Other", special: false }];
  await fake.agree({ tokens, outcome: outcomeOf({ revision: 3 }) });
  for (let i = 0; i < 4; i++) await painted();
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 0.4");
});

it("goes to a candidate or an address, kept within what there is", async () => {
  const view = await shown();
  view.get("mw-candidate-0.7").click();
  expect(view.store.value.locked).toEqual({ type: "neuron", layer: 0, index: 7 });
  await painted();
  const index = view.get("mw-neuron-index") as HTMLInputElement;
  index.value = "999";
  index.dispatchEvent(new Event("change"));
  expect(view.store.value.locked).toEqual({ type: "neuron", layer: 0, index: 127 });
  expect(index.value).toBe("127");
});

it("uses the armed tool at the selected positions", async () => {
  const view = await shown();
  view.get("mw-neuron-use").click();
  expect(view.session.sent.at(-1)).toEqual(["toggle", FIRST]);
  view.store.set({ tool: "scale", factor: 2, positions: [0] });
  await painted();
  view.get("mw-neuron-use").click();
  const at = { ...FIRST, positions: [0] };
  expect(view.session.sent.at(-1)).toEqual(["apply", { type: "scale", factor: 2, component: at }]);
  view.store.set({ tool: "look" });
  await painted();
  expect(view.get("mw-neuron-use").hidden).toBe(true);
});

it("shows where tokens were sent, and goes to another expert", async () => {
  const view = await shown(session({}, 8));
  expect(pane(view).querySelector("h3")?.textContent).toBe("Neuron 5 of expert 1.3");
  expect(view.el.textContent).toContain(
    "routing: 2 of 8 experts for each token · 1 of 2 tokens went to expert 3",
  );
  const cells = Array.from(view.el.querySelectorAll<HTMLElement>(".mw-neuron-expert"));
  expect(cells.map((one) => one.getAttribute("aria-label"))).toEqual([
    "Expert 3, weight 0.75",
    "Expert 0, weight 0.25",
    "Expert 1, weight 0.50",
    "Expert 2, weight 0.50",
  ]);
  expect(cells.filter((one) => one.tabIndex === 0)).toHaveLength(1);
  cells[0]?.focus();
  cells[0]?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  expect(document.activeElement).toBe(cells[2]);
  cells[3]?.click();
  expect(view.store.value.locked).toEqual({
    type: "expert_neuron",
    layer: 1,
    expert: 2,
    index: 5,
  });
  view.get("mw-neuron-use").click();
});

it("gives a reference set on the page", async () => {
  const view = await shown(session({ reference: 3 }));
  view.get("mw-corpus-reference").click();
  expect(view.session.sent.at(-1)).toEqual(["set_corpus", { reference: true }]);
  view.get("mw-corpus-open").click();
  await painted();
  const field = view.get("mw-corpus-input") as HTMLTextAreaElement;
  field.value = "one\n\ntwo";
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
  expect(view.session.sent.at(-1)).toEqual(["set_corpus", { prompts: ["one", "two"] }]);
});

it("draws a long prompt and many layers within bounds", async () => {
  const tokens = Array.from({ length: 3000 }, (_, id) => ({ id, text: ` t${id}`, special: false }));
  const fake = session({ tokens });
  fake.answers.set("neuron_on_prompt", () => ({
    result: { edited: false, experts: 0 },
    frames: [frameOf(new Float32Array(3000).fill(1), [3000])],
  }));
  const view = await shown(fake);
  expect(view.el.querySelectorAll(".mw-neuron-tokens > *")).toHaveLength(160);
  expect(view.el.textContent).toContain("the first 160 of 3000 tokens below");
});

it("says why there is none, and refuses answers of another shape", async () => {
  const none = session();
  none.answers.set("neuron_candidates", () => {
    throw new Error("mamba has no neurons that can be told apart.");
  });
  const view = await shown(none);
  expect(view.el.querySelector(".mw-empty")?.textContent).toContain("no neurons");
  expect(pane(view).hasAttribute("data-waiting")).toBe(false);
  unmountAll();
  const odd = session({ corpus: CORPUS });
  odd.answers.set("neuron_contexts", () => ({ ...contexts(), frames: [] }));
  odd.answers.set("neuron_on_prompt", () => ({ result: {}, frames: [frameOf([1, 2], [1, 2])] }));
  const other = await shown(odd);
  expect(other.get("mw-neuron-looked").textContent).toContain("could not be read");
  expect(other.el.querySelector(".mw-neuron-facts")?.textContent).toContain("could not be read");
});
