// What the contexts say in words: how many prompts were looked at, what was left out, how often the
// neuron fired, and why there is nothing to show.

import { count, percent, plain } from "../charts/format";
import type { SessionState } from "../types";
import type { Contexts } from "../wire/neuron";

export function lookedSentence(
  contexts: Contexts | null,
  { corpus }: SessionState,
  { busy, stopped }: { busy: boolean; stopped: boolean },
): string {
  if (!corpus) return "";
  if (!contexts) return busy ? `Looking through ${count(corpus.prompts, "prompt")} …` : "";
  const { looked, total, tokens, fired, mean, cut, skipped, whySkipped, note } = contexts;
  const partial = looked < total;
  const of = partial
    ? `${looked.toLocaleString("en")} of ${count(total, "prompt")}`
    : count(total, "prompt");
  const rate =
    tokens > 0
      ? `above 0 at ${percent(fired / tokens)} of ${count(tokens, "token")}` +
        (mean === null ? "" : `, mean ${plain(mean)}`)
      : "";
  const parts = [
    `Looked at ${of}${corpus.name && ` (${corpus.name})`}${partial && stopped ? ", stopped: partial" : ""}`,
    rate,
    cut > 0 ? `${count(cut, "prompt")} cut at the end` : "",
    skipped > 0 ? `${count(skipped, "prompt")} left out (${whySkipped})` : "",
    corpus.duplicates > 0 ? `${count(corpus.duplicates, "duplicate")} counted once` : "",
    note,
  ];
  return parts.filter(Boolean).join(" · ");
}

export function emptyEnd(
  { tokens, looked, total, fired }: Contexts,
  end: "highest" | "lowest",
): string {
  const sofar = looked < total ? " so far" : "";
  if (tokens === 0) return `No token was sent to its expert${sofar}.`;
  const n = count(tokens, "token");
  if (end === "highest" && fired === 0) return `It never fires${sofar}: not above 0 at ${n}.`;
  return `It is never ${end === "highest" ? "above" : "below"} 0${sofar}, at ${n}.`;
}
