// Answers that carry an array, read into the words of the field. A shape that cannot be what was
// asked for is an error here, not a strange picture later.

import type { AxisTokenJson } from "../types";
import { fields, number, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";
import type { Effects, Pattern } from "./session-client";

export function readPattern({ result, frames }: Answer<unknown>): Pattern {
  const { layer, head, revision, queries, keys } = fields(result);
  const pattern = theFrame(frames);
  const [rows, columns] = pattern.shape as [number, number];
  const sides = { queries: tokensOf(queries, rows), keys: tokensOf(keys, columns) };
  // Both sides are the prompt, so they are as long as each other.
  if (!sides.queries && !sides.keys && rows !== columns) throw unreadable("a pattern is square");
  const about = { layer: number(layer), head: number(head), revision: number(revision) };
  return { ...about, pattern, ...sides };
}

/** What stands along a side of `count` entries; null where the answer says nothing of it. */
function tokensOf(value: unknown, count: number): AxisTokenJson[] | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value) || value.length !== count) {
    throw unreadable("a side of the pattern has another length than its tokens");
  }
  return value.map((token: unknown) => {
    const { text: shown, special } = fields(token);
    if (typeof shown !== "string") throw unreadable("a token has no text");
    return { text: shown, special: special === true };
  });
}

export function readEffects({ result, frames }: Answer<unknown>): Effects {
  const { unit, label } = fields(result);
  return { unit: text(unit), label: text(label), values: theFrame(frames) };
}

function theFrame(frames: Frame[]): Frame {
  const [frame] = frames;
  if (!frame || frames.length !== 1 || frame.shape.length !== 2) {
    throw unreadable("one frame with two axes was expected");
  }
  return frame;
}
