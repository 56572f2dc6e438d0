import { afterEach, describe, expect, it } from "vitest";
import { painted, unmountAll } from "./fake-session";
import { METRIC, press, reading, show, word } from "./lens-kernel";

afterEach(unmountAll);

describe("a cell that is opened", () => {
  const token = (text: string, rank: number, followed = false) => ({
    id: rank,
    text,
    logit: 10 - rank,
    probability: 0.5 / rank,
    rank,
    followed,
    before: null,
  });
  const answer = (refusal = "") => ({
    layer: 1,
    end: "post",
    position: 1,
    tokens: [token(" x", 1, true), token(" y", 2)],
    entropy: 1,
    kl: 0,
    toward: [" x", " y"],
    refusal,
    wrote: refusal
      ? null
      : {
          parts: [
            { component: { type: "head", layer: 0, head: 2 }, value: 2 },
            { component: { type: "attention", layer: 0 }, value: -1, bias: true },
          ],
          others: 0,
          others_value: 0,
          embed: 0.25,
          constant: 0,
          rest: 0,
          total: 1.25,
          note: "",
        },
  });

  it("lists its tokens, and what wrote them as parts to point at and to edit", async () => {
    const session = reading({ metric: METRIC });
    session.answers.set("lens_cell", () => ({ result: answer(), frames: [] }));
    const { el, get, store } = await show(session);
    word(el, "a", 2, 1).click();
    await painted();
    await painted();
    expect(session.asked.at(-1)).toEqual([
      "lens_cell",
      { of: "a", edited: false, layer: 1, end: "post", position: 1, k: 6, toward: "answer" },
    ]);
    expect(get("mw-lens-cell").querySelector("h3")?.textContent).toBe(
      "·capital (1), after layer 1",
    );
    expect(el.querySelector(".mw-lens-token")?.getAttribute("aria-label")).toBe(
      "·x: 50%, logit 9.00, rank 1",
    );
    const part = get("mw-lens-part-head-0.2");
    part.dispatchEvent(new PointerEvent("pointerenter"));
    expect(store.value.hover.component).toEqual({ type: "head", layer: 0, head: 2 });
    part.click();
    expect(session.sent.at(-1)).toEqual(["toggle", { type: "head", layer: 0, head: 2 }]);
    expect(el.querySelector(".mw-lens-note")?.textContent).toContain("final norm held");
    await press(get("mw-lens-cell"), "Escape");
    expect(get("mw-lens-cell").hidden).toBe(true);
  });

  it("says why nothing is attributed where the stream is no sum", async () => {
    const session = reading();
    session.answers.set("lens_cell", () => ({ result: answer("It is no plain sum."), frames: [] }));
    const { el, get } = await show(session);
    word(el, "a", 2, 1).click();
    await painted();
    await painted();
    expect(session.asked.at(-1)?.[1]).toMatchObject({ toward: "top" });
    expect(get("mw-lens-cell").textContent).toContain("It is no plain sum.");
    expect(el.querySelectorAll(".mw-lens-token")).toHaveLength(2);
  });
});
