// What a token is underneath: its bytes, and the characters that they are or are part of. In: tokens,
// of which the kernel gives the bytes where they are no whole UTF-8. Out: rows for a person to read.

import type { TokenJson } from "../types";
import { visible } from "./token-text";

export interface Character {
  /** What can be seen of it. */
  readonly shown: string;
  /** "U+2019". */
  readonly code: string;
  /** What it is, where that cannot be seen. */
  readonly kind: string;
  readonly bytes: string;
}

/** The characters of which a token holds but some bytes, and the tokens that hold the others. */
export interface Split {
  readonly bytes: string;
  readonly first: number;
  readonly last: number;
  /** Empty where the bytes are no text together either. */
  readonly characters: readonly Character[];
}

const NAMES: Record<number, string> = {
  0: "null",
  9: "tab",
  10: "line feed",
  13: "carriage return",
  27: "escape",
  32: "space",
  127: "delete",
  160: "no-break space",
  173: "soft hyphen",
  8203: "zero-width space",
  8204: "zero-width non-joiner",
  8205: "zero-width joiner",
  8206: "left-to-right mark",
  8207: "right-to-left mark",
  8232: "line separator",
  8233: "paragraph separator",
  8234: "left-to-right embedding",
  8235: "right-to-left embedding",
  8236: "end of direction",
  8237: "left-to-right override",
  8238: "right-to-left override",
  8239: "narrow no-break space",
  8288: "word joiner",
  8294: "left-to-right isolate",
  8295: "right-to-left isolate",
  8296: "first-strong isolate",
  8297: "end of isolate",
  12288: "ideographic space",
  65279: "byte order mark",
  65533: "replacement character",
};

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\p{Cc}/u, "control character"],
  [/\p{Cf}/u, "invisible"],
  [/\p{Zs}/u, "a kind of space"],
  [/\p{M}/u, "mark on the character before"],
  [/\p{Co}/u, "private use"],
  [/\p{Cs}/u, "half a character"],
  [/\p{Cn}/u, "unassigned"],
  [/\p{Emoji_Presentation}/u, "emoji"],
];

const encoder = new TextEncoder();

const hex = (bytes: Iterable<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

const bytesOf = (text: string): number[] =>
  Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Is there more to it than what is printed? */
export const isOdd = ({ text, bytes }: TokenJson): boolean =>
  bytes !== undefined || /[^\x20-\x7e]/.test(text);

/** Is it no text, or such that it cannot be seen as it is? */
export const isUnseen = ({ text, bytes }: TokenJson): boolean =>
  bytes !== undefined || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]|[^\P{Zs} ]/u.test(text);

/** Every character of a text, up to `most`. */
export function charactersOf(text: string, most = 8): Character[] {
  return Array.from(text.slice(0, most * 2))
    .slice(0, most)
    .map(characterOf);
}

function characterOf(character: string): Character {
  const code = character.codePointAt(0) ?? 0;
  const kind = NAMES[code] ?? KINDS.find(([is]) => is.test(character))?.[1] ?? "";
  return {
    shown: character === " " ? "·" : visible(character),
    code: `U+${code.toString(16).toUpperCase().padStart(4, "0")}`,
    kind,
    bytes: hex(encoder.encode(character)),
  };
}

/** Of a token that is not whole UTF-8: the characters that it is a part of, with its neighbours. */
export function splitOf(tokens: readonly TokenJson[], index: number): Split | null {
  if (tokens[index]?.bytes === undefined) return null;
  const parts = partsAround(tokens, index);
  const own = parts.find(({ at }) => at === index) as Part;
  const run = parts.flatMap(({ bytes }) => bytes);
  let [low, high] = [own.start, own.start + own.bytes.length];
  while (low > 0 && continues(run[low])) low -= 1;
  while (high < run.length && continues(run[high])) high += 1;
  const among = parts.filter(({ start, bytes }) => start < high && start + bytes.length > low) as [
    Part,
  ];
  return {
    bytes: hex(own.bytes),
    first: among[0].at,
    last: (among.at(-1) as Part).at,
    characters: charactersOf(decoded(run.slice(low, high))),
  };
}

interface Part {
  readonly at: number;
  readonly bytes: number[];
  /** Where its bytes begin among those of all parts. */
  readonly start: number;
}

// No character has more than four bytes, so no more than three tokens to either side share one.
const REACH = 3;

function partsAround(tokens: readonly TokenJson[], index: number): Part[] {
  let [first, last] = [index, index];
  while (index - first < REACH && tokens[first - 1]?.bytes !== undefined) first -= 1;
  while (last - index < REACH && tokens[last + 1]?.bytes !== undefined) last += 1;
  const parts: Part[] = [];
  let start = 0;
  for (let at = first; at <= last; at++) {
    const bytes = bytesOf(tokens[at]?.bytes ?? "");
    parts.push({ at, bytes, start });
    start += bytes.length;
  }
  return parts;
}

const continues = (byte: number | undefined): boolean => byte !== undefined && byte >> 6 === 0b10;

/** Empty where the bytes are no text. */
function decoded(bytes: number[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(bytes),
    );
  } catch {
    return "";
  }
}
