import { describe, expect, it } from "vitest";
import { short, typed, visible } from "../../charts/token-text";

describe("a token that can be seen", () => {
  it.each([
    [" Mary", "·Mary"],
    ["Mary", "Mary"],
    ["  ", "··"],
    ["a b ", "a b·"],
    ["", "∅"],
    ["\n\n", "⏎⏎"],
    ["\t", "⇥"],
    ["\u0000\u0007", "␀␇"],
    ["\u200b", "‹200B›"],
    ["\u202eevil", "‹202E›evil"],
    ["\u00a0x", "‹00A0›x"],
    ["\ufeff", "‹FEFF›"],
    ["\u0301", "◌\u0301"],
    ["\ud800", "‹D800›"],
    ["<script>", "<script>"],
    [" שלום", "·שלום"],
  ])("%j is shown as %j", (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it("keeps nothing that takes no room or turns the direction of the line", () => {
    const all = Array.from({ length: 0x2100 }, (_, code) => String.fromCodePoint(code)).join("");
    expect(visible(`x${all}x`)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  it("is cut between characters, never inside one", () => {
    expect(short("🦊".repeat(20), 5)).toBe(`${"🦊".repeat(4)}…`);
    expect(short(" Mary", 5)).toBe("·Mary");
  });

  it("comes back from the dots that it was typed with", () => {
    for (const text of [" Mary", "Mary", "  x", "\n", "a·b"])
      expect(typed(visible(text))).toBe(text);
  });
});
