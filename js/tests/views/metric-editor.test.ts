import { afterEach, describe, expect, it } from "vitest";
import { metricOf, metricTexts } from "../../views/metric-texts";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { metric, outcomeOf } from "./outcomes";

afterEach(unmountAll);

it.each([
  ["·Mary", "·John", { type: "logit_diff", a: " Mary", b: " John" }],
  ["Mary", "", { type: "probability", token: "Mary" }],
  ["#12", "", { type: "probability", token: 12 }],
  ["", "", null],
  ["", "·John", null],
] as const)("%j against %j is the metric %j", (answer, distractor, expected) => {
  expect(metricOf(answer, distractor)).toEqual(expected);
});

it("keeps the position that Python gave the metric", () => {
  expect(metricOf("·Mary", "", 3)).toEqual({ type: "probability", token: " Mary", position: 3 });
});

it("shows the tokens of the metric with their leading space, ids by the text they have", () => {
  expect(metricTexts(stateOf({ metric }))).toEqual({ answer: "·Mary", distractor: "·John" });
  const spec = { type: "probability", token: 7 } as const;
  const byId = stateOf({ metric: { label: "", unit: "probability", position: 0, spec } });
  expect(metricTexts(byId).answer).toBe("#7");
  expect(metricTexts({ ...byId, outcome: outcomeOf() }).answer).toBe("·Mary");
});

it("asks for what was typed, and says a refusal beside it with the text kept", async () => {
  const { session, get } = await mount(new FakeSession(stateOf({ metric, outcome: outcomeOf() })));
  const answer = get("mw-metric-answer") as HTMLInputElement;
  expect(answer.value).toBe("·Mary");
  answer.focus();
  answer.value = " Maryellen";
  answer.dispatchEvent(new Event("input", { bubbles: true }));
  expect(answer.value).toBe("·Maryellen");
  answer.dispatchEvent(new Event("change", { bubbles: true }));
  expect(session.sent).toEqual([
    ["set_metric", { type: "logit_diff", a: " Maryellen", b: " John" }],
  ]);
  await session.refuse("set_metric", "“ Maryellen” is not one token.", "Try “ Mary”.");
  expect(get("mw-metric-error").textContent).toBe("“ Maryellen” is not one token. Try “ Mary”.");
  expect(answer.value).toBe("·Maryellen");
  answer.dispatchEvent(
    new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }),
  );
  await painted();
  expect(answer.value).toBe("·Mary");
  expect(session.client.lastError).toBeNull();
});

it("swaps answer and distractor", async () => {
  const { el, session } = await mount(new FakeSession(stateOf({ metric, outcome: outcomeOf() })));
  el.querySelector<HTMLElement>("[aria-label='Swap answer and distractor']")?.click();
  expect(session.sent).toEqual([["set_metric", { type: "logit_diff", a: " John", b: " Mary" }]]);
});

describe("the search", () => {
  const found = (texts: string[], rule = "spaced", pieces: string[] = []) => ({
    frames: [],
    result: {
      total: texts.length + 100,
      revision: 1,
      matches: texts.map((text, i) => ({
        id: 40 + i,
        text,
        special: false,
        probability: 0.5 / (i + 1),
        rule: i === 0 ? rule : "prefix",
      })),
      pieces: pieces.map((text, i) => ({ id: 70 + i, text, special: false, probability: null })),
    },
  });
  const asking = async (answer: (query: string) => ReturnType<typeof found>) => {
    const session = new FakeSession(stateOf({ metric, outcome: outcomeOf() }));
    session.answers.set("search_vocabulary", ({ query }) => answer(String(query)));
    const page = await mount(session);
    const input = page.get("mw-metric-answer") as HTMLInputElement;
    const type = async (text: string) => {
      input.focus();
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      await painted();
    };
    const press = (key: string) =>
      input.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const list = page.get("mw-metric-answer-list");
    const options = () => Array.from(list.querySelectorAll<HTMLElement>("[role=option]"));
    return { ...page, session, input, type, press, list, options };
  };
  const queries = (session: FakeSession) =>
    session.asked
      .filter(([op]) => op === "search_vocabulary")
      .map(([, args]) => (args as { query: string }).query);

  it("lists tokens as tokens are shown, and takes the one that was typed with Enter", async () => {
    const { input, type, press, list, options, session } = await asking(() =>
      found([" Paris", " Parisian", "<b>Par</b>"]),
    );
    await type("Paris");
    expect(input.getAttribute("aria-expanded")).toBe("true");
    expect(options().map((option) => option.textContent)).toEqual([
      "·Paris4050%",
      "·Parisian4125%",
      "<b>Par</b>4217%",
    ]);
    expect(list.querySelector("b")).toBeNull();
    expect(list.textContent).toContain("3 of 103 tokens");
    expect(input.getAttribute("aria-activedescendant")).toBe(options()[0]?.id);
    press("Enter");
    expect(session.sent).toEqual([["choose_token", { side: "answer", id: 40 }]]);
    expect([input.value, list.hidden]).toEqual(["·Paris", true]);
    expect(input.getAttribute("aria-expanded")).toBe("false");
  });

  it("what only begins or contains it is taken when it is pointed at, by key or by mouse", async () => {
    const { type, press, options, session, input } = await asking(() =>
      found([" Parisian", " Parish"], "prefix"),
    );
    await type("Pari");
    expect(input.hasAttribute("aria-activedescendant")).toBe(false);
    press("ArrowDown");
    press("ArrowDown");
    expect(options()[1]?.getAttribute("aria-selected")).toBe("true");
    press("ArrowDown");
    press("ArrowUp");
    expect(options()[1]?.getAttribute("aria-selected")).toBe("true");
    press("Enter");
    expect(session.sent).toEqual([["choose_token", { side: "answer", id: 41 }]]);
    await session.agree({});
    await type("Pari");
    options()[0]?.click();
    expect(session.sent[1]).toEqual(["choose_token", { side: "answer", id: 40 }]);
  });

  it("before it is typed in, a click offers the likeliest tokens", async () => {
    const { input, options, session } = await asking(() => found([" Mary", " John"], "any"));
    input.focus();
    input.click();
    await painted();
    expect(queries(session)).toEqual([""]);
    expect(options()).toHaveLength(2);
    expect(input.hasAttribute("aria-activedescendant")).toBe(false);
  });

  it("says which tokens a text is that is several, and offers the first", async () => {
    const { type, options, session, list } = await asking(() =>
      found([], "", [" Zan", "zi", "bar"]),
    );
    await type(" Zanzibar");
    expect(queries(session)).toEqual([" Zanzibar"]);
    expect(options()[0]?.textContent).toBe("3 tokens: ·Zanzibartake ·Zan");
    expect(list.querySelectorAll(".mw-piece")).toHaveLength(3);
    options()[0]?.click();
    expect(session.sent).toEqual([["choose_token", { side: "answer", id: 70 }]]);
  });

  it("Enter before an answer asks for the text as it is; an old list is not taken", async () => {
    const { type, press, session, input } = await asking((query) => {
      if (query === "Par") return found([" Par"]);
      throw new Error("never");
    });
    await type("Par");
    input.value = "Pari";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    press("Enter");
    expect(session.sent).toEqual([["set_metric", { type: "logit_diff", a: "Pari", b: " John" }]]);
    // Leaving the field does not ask for the same again.
    input.dispatchEvent(new Event("change", { bubbles: true }));
    expect(session.sent).toHaveLength(1);
  });

  it("a refusal for being several tokens offers the first of them", async () => {
    const { type, press, session, get, find } = await asking((query) =>
      query === "Zanzibar" ? found([], "", [" Zan", "zi", "bar"]) : found([" John"], "exact"),
    );
    await type("Zanzibar");
    press("Enter");
    await session.refuse("set_metric", "'Zanzibar' is not one token but splits into …");
    await painted();
    expect(get("mw-metric-error").textContent).toContain("is not one token");
    expect(find("mw-metric-distractor-first")).toBeNull();
    get("mw-metric-answer-first").click();
    expect(session.sent[1]).toEqual(["choose_token", { side: "answer", id: 70 }]);
    await painted();
    expect(find("mw-metric-answer-first")).toBeNull();
  });

  it("is over with Esc, with the old token back", async () => {
    const { type, press, list, input } = await asking(() => found([" Par"]));
    await type("Par");
    press("Escape");
    await painted();
    expect([list.hidden, input.value]).toEqual([true, "·Mary"]);
  });

  it("a refusal of the search is said in the list", async () => {
    const { type, list } = await asking(() => {
      throw new Error("the vocabulary is on fire");
    });
    await type("Par");
    expect(list.textContent).toBe("the vocabulary is on fire");
  });
});

describe("a token without the space that the prompt goes on with", () => {
  const told = (spaced: boolean) => ({
    frames: [],
    result: {
      tokens: [
        {
          ...{ id: 7, text: "Mary", special: false, probability: 0.001 },
          spaced: spaced ? { id: 8, text: " Mary", special: false, probability: 0.6 } : null,
        },
        { id: 9, text: " John", special: false, probability: 0.1, spaced: null },
      ],
    },
  });

  it("is warned of, whoever chose it, and mended by one click", async () => {
    const session = new FakeSession(stateOf({ metric, outcome: outcomeOf() }));
    let spaced = true;
    session.answers.set("metric_tokens", () => told(spaced));
    const { get, find } = await mount(session);
    expect(get("mw-metric-warning").textContent).toContain("no space before Mary");
    get("mw-metric-answer-spaced").click();
    expect(session.sent).toEqual([["choose_token", { side: "answer", id: 8 }]]);
    spaced = false;
    const spec = { type: "logit_diff", a: " Mary", b: "John" } as const;
    await session.agree({ metric: { ...(metric as object), spec } as typeof metric });
    await session.say({ outcome: outcomeOf({ revision: 2 }) });
    expect(find("mw-metric-warning")).toBeNull();
  });

  it("is asked about once, not after every click", async () => {
    const session = new FakeSession(stateOf({ metric, outcome: outcomeOf() }));
    session.answers.set("metric_tokens", () => told(false));
    await mount(session);
    await session.say({ revision: 2, outcome: outcomeOf({ revision: 2 }) });
    await session.say({ revision: 3, outcome: outcomeOf({ revision: 3 }) });
    expect(session.asked.filter(([op]) => op === "metric_tokens")).toHaveLength(1);
  });
});
