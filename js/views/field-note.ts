// The line under a field: a hint, or why the kernel refused what was typed there.

import { setAttributes, setText } from "../charts/dom";
import type { SessionClient } from "../wire/session-client";

const TESTIDS = {
  set_prompt: "mw-prompt-error",
  set_other_prompt: "mw-other-error",
  set_metric: "mw-metric-error",
  set_reference: "mw-reference-error",
  set_corpus: "mw-corpus-error",
} as const;

/** Draws the note of one op and marks its fields; says whether it is a refusal. */
export function drawFieldNote(
  note: HTMLElement,
  fields: readonly Element[],
  client: SessionClient,
  op: keyof typeof TESTIDS,
  hint: string,
): boolean {
  const refusal = client.lastError?.op === op ? client.lastError : null;
  setText(note, refusal ? [refusal.message, refusal.hint].filter(Boolean).join(" ") : hint);
  setAttributes(note, {
    "data-error": refusal !== null,
    "data-testid": refusal ? TESTIDS[op] : null,
  });
  for (const field of fields) setAttributes(field, { "aria-invalid": refusal ? "true" : null });
  return refusal !== null;
}
