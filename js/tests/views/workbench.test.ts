import { afterEach, describe, expect, it } from "vitest";
import { workbench } from "../../views/workbench";
import { ablation, stateOf } from "../wire/states";
import { FakeSession, frame, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf, top } from "./outcomes";

const ready = () => new FakeSession(stateOf({ metric, outcome: outcomeOf() }));
const head = { type: "head", layer: 1, head: 2 } as const;
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });

afterEach(unmountAll);

describe("a click on a head", () => {
  it("looks ablated and pending at once, then confirmed, with the numbers and the revision", async () => {
    const { session, get } = await mount(ready());
    const cell = get("mw-cell-1-2");
    expect(cell.getAttribute("aria-pressed")).toBe("false");
    cell.click();
    await painted();
    expect(session.sent).toEqual([["toggle", head]]);
    expect(cell.getAttribute("aria-pressed")).toBe("true");
    expect(cell.hasAttribute("data-pending")).toBe(true);
    expect(get("mw-metric-after").textContent).toBe("+3.34");

    await session.agree({ interventions: [ablation(head)], can_undo: true });
    expect(cell.hasAttribute("data-pending")).toBe(false);
    expect(cell.getAttribute("aria-pressed")).toBe("true");
    const root = get("mw-workbench");
    expect(root.dataset.mwRevision).toBe("2");
    expect(root.dataset.mwOutcomeRevision).toBe("1");
    expect(root.querySelector(".mw-outcome")?.hasAttribute("data-stale")).toBe(true);

    await session.say({
      outcome: outcomeOf({
        revision: 2,
        kl: 0.61,
        fired: 1,
        metric: { before: 3.34, after: -0.21 },
      }),
    });
    expect(get("mw-metric-before").textContent).toBe("+3.34");
    expect(get("mw-metric-after").textContent).toBe("−0.21");
    expect(root.dataset.mwOutcomeRevision).toBe("2");
    expect(root.querySelector(".mw-outcome")?.hasAttribute("data-stale")).toBe(false);
    expect(get("mw-status").textContent).toBe(
      "Zero something: logit difference · Mary − John +3.34 to −0.21",
    );
  });

  it("goes back when the kernel refuses, and says why and what to do", async () => {
    const { session, get, find } = await mount(ready());
    get("mw-cell-1-2").click();
    await session.refuse("toggle", "There is no head 1.2.", "Choose another.");
    expect(get("mw-cell-1-2").getAttribute("aria-pressed")).toBe("false");
    expect(get("mw-error").textContent).toContain("There is no head 1.2. Choose another.");
    get("mw-error").querySelector<HTMLElement>("[aria-label^=Dismiss]")?.click();
    await painted();
    expect(find("mw-error")).toBeNull();
  });

  it("switches on what is listed but off, instead of removing it", async () => {
    const off = { ...ablation(head), enabled: false };
    const { session, get } = await mount(
      new FakeSession(stateOf({ interventions: [off], outcome: outcomeOf() })),
    );
    expect(get("mw-cell-1-2").dataset.mark).toBe("off");
    get("mw-cell-1-2").click();
    expect(session.sent).toEqual([["set_enabled", 100, true]]);
  });

  it("locks instead of ablating with Shift", async () => {
    const { session, get, store } = await mount(ready());
    get("mw-cell-1-2").dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    await painted();
    // Nothing is edited; Python only hears what is looked at.
    expect(session.sent).toEqual([["select", head, null]]);
    expect(store.value.locked).toEqual(head);
    expect(get("mw-attention").textContent).toContain("Head 1.2");
  });

  it("tells Python of a lock once, however many views of the session are on the page", async () => {
    const [gone, one, other] = [ready(), ready(), ready()];
    gone.status = "gone";
    const first = await mount(gone);
    const second = await mount(one, "light", workbench, first);
    const third = await mount(other, "light", workbench, first);
    second.store.lock(head);
    expect([gone, one, other].map(({ sent }) => sent.length)).toEqual([0, 1, 0]);
    await painted();
    expect(third.get("mw-attention").textContent).toContain("Head 1.2");
    third.store.lock(null);
    expect([gone, one, other].map(({ sent }) => sent.length)).toEqual([0, 2, 0]);
  });

  it("shows what Python or another page has selected, and does not say it back", async () => {
    const { session, get, store } = await mount(ready());
    session.selectElsewhere({ component: head, position: 1 });
    await painted();
    expect(get("mw-attention").textContent).toContain("Head 1.2");
    expect([store.value.locked, store.value.token]).toEqual([head, 1]);
    expect(session.sent).toEqual([]);
    session.selectElsewhere({ component: null, position: null });
    await painted();
    expect(store.value.locked).toBeNull();
    expect(session.sent).toEqual([]);
  });
});

describe("the keyboard", () => {
  it("walks the map with one tab stop and locks with L, unlocks with Esc", async () => {
    const { el, get, store } = await mount(ready());
    const stops = () => el.querySelectorAll(".mw-head-grid [tabindex='0']");
    expect(stops()).toHaveLength(1);
    get("mw-cell-0-0").focus();
    get("mw-cell-0-0").dispatchEvent(key("ArrowDown"));
    expect(document.activeElement).toBe(get("mw-cell-1-0"));
    get("mw-cell-1-0").dispatchEvent(key("End"));
    expect(document.activeElement).toBe(get("mw-layer-1"));
    for (const name of ["mw-layer-1", "mw-mlp-1", "mw-attn-1"])
      get(name).dispatchEvent(key("ArrowLeft"));
    expect(document.activeElement).toBe(get("mw-cell-1-3"));
    expect(stops()).toHaveLength(1);
    get("mw-cell-1-3").dispatchEvent(key("l"));
    expect(store.value.locked).toEqual({ type: "head", layer: 1, head: 3 });
    await painted();
    expect(get("mw-attention-lock").getAttribute("aria-pressed")).toBe("true");
    get("mw-cell-1-3").dispatchEvent(key("Escape"));
    expect(store.value.locked).toBeNull();
  });

  it("undoes and redoes here and nowhere around", async () => {
    const { el, session, get } = await mount(
      new FakeSession(stateOf({ can_undo: true, can_redo: true, outcome: outcomeOf() })),
    );
    const outside: string[] = [];
    el.addEventListener("keydown", (event) => outside.push(event.key));
    get("mw-cell-0-0").dispatchEvent(key("z", { ctrlKey: true }));
    get("mw-cell-0-0").dispatchEvent(key("Z", { ctrlKey: true, shiftKey: true }));
    get("mw-cell-0-0").dispatchEvent(key("y", { ctrlKey: true }));
    get("mw-cell-0-0").dispatchEvent(key("d"));
    expect(session.sent).toEqual([["undo"], ["redo"], ["redo"]]);
    expect(outside).toEqual([]);
    // Saving the notebook stays the notebook's.
    get("mw-cell-0-0").dispatchEvent(key("s", { ctrlKey: true }));
    expect(outside).toEqual(["s"]);
  });
});

describe("the prompt", () => {
  it("is edited in place; a refusal keeps the typed text and the old tokens", async () => {
    const { session, get } = await mount(ready());
    get("mw-prompt-edit").click();
    const input = get("mw-prompt-input") as HTMLTextAreaElement;
    expect(input.value).toBe("The capital");
    input.value = "";
    input.dispatchEvent(key("z", { ctrlKey: true }));
    input.dispatchEvent(key("Enter"));
    expect(session.sent).toEqual([["set_prompt", ""]]);
    await session.refuse("set_prompt", "The prompt is empty.", "Type some text.");
    expect(get("mw-prompt-error").textContent).toBe("The prompt is empty. Type some text.");
    expect(input.closest("[hidden]")).toBeNull();
    expect(get("mw-token-1").textContent).toContain("·capital");
    input.dispatchEvent(key("Escape"));
    await painted();
    expect(input.closest("[hidden]")).not.toBeNull();
    expect(session.client.lastError).toBeNull();
  });

  it("closes when the kernel agrees", async () => {
    const { session, get } = await mount(ready());
    get("mw-prompt-edit").click();
    const input = get("mw-prompt-input") as HTMLTextAreaElement;
    input.value = "Hello";
    input.dispatchEvent(key("Enter"));
    await session.agree({ prompt: "Hello", tokens: [{ id: 9, text: "Hello", special: false }] });
    expect(input.closest("[hidden]")).not.toBeNull();
    expect(get("mw-token-0").textContent).toBe("Hello9");
  });
});

describe("the states that are not all well", () => {
  it("kernel gone: a banner, no edits, but every view stays", async () => {
    const { session, get } = await mount(ready());
    session.status = "gone";
    session.statusText = "The kernel does not answer.";
    session.changed();
    await painted();
    expect(get("mw-banner").textContent).toContain("The kernel does not answer.");
    get("mw-cell-0-0").click();
    expect(session.sent).toEqual([]);
    expect(get("mw-metric-after").textContent).toBe("+3.34");
    get("mw-retry").click();
    expect(session.sent).toEqual([["retry"]]);
  });

  it("an error of the run: message and hint, dismissable", async () => {
    const error = { type: "RuntimeError", message: "Out of memory.", hint: "Shorten the prompt." };
    const { get, find } = await mount(new FakeSession(stateOf({ phase: "error", error })));
    expect(get("mw-error").textContent).toContain("Out of memory. Shorten the prompt.");
    get("mw-error").querySelector<HTMLElement>("[aria-label^=Dismiss]")?.click();
    await painted();
    expect(find("mw-error")).toBeNull();
  });

  it("no heads: the MLPs are there and the attention pane says why it is empty", async () => {
    const model = {
      ...stateOf().model,
      heads: [0, 0],
      kv_heads: [0, 0],
      attention: [false, false],
    };
    const { get, find } = await mount(new FakeSession(stateOf({ model, outcome: outcomeOf() })));
    expect(find("mw-cell-0-0")).toBeNull();
    expect(get("mw-mlp-0")).toBeTruthy();
    expect(get("mw-attention").textContent).toContain("no attention patterns");
  });

  it("no metric: KL is the number", async () => {
    const { get, find } = await mount(
      new FakeSession(stateOf({ outcome: outcomeOf({ metric: null, kl: 0.61 }) })),
    );
    expect(get("mw-kl").textContent).toBe("0.61 nats");
    expect(find("mw-metric-after")).toBeNull();
  });

  it("no prompt: says so and asks for no effects", async () => {
    const { el, session } = await mount(new FakeSession(stateOf({ prompt: null, tokens: [] })));
    expect(el.textContent).toContain("No prompt yet.");
    expect(session.effectsAsked).toEqual([]);
  });
});

describe("hostile tokens", () => {
  const evil = [
    "<img src=x onerror=alert(1)>",
    "\u202e\u200b",
    "x".repeat(4000),
    "</bdi><script>alert(1)</script>",
  ];

  it("are text everywhere and never markup", async () => {
    const tokens = evil.map((text, id) => ({ id, text, special: false }));
    const rows = evil.map((text, id) => top(id, text, 0.2, 0.1));
    const { el, get } = await mount(
      new FakeSession(
        stateOf({ prompt: evil.join(""), tokens, outcome: outcomeOf({ top: rows }) }),
      ),
    );
    expect(el.querySelector("img, script")).toBeNull();
    expect(get("mw-token-0").textContent).toContain("<img src=x");
    expect(get("mw-token-1").textContent).toContain("‹202E›‹200B›");
    expect(get("mw-token-2").textContent).toBe(`${"x".repeat(4000)}2`);
  });
});

describe("many models", () => {
  it("80 × 64 is a canvas with one real, named, pressable cell", async () => {
    const model = {
      ...stateOf().model,
      n_layers: 80,
      heads: Array(80).fill(64),
      kv_heads: Array(80).fill(8),
      mlp: Array(80).fill(true),
      attention: Array(80).fill(true),
    };
    const { el, session, get } = await mount(
      new FakeSession(stateOf({ model, interventions: [ablation(head)], outcome: outcomeOf() })),
    );
    expect(el.querySelector(".mw-heads canvas")).not.toBeNull();
    get("mw-cell-0-0").dispatchEvent(key("ArrowDown"));
    get("mw-cell-1-0").dispatchEvent(key("End"));
    get("mw-layer-1").dispatchEvent(key("ArrowLeft"));
    await painted();
    const cell = get("mw-mlp-1");
    expect(cell.getAttribute("aria-label")).toBe("MLP 1");
    cell.dispatchEvent(key("Enter"));
    expect(session.sent).toEqual([["toggle", { type: "mlp", layer: 1 }]]);
  });

  it("fills in as partial effects arrive; what is unknown is not zero", async () => {
    const { el, session, get } = await mount(ready());
    expect(session.effectsAsked).toHaveLength(1);
    const row = [-1.93, 0, 0.5, 0.1, 0.2];
    const unknown = Array(5).fill(Number.NaN);
    session.effectsAsked[0]?.onPartial?.(
      { unit: "logits", label: "logit difference", values: frame([row, unknown]) },
      { done: 5, total: 10, label: "" },
    );
    await painted();
    expect(get("mw-cell-0-0").getAttribute("aria-label")).toBe("Head 0.0, effect −1.93 logits");
    expect(get("mw-cell-0-1").getAttribute("aria-label")).toBe("Head 0.1, effect 0.00 logits");
    expect(get("mw-cell-0-1").hasAttribute("data-unknown")).toBe(false);
    expect(get("mw-cell-1-1").getAttribute("aria-label")).toBe("Head 1.1");
    expect(get("mw-cell-1-1").hasAttribute("data-unknown")).toBe(true);
    expect(el.querySelector(".mw-progress")?.textContent).toBe("5/10");
    // Another prompt is another question: the old sweep is withdrawn.
    await session.say({ tokens: [{ id: 5, text: "x", special: false }], revision: 2 });
    expect(session.effectsAsked).toHaveLength(2);
    expect(session.effectsAsked[0]?.signal?.aborted).toBe(true);
  });
});

it("leaves nothing behind when the view goes", async () => {
  const { el, end, session } = await mount(ready());
  end.abort();
  expect(el.childElementCount).toBe(0);
  session.changed();
  await painted();
  expect(el.childElementCount).toBe(0);
});
