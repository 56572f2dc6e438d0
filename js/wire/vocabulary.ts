// The vocabulary of the session's model, as a page asks for it: a search while a person types, and
// the tokens of the metric. What comes back is checked here.

import { unreadable } from "./answers";
import type { Answer } from "./rpc";
import type { Listening, SessionClient } from "./session-client";

export type Side = "answer" | "distractor";

/** How a token was found, the strongest rule first. */
export type Rule =
  | "id"
  | "exact"
  | "spaced"
  | "cased"
  | "prefix"
  | "inside"
  | "inside_cased"
  | "any";

export interface KnownToken {
  readonly id: number;
  readonly text: string;
  readonly special: boolean;
  /** Null where no numbers stand. */
  readonly probability: number | null;
}

export interface FoundToken extends KnownToken {
  readonly rule: Rule;
}

export interface Found {
  readonly matches: readonly FoundToken[];
  /** How many there are in all. */
  readonly total: number;
  /** The several tokens that the text is, where it is none. */
  readonly pieces: readonly KnownToken[];
}

export interface MetricToken extends KnownToken {
  /** The same with a leading space, where that is what the prompt rather goes on with. */
  readonly spaced: KnownToken | null;
}

export async function searchVocabulary(
  client: SessionClient,
  query: string,
  most: number,
  options: Listening = {},
): Promise<Found> {
  return readFound(await client.ask("search_vocabulary", { query, most }, options));
}

/** The answer first; none without a metric. */
export async function metricTokens(
  client: SessionClient,
  options: Listening = {},
): Promise<MetricToken[]> {
  const { result } = await client.ask("metric_tokens", {}, options);
  return listOf(fieldsOf(result).tokens).map((token) => {
    const { spaced } = fieldsOf(token);
    return { ...known(token), spaced: spaced === null ? null : known(spaced) };
  });
}

/**
 * Measures this token, as the answer or as the distractor beside what is measured now. Chosen for the
 * side where the other token stands already, the two change places.
 */
export const chooseToken = (client: SessionClient, side: Side, id: number): Promise<boolean> =>
  client.act("choose_token", { side, id });

export function readFound({ result }: Answer<unknown>): Found {
  const { matches, total, pieces } = fieldsOf(result);
  if (typeof total !== "number") throw unreadable("it does not say how many there are");
  return {
    total,
    matches: listOf(matches).map((match) => ({
      ...known(match),
      rule: String(fieldsOf(match).rule) as Rule,
    })),
    pieces: listOf(pieces).map(known),
  };
}

function known(value: unknown): KnownToken {
  const { id, text, special, probability } = fieldsOf(value);
  if (typeof id !== "number" || typeof text !== "string") throw unreadable("a token is missing");
  const number = typeof probability === "number" ? probability : null;
  return { id, text, special: special === true, probability: number };
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw unreadable("a list of tokens is missing");
  return value;
}
