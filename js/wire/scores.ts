// The scores that can colour the head map, in the words of the field: which there are and what they
// lack, and the numbers of one. What comes back is checked here, so that no view meets a strange menu.

import { fields, text, unreadable } from "./answers";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";
import type { Asking, Progress, SessionClient } from "./session-client";

export type ScoreScale = "sequential" | "diverging";

/** How the numbers of a score are to be drawn, as things are now. */
export interface ScoreStyle {
  unit: string;
  scale: ScoreScale;
  /** The ends that no number leaves; null where they depend on the numbers. */
  range: readonly [number, number] | null;
  label: string;
}

export interface ScoreEntry extends ScoreStyle {
  name: string;
  title: string;
  /** One line: what the number is and which way is up. */
  convention: string;
  /** Does it say something else of the run with the edits? */
  followsEdits: boolean;
  /** What it needs and does not have; empty: nothing. */
  missing: string;
}

export interface ScoreNumbers {
  name: string;
  /** Why some have none, or how to read them. */
  reason: string;
  style: ScoreStyle;
  /** [layer, heads then MLP, attention, layer]; NaN = none, or not known yet. */
  values: Frame;
}

export async function askScores(
  client: SessionClient,
  options: Asking = {},
): Promise<ScoreEntry[]> {
  const { result } = await client.ask("score_menu", {}, options);
  const { scores } = fields(result);
  if (!Array.isArray(scores)) throw unreadable("a list of scores was expected");
  return scores.map(readEntry);
}

export async function askScore(
  client: SessionClient,
  name: string,
  edited: boolean,
  { signal, onPartial }: ScoreAsking = {},
): Promise<ScoreNumbers> {
  const partly: Asking["onPartial"] = (partial, progress) => {
    if (partial.frames.length > 0) onPartial?.(readScore(name, partial), progress);
  };
  return readScore(
    name,
    await client.ask("score", { name, edited }, { signal, onPartial: partly }),
  );
}

export interface ScoreAsking {
  signal?: AbortSignal | undefined;
  onPartial?: (partial: ScoreNumbers, progress: Progress) => void;
}

export function readScore(name: string, { result, frames }: Answer<unknown>): ScoreNumbers {
  const [values] = frames;
  if (!values || frames.length !== 1 || values.shape.length !== 2) {
    throw unreadable("one frame with two axes was expected");
  }
  const answer = fields(result);
  return { name, reason: text(answer.reason), style: styleOf(answer), values };
}

function readEntry(value: unknown): ScoreEntry {
  const entry = fields(value);
  const name = text(entry.name);
  if (name === "") throw unreadable("a score has no name");
  return {
    name,
    title: text(entry.title) || name,
    convention: text(entry.convention),
    followsEdits: entry.follows_edits === true,
    missing: text(entry.missing),
    ...styleOf(entry),
  };
}

function styleOf({ unit, scale, range, label }: Record<string, unknown>): ScoreStyle {
  const ends = Array.isArray(range) && range.length === 2 && range.every(Number.isFinite);
  return {
    unit: text(unit),
    scale: scale === "diverging" ? "diverging" : "sequential",
    range: ends ? (range as unknown as [number, number]) : null,
    label: text(label),
  };
}
