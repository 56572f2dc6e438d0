// What the model goes on to write, as the kernel sends it: two rows of tokens, growing. In: an answer
// that nobody has checked. Out: rows with the text of every token in them.

import { number, unreadable } from "./answers";
import type { Answer } from "./rpc";
import type { Asking, Progress, SessionClient } from "./session-client";

export interface Likely {
  readonly text: string;
  readonly probability: number;
}

export interface Written extends Likely {
  readonly id: number;
  /** It stands for no text: the end of one, say. */
  readonly special: boolean;
  /** What the other row gives this token; null where the texts have parted before. */
  readonly beside: number | null;
  readonly likely: readonly (Likely & { readonly id: number })[];
}

export interface Continuation {
  readonly revision: number;
  readonly baseline: readonly Written[];
  /** Null where nothing is edited. */
  readonly edited: readonly Written[] | null;
  /** The first place at which the rows differ. */
  readonly divergence: number | null;
  /** Why no more follow; empty while they do. */
  readonly ended: string;
  /** Why every token costs the whole text; empty with a cache. */
  readonly recomputes: string;
  readonly perSecond: number | null;
}

export interface Sampling {
  readonly new_tokens: number;
  readonly temperature: number;
  readonly top_p: number;
  readonly seed: number;
  readonly on: "prompt" | "generated" | "both";
}

/** Asks the kernel to write on; `onPartial` gets all that is written so far. */
export async function writeOn(
  client: SessionClient,
  sampling: Sampling,
  signal: AbortSignal,
  onPartial: (so_far: Continuation, progress: Progress) => void,
): Promise<Continuation> {
  const partly: Asking["onPartial"] = (partial, progress) =>
    onPartial(readContinuation(partial), progress);
  return readContinuation(
    await client.ask("continuation", sampling, { signal, onPartial: partly }),
  );
}

export function readContinuation({ result }: Answer<unknown>): Continuation {
  const { revision, baseline, edited, texts, special, divergence, ended, recomputes, per_second } =
    record(result);
  const names = { texts: record(texts), special: new Set(list(special)) };
  return {
    revision: number(revision),
    baseline: row(baseline, names),
    edited: edited === null ? null : row(edited, names),
    divergence: divergence === null ? null : number(divergence),
    ended: typeof ended === "string" ? ended : "",
    recomputes: typeof recomputes === "string" ? recomputes : "",
    perSecond: per_second === null ? null : number(per_second),
  };
}

interface Names {
  readonly texts: Record<string, unknown>;
  readonly special: ReadonlySet<unknown>;
}

function row(value: unknown, names: Names): Written[] {
  return list(value).map((token) => {
    const [id, probability, beside, likely] = list(token);
    return {
      ...named(id, probability, names),
      special: names.special.has(id),
      beside: beside === null ? null : number(beside),
      likely: list(likely).map((pair) => {
        const [other, share] = list(pair);
        return named(other, share, names);
      }),
    };
  });
}

function named(id: unknown, probability: unknown, { texts }: Names): Likely & { id: number } {
  const text = texts[String(id)];
  if (typeof text !== "string") throw unreadable("a token has no text");
  return { id: number(id), text, probability: number(probability) };
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw unreadable("a part is missing");
  return value as Record<string, unknown>;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw unreadable("a row is missing");
  return value;
}
