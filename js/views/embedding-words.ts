// What the embedding view says in words: what the parts are called, how positions are told apart, and
// the bytes of a token.

import { count, percent, plain } from "../charts/format";
import type { TokenJson } from "../types";
import type { EmbeddingParts, Encoding, RotaryJson } from "../wire/embedding";
import { layersText } from "./cache-words";

const SHORT = { token: "tok", position: "pos", constant: "const", other: "other" } as const;

/** A word per part, short enough for the side of a map. */
export function shortNames({ parts }: EmbeddingParts): string[] {
  return parts.map(({ kind }, at) => {
    const before = parts.slice(0, at).filter((one) => one.kind === kind).length;
    return before > 0 ? `${SHORT[kind]}${before + 1}` : SHORT[kind];
  });
}

/** "token (wte) + position (wpe, learned), then norm LayerNorm = the first residual" */
export function sumOf({ parts, steps, width }: EmbeddingParts): string {
  const terms = parts.map(({ kind, module, factor, learned }) => {
    const name = module.split(".").at(-1) ?? "";
    const how = [name, kind === "position" ? (learned ? "learned" : "fixed") : ""];
    const times = factor === null ? "a vector × " : factor === 1 ? "" : `${plain(factor)} × `;
    const said = how.filter(Boolean).join(", ");
    return `${times}${kind}${said ? ` (${said})` : ""}`;
  });
  const then = steps.map((step) => `, then ${step}`).join("");
  return `${terms.join(" + ")}${then} = the first residual, ${count(width, "number")} per token`;
}

/** The UTF-8 of a token, in hexadecimal; what a special token stands for has none. */
export function bytesOf({ text, bytes, special }: TokenJson): string {
  if (special) return "none: a special token";
  const hex = bytes ?? Array.from(new TextEncoder().encode(text), (byte) => hexOf(byte)).join("");
  const pairs = hex.match(/../g) ?? [];
  return pairs.length > 24 ? `${pairs.slice(0, 24).join(" ")} …` : pairs.join(" ");
}

const hexOf = (byte: number): string => byte.toString(16).padStart(2, "0");

/** What an encoding is called where one is chosen. */
export function encodingName(one: Encoding): string {
  if (one.kind === "vectors") return one.learned ? "learned vectors" : "fixed vectors";
  if (one.kind === "rotary") return `rotary, ${layersText(one.layers)}`;
  return one.slopes ? "ALiBi" : `relative bias, ${layersText(one.layers)}`;
}

/** What an encoding does, in one or two sentences. */
export function encodingWords(one: Encoding): string {
  if (one.kind === "vectors") {
    const what = one.learned ? "One learned vector" : "One vector of a fixed table";
    return `${what} per position (${one.module || "a parameter"}) is added to the token’s. The map: the cosine between every two.${thinned(one.every)}`;
  }
  if (one.kind === "relative") {
    const what = one.slopes
      ? `ALiBi: a score falls by ${one.slopes.map(plain).slice(0, 8).join(", ")}${one.slopes.length > 8 ? " …" : ""} per token of distance, head by head.`
      : `A table of biases by distance (${one.module}), added to the scores of each head.`;
    return `${what} The map: what is added, by head and by key − query.`;
  }
  return `${turned(one)} The map: the cosine of each pair’s angle.${thinned(one.every)}`;
}

function turned(one: RotaryJson): string {
  const whole = one.width === one.headWidth;
  const part = whole
    ? `all ${one.headWidth} numbers`
    : `${one.width} of the ${one.headWidth} numbers (from ${one.first})`;
  const pairs = { halves: "i and i + half", adjacent: "2i and 2i + 1" };
  const how =
    one.pairing === null
      ? "How pairs are laid out could not be confirmed on the queries."
      : `Pairs are ${pairs[one.pairing]}, confirmed on the model’s own queries (off by ${percent(one.error ?? 0)}).`;
  const scale = one.scaling === 1 ? "" : ` Scaled by ${plain(one.scaling)}.`;
  const named = one.named ? ` Config: ${one.named}.` : "";
  return `Queries and keys are turned: ${part} of a head in ${count(one.frequencies.length, "pair")}. ${how}${scale}${named}`;
}

const thinned = (every: number): string => {
  const nth = every === 2 ? "2nd" : every === 3 ? "3rd" : `${every}th`;
  return every > 1 ? ` Every ${nth} position is shown.` : "";
};

/** One pair at one position. */
export function angleWords(one: RotaryJson, pair: number, column: number): string {
  const frequency = one.frequencies[pair] ?? 0;
  const wave =
    frequency === 0
      ? "never comes round"
      : `comes round every ${plain((2 * Math.PI) / Math.abs(frequency))} tokens`;
  const angle = one.angles.at(pair, column);
  const [a, b] = numbersOf(one, pair);
  return `Pair ${pair}${a === null ? "" : ` (numbers ${a} and ${b})`} at position ${column * one.every}: angle ${plain(angle)} rad, cosine ${plain(Math.cos(angle))}; ${frequency.toPrecision(3)} rad per token, ${wave}`;
}

function numbersOf({ pairing, first, width }: RotaryJson, pair: number): [number | null, number] {
  if (pairing === null) return [null, 0];
  return pairing === "halves"
    ? [first + pair, first + pair + width / 2]
    : [first + 2 * pair, first + 2 * pair + 1];
}
