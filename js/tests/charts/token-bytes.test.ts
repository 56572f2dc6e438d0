import { describe, expect, it } from "vitest";
import { charactersOf, isOdd, isUnseen, splitOf } from "../../charts/token-bytes";

const token = (text: string, bytes?: string) => ({
  id: 1,
  text,
  special: false,
  ...(bytes === undefined ? {} : { bytes }),
});
const hexOf = (text: string) =>
  Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");

it.each([
  ["plain", false, false],
  [" a.b", false, false],
  ["é", true, false],
  ["東", true, false],
  ["\u200b", true, true],
  ["\u202e", true, true],
  ["\u00a0", true, true],
  ["\n", true, true],
  ["\\xf0", false, false],
])("%j: is it odd, can it not be seen", (text, odd, unseen) => {
  expect([isOdd(token(text)), isUnseen(token(text))]).toEqual([odd, unseen]);
});

it("names what cannot be seen, with its code point and its bytes", () => {
  expect(charactersOf(" \u200dé\u0301\0")).toEqual([
    { shown: "·", code: "U+0020", kind: "space", bytes: "20" },
    { shown: "‹200D›", code: "U+200D", kind: "zero-width joiner", bytes: "e2 80 8d" },
    { shown: "é", code: "U+00E9", kind: "", bytes: "c3 a9" },
    { shown: "◌́", code: "U+0301", kind: "mark on the character before", bytes: "cc 81" },
    { shown: "␀", code: "U+0000", kind: "null", bytes: "00" },
  ]);
  expect(charactersOf("x".repeat(10_000))).toHaveLength(8);
});

describe("a token that is not whole UTF-8", () => {
  const bytes = hexOf(" 🎉é");
  const parts = [bytes.slice(0, 6), bytes.slice(6, 8), bytes.slice(8, 12), bytes.slice(12)];
  const tokens = [token("a"), ...parts.map((part) => token("?", part)), token("b")];

  it("says the characters that its bytes are a part of, and which tokens share them", () => {
    const [first, second, third, last] = [1, 2, 3, 4].map((at) => splitOf(tokens, at));
    expect(first?.characters.map(({ code }) => code)).toEqual(["U+0020", "U+1F389"]);
    expect([first?.first, first?.last, first?.bytes]).toEqual([1, 3, "20 f0 9f"]);
    expect(second?.characters.map(({ shown }) => shown)).toEqual(["🎉"]);
    expect([second?.first, second?.last]).toEqual([1, 3]);
    expect(third?.characters.map(({ shown }) => shown)).toEqual(["🎉", "é"]);
    expect(last?.characters.map(({ shown }) => shown)).toEqual(["é"]);
    expect([last?.first, last?.last]).toEqual([3, 4]);
  });

  it("is none where it is text, and no characters where the bytes are none together either", () => {
    expect(splitOf(tokens, 0)).toBeNull();
    expect(splitOf([token("\\xff", "ff"), token("\\x80", "80")], 1)?.characters).toEqual([]);
    expect(splitOf([token("\\xf0", "f0")], 0)).toMatchObject({ first: 0, last: 0, characters: [] });
  });

  it("agrees with the text for every way to cut it", () => {
    const text = "é東🎉ß👩";
    const all = hexOf(text).match(/../g) ?? [];
    for (let size = 1; size <= 3; size++) {
      const cut = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
        token("?", all.slice(i * size, (i + 1) * size).join("")),
      );
      cut.forEach((_, at) => {
        const split = splitOf(cut, at);
        const held = cut.slice(split?.first, (split?.last ?? 0) + 1).map((one) => one.bytes);
        const said = split?.characters.map(({ shown }) => hexOf(shown)).join("") ?? "";
        expect(text).toContain(split?.characters.map(({ shown }) => shown).join("") || "?");
        expect(held.join("")).toContain(said);
        expect(said).toContain(cut[at]?.bytes);
      });
    }
  });
});
