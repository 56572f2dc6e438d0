// The attention pane in words: what a cell says, what is worth saying when none is looked at, and
// why there is nothing to see.

import { plain, signed } from "../charts/format";
import { reach } from "../charts/matrix-paint";
import { short } from "../charts/token-text";
import type { AttentionValues, Side } from "./attention-values";
import type { Scene } from "./pane";

const named = ({ tokens }: Side, index: number): string =>
  `${short(tokens[index]?.text ?? "", 24)} (${index})`;

/** "query ·John (10) reads ·went (5) 0.86" */
export function readWords(
  { moment, queries, keys, value }: AttentionValues,
  query: number,
  key: number,
): string {
  const number = value(query, key);
  const words = `query ${named(queries, query)} reads ${named(keys, key)}`;
  return `${words} ${moment === "change" ? signed(number) : plain(number)}`;
}

/** With nothing under the pointer: what the query of interest reads most. */
export function restingWords(values: AttentionValues, token: number | null): string {
  if (values.moment !== "before" && values.unchanged) {
    return "The edits do not change this pattern.";
  }
  const { queries, keys, triangle } = values;
  const last = queries.tokens.length - 1;
  const query = Math.min((queries.prompt ? token : null) ?? last, last);
  const nKeys = reach({ triangle, columns: keys.tokens.length }, query);
  let most = 0;
  for (let key = 1; key < nKeys; key++) {
    if (Math.abs(values.value(query, key)) > Math.abs(values.value(query, most))) most = key;
  }
  const what = values.moment === "change" ? "the largest change" : "the most";
  return `${readWords(values, query, most)} · ${what}`;
}

export function emptyWords({ state, head, client }: Scene, values: AttentionValues | null): string {
  if (!state) return "";
  if (state.model.heads.every((n) => n === 0)) return "This model has no attention patterns.";
  if (state.tokens.length === 0) return "Type a prompt to see what its tokens attend to.";
  if (!head) return "Point at a head to see what it attends to.";
  if (client.status === "gone") return "No pattern: the kernel does not answer.";
  return values?.refusal ?? "";
}
