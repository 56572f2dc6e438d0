import { afterEach, describe, expect, it } from "vitest";
import type { SessionState, TokenJson } from "../../types";
import { linesOf, promptsOf } from "../../views/reference-prompts";
import { tokenStrip } from "../../views/token-strip";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted, unmountAll } from "./fake-session";
import { outcomeOf } from "./outcomes";

const token = (text: string, id: number, more: Partial<TokenJson> = {}): TokenJson => ({
  id,
  text,
  special: false,
  ...more,
});
const words = (n: number): TokenJson[] => Array.from({ length: n }, (_, i) => token(` w${i}`, i));
const ready = (change: Partial<SessionState> = {}) =>
  new FakeSession(stateOf({ tokens: words(7), outcome: outcomeOf(), ...change }));
const shown = (session: FakeSession) => mount(session, "light", tokenStrip);
const key = (name: string, more: KeyboardEventInit = {}) =>
  new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more });
const over = (node: Element) =>
  node.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
const detail = (el: HTMLElement) => el.querySelector<HTMLElement>(".mw-token-detail");

afterEach(unmountAll);

describe("the keyboard", () => {
  it("moves, selects ranges, adds one by one, and says so", async () => {
    const { get, el, store } = await shown(ready());
    const press = (at: number, name: string, more = {}) =>
      get(`mw-token-${at}`).dispatchEvent(key(name, more));
    get("mw-token-1").focus();
    press(1, "ArrowRight");
    expect(document.activeElement).toBe(get("mw-token-2"));
    press(2, "ArrowRight", { shiftKey: true });
    press(3, "ArrowRight", { shiftKey: true });
    expect(store.value.positions).toEqual([2, 3, 4]);
    press(4, "End");
    press(6, " ");
    expect(store.value.positions).toEqual([2, 3, 4, 6]);
    press(6, " ");
    expect(store.value.positions).toEqual([2, 3, 4]);
    press(6, "Home");
    expect(document.activeElement).toBe(get("mw-token-0"));
    expect(el.querySelectorAll("[data-token][tabindex='0']")).toHaveLength(1);
    const list = el.querySelector("[role=listbox]");
    const help = document.getElementById(list?.getAttribute("aria-describedby") ?? "");
    expect(help?.textContent).toContain("Space adds a token");
  });

  it("Esc clears what is selected here, and only then the lock", async () => {
    const { get, store } = await shown(ready());
    store.set({ positions: [2], locked: { type: "head", layer: 0, head: 0 } });
    get("mw-token-2").focus();
    get("mw-token-2").dispatchEvent(key("Escape"));
    expect([store.value.positions, store.value.locked]).toEqual([
      [],
      { type: "head", layer: 0, head: 0 },
    ]);
    get("mw-token-2").dispatchEvent(key("Escape"));
    expect(store.value.locked).toBeNull();
  });
});

describe("what is pointed at", () => {
  const odd = [
    token("plain", 1),
    token("é", 2),
    token("\\xf0\\x9f", 3, { bytes: "f09f" }),
    token("\\x8e\\x89", 4, { bytes: "8e89" }),
    token("<|end|>", 5, { special: true }),
    token("\u202e", 6),
  ];

  it("says position and id, and of an odd token what it is made of", async () => {
    const { el, get, store } = await shown(ready({ tokens: odd }));
    over(get("mw-token-0"));
    expect(detail(el)?.hidden).toBe(false);
    expect(detail(el)?.textContent).toBe("plainposition 0 of 6 · id 1");
    expect(store.value.hover.token).toBe(0);
    over(get("mw-token-1"));
    expect(detail(el)?.textContent).toContain("U+00E9");
    expect(detail(el)?.textContent).toContain("c3 a9");
    over(get("mw-token-3"));
    expect(detail(el)?.textContent).toContain("bytes 8e 89");
    expect(detail(el)?.textContent).toContain("the tokens 2 to 3 share");
    expect(detail(el)?.textContent).toContain("🎉U+1F389emoji");
    over(get("mw-token-4"));
    expect(detail(el)?.textContent).toContain("special token");
    over(get("mw-token-5"));
    expect(detail(el)?.textContent).toContain("right-to-left override");
    expect(get("mw-token-5").getAttribute("aria-describedby")).toBe(detail(el)?.id);
    el.querySelector(".mw-tokens")?.dispatchEvent(new PointerEvent("pointerleave"));
    expect(detail(el)?.hidden).toBe(true);
    expect(store.value.hover.token).toBeNull();
    expect(get("mw-token-5").hasAttribute("aria-describedby")).toBe(false);
  });

  it("marks what cannot be seen, in the strip and for a screen reader", async () => {
    const { get } = await shown(ready({ tokens: odd }));
    const unseen = odd.map((_, at) => get(`mw-token-${at}`).hasAttribute("data-unseen"));
    expect(unseen).toEqual([false, false, true, true, false, true]);
    expect(get("mw-token-2").getAttribute("aria-label")).toContain("not whole UTF-8");
  });

  it("lights its partner in the other prompt, whichever of the two it is", async () => {
    const other = {
      prompt: "B",
      tokens: [token(" x", 90), ...words(7)],
      pairs: [[null, 0], ...words(7).map((_, i) => [i, i + 1])] as [number | null, number][],
    };
    other.tokens[3] = token(" y", 91);
    const { el, get, store } = await shown(ready({ other }));
    over(get("mw-other-3"));
    await painted();
    expect(store.value.hover.token).toBe(2);
    expect(get("mw-token-2").closest(".mw-token-column")?.hasAttribute("data-lit")).toBe(true);
    expect(detail(el)?.textContent).toContain("B · position 3 of 8");
    expect(detail(el)?.textContent).toContain("A: ·w2 id 2");
    over(get("mw-token-2"));
    expect(detail(el)?.textContent).toContain("B: ·y id 91");
    over(get("mw-other-0"));
    await painted();
    expect(store.value.hover.token).toBeNull();
    expect(detail(el)?.textContent).toContain("A: nothing stands here");
    expect(get("mw-token-2").closest(".mw-token-column")?.hasAttribute("data-lit")).toBe(false);
    expect(get("mw-token-2").getAttribute("aria-label")).toContain("B has ·y");
  });

  it("leaves nothing marked when the prompt is another one", async () => {
    const { el, store, session, get } = await shown(ready());
    over(get("mw-token-2"));
    store.set({ positions: [2, 3], token: 3 });
    await painted();
    await session.say({ tokens: words(5).reverse() });
    expect(detail(el)?.hidden).toBe(true);
    expect(store.value.positions).toEqual([]);
    expect(el.querySelectorAll("[aria-selected=true], [data-detail]")).toHaveLength(0);
  });

  it("writes two tokens and no more, however many there are", async () => {
    const { el, get } = await shown(ready({ tokens: words(640) }));
    expect(el.querySelectorAll(".mw-token-block")).toHaveLength(7);
    over(get("mw-token-10"));
    await painted();
    const written: MutationRecord[] = [];
    const watch = new MutationObserver((records) => written.push(...records));
    watch.observe(el.querySelector(".mw-tokens") as Element, { attributes: true, subtree: true });
    over(get("mw-token-11"));
    await painted();
    written.push(...watch.takeRecords());
    watch.disconnect();
    const touched = new Set(written.map(({ target }) => (target as HTMLElement).dataset.token));
    expect(touched).toEqual(new Set(["10", "11"]));
  });
});

describe("recent prompts", () => {
  it("are a menu of what the kernel remembers, the one of now marked, run by a click", async () => {
    const session = ready({ prompt: "The capital" });
    session.answers.set("recent_prompts", () => ({
      frames: [],
      result: { prompts: ["The capital", "From Python", "Long ago"] },
    }));
    const { el, get, store } = await shown(session);
    const items = () => Array.from(el.querySelectorAll<HTMLElement>("[role=menuitemradio]"));
    get("mw-recent-open").click();
    expect(items().map((item) => item.textContent)).toEqual(["The capital"]);
    await painted();
    expect(items().map((item) => item.textContent)).toEqual([
      "The capital",
      "From Python",
      "Long ago",
    ]);
    expect(items().map((item) => item.getAttribute("aria-checked"))).toEqual([
      "true",
      "false",
      "false",
    ]);
    expect(store.value.prompts[2]).toBe("Long ago");
    expect(document.activeElement).toBe(items()[0]);
    items()[0]?.dispatchEvent(key("ArrowUp"));
    expect(document.activeElement).toBe(items()[2]);
    items()[2]?.dispatchEvent(key("Escape"));
    expect(get("mw-recent").hidden).toBe(true);
    expect(document.activeElement).toBe(get("mw-recent-open"));
    get("mw-recent-open").dispatchEvent(key("ArrowDown"));
    items()[1]?.click();
    expect(session.sent).toContainEqual(["set_prompt", "From Python"]);
    expect(get("mw-recent").hidden).toBe(true);
  });

  it("are what this page has seen where the kernel does not answer", async () => {
    const session = ready({ prompt: "One" });
    const { get } = await shown(session);
    await session.say({ prompt: "Two", tokens: words(2) });
    get("mw-recent-open").click();
    await painted();
    const items = Array.from(get("mw-recent").querySelectorAll<HTMLElement>(".mw-menu-item"));
    expect(items.map((item) => item.textContent)).toEqual(["Two", "One"]);
  });
});

describe("reference prompts", () => {
  it("are counted, seen and set, one per line", async () => {
    const session = ready({ reference: 3 });
    session.answers.set("reference", () => ({
      frames: [],
      result: { prompts: ["one", "two\nlines"], others: 1 },
    }));
    const { el, get } = await shown(session);
    expect(get("mw-reference-edit").textContent).toBe("3 reference prompts");
    get("mw-reference-edit").click();
    await painted();
    const input = get("mw-reference-input") as HTMLTextAreaElement;
    expect(input.value).toBe("one\ntwo⏎lines");
    expect(el.textContent).toContain("1 more from Python");
    input.value = "one\n\n two⏎lines\nthree";
    input.dispatchEvent(key("Enter"));
    expect(session.sent).toEqual([]);
    input.dispatchEvent(key("Enter", { ctrlKey: true }));
    expect(session.sent).toEqual([["set_reference", { prompts: ["one", " two\nlines", "three"] }]]);
    await session.refuse("set_reference", "Reference prompt 3: too long.", "Shorten it.");
    expect(get("mw-reference-error").textContent).toBe("Reference prompt 3: too long. Shorten it.");
    input.dispatchEvent(key("Enter", { ctrlKey: true }));
    await session.agree({ reference: 4 });
    expect(get("mw-reference-edit").textContent).toBe("4 reference prompts");
    expect(input.closest("[hidden]")).not.toBeNull();
  });

  it("survive the way through the field", () => {
    const prompts = ["a", " b\nc", "d "];
    expect(promptsOf(linesOf(prompts))).toEqual(prompts);
    expect(promptsOf(" \n\n")).toEqual([]);
  });

  it("none yet: the way to some is on the page", async () => {
    const { get } = await shown(ready());
    expect(get("mw-reference-edit").textContent).toBe("+ references");
  });
});

it("prompt and prompt B change places", async () => {
  const other = { prompt: "B", tokens: words(7), pairs: [] as [number, number][] };
  const { get, session } = await shown(ready({ other }));
  get("mw-other-swap").click();
  expect(session.sent).toEqual([["swap_prompts", {}]]);
});
