// The attention pane in words: what a cell says, what is worth saying when none is looked at, where the
// rest of a row goes, who shares keys and values, and why there is nothing to see.

import { count, plain, signed } from "../charts/format";
import { reach } from "../charts/matrix-paint";
import { short } from "../charts/token-text";
import type { SessionState } from "../types";
import type { PatternRows } from "../wire/patterns";
import type { HeadAddress } from "../wire/session-client";
import type { AttentionValues, Side } from "./attention-values";
import type { Scene } from "./pane";
import { positionsText } from "./positions";

export type By = "query" | "key";

/** What is said of a row that sums to 1 but for rounding. */
const ROUNDING = 0.005;

function named({ tokens }: Side, index: number, factor = 1): string {
  const last = Math.min(index + factor, tokens.length) - 1;
  if (last > index) return `${index}–${last}`;
  return `${short(tokens[index]?.text ?? "", 24)} (${index})`;
}

function numberWords({ moment }: AttentionValues, number: number): string {
  return moment === "change" ? signed(number) : plain(number);
}

/** "query ·John (10) reads ·went (5) 0.86"; of several tokens that share a number: the most. */
export function readWords(values: AttentionValues, query: number, key: number): string {
  const { moment, weight, queries, keys, value, factor } = values;
  const number = numberWords(values, value(query, key));
  const verb = weight === "value" ? "moves" : "reads";
  if (factor === 1) {
    const what = weight === "value" ? " from" : "";
    return `query ${named(queries, query)} ${verb}${what} ${named(keys, key)} ${number}`;
  }
  const [q, k] = [query, key].map((at) => Math.floor(at / factor) * factor) as [number, number];
  const most = moment === "change" ? "changes at most by" : `${verb} at most`;
  return `queries ${named(queries, q, factor)}, keys ${named(keys, k, factor)}: ${most} ${number}`;
}

/** With nothing under the pointer: what the query (or key) of interest has most to do with. */
export function restingWords(values: AttentionValues, token: number | null, by: By): string {
  if (values.moment !== "before" && values.unchanged) {
    return "The edits do not change this pattern.";
  }
  const { queries, keys, triangle, factor, value } = values;
  const last = queries.tokens.length - 1;
  const columns = keys.tokens.length;
  const size = (query: number, key: number): number => Math.abs(value(query, key));
  const what = values.moment === "change" ? "the largest change" : "the most";
  if (by === "key") {
    const key = Math.min((keys.prompt ? token : null) ?? 0, columns - 1);
    let most = triangle ? key : 0;
    for (let query = most; query <= last; query += factor) {
      if (size(query, key) > size(most, key)) most = query;
    }
    return `${readWords(values, most, key)} · ${what}`;
  }
  const asked = queries.prompt ? token : null;
  const query = Math.min(asked ?? (values.moment === "change" ? changed(values) : last), last);
  let most = 0;
  for (let key = 0; key < reach({ triangle, columns }, query); key += factor) {
    if (size(query, key) > size(query, most)) most = key;
  }
  return `${readWords(values, query, most)} · ${what}`;
}

/** More entries are not gone through for one sentence. */
const MOST_READ = 40_000;

/** The query whose row changed most; the last one where that would take long to find out. */
function changed({ queries, keys, triangle, factor, value }: AttentionValues): number {
  const [rows, columns] = [queries.tokens.length, keys.tokens.length];
  let [row, largest] = [rows - 1, 0];
  if ((rows / factor) * (columns / factor) > MOST_READ) return row;
  for (let query = 0; query < rows; query += factor) {
    for (let key = 0; key < reach({ triangle, columns }, query); key += factor) {
      const size = Math.abs(value(query, key));
      if (size >= largest) [row, largest] = [query, size];
    }
  }
  return row;
}

/** Along what a person reads, and what adds up to what there. */
export function normalisation(
  { weight, moment }: Pick<AttentionValues, "weight" | "moment">,
  by: By,
): string {
  if (weight === "value")
    return "‖pattern · v · W_O‖: the length of what each edge adds to the stream (Kobayashi et al. 2020)";
  if (moment === "change") return "After minus before; each row of changes sums to 0";
  return by === "query"
    ? "Each row is a softmax over its keys and sums to 1"
    : "By key: a column is what its token is given; columns sum to what it receives, rows to 1";
}

/** Where a row goes that does not sum to 1; empty where it does. */
export function restWords(rows: PatternRows | null, query: number): string {
  const total = rows?.total[query];
  if (rows === null || total === undefined || Math.abs(1 - total) < ROUNDING) return "";
  if (total < ROUNDING) return "this query reads nothing";
  if (total > 1) return `the row sums to ${plain(total)}: an edit set it so`;
  const where = rows.sink ? "goes to the learned sink" : "is cut by edits";
  return `the row sums to ${plain(total)}, ${plain(1 - total)} ${where}`;
}

/** "first token 0.62 · sink 0.21 · k/v head 0, shared with heads 1–3" */
export function sharesWords(
  state: SessionState,
  { layer, head, cross = false }: HeadAddress,
  rows: PatternRows | null,
): string {
  const words: string[] = [];
  if (rows && rows.total.length > 1) {
    const mean = (of: Float32Array, from: number): number =>
      of.slice(from).reduce((sum, one) => sum + one, 0) / (of.length - from);
    words.push(`${plain(mean(rows.first, 1))} on the first token`);
    const rest = 1 - mean(rows.total, 0);
    if (rest >= ROUNDING) words.push(`${plain(rest)} ${rows.sink ? "to the sink" : "cut"}`);
  }
  const group = cross ? [] : groupOf(state, layer, head);
  if (group.length > 1) {
    const size = group.length;
    const others = positionsText(group.filter((one) => one !== head));
    const plural = size > 2 ? "heads" : "head";
    words.push(`k/v head ${Math.floor(head / size)} shared with ${plural} ${others}`);
  }
  return words.join(" · ");
}

/** The heads that share this head's keys and values, itself among them. */
export function groupOf(state: SessionState, layer: number, head: number): number[] {
  const heads = state.model.heads[layer] ?? 0;
  const size = Math.max(1, Math.floor(heads / (state.model.kv_heads[layer] || heads || 1)));
  const first = Math.floor(head / size) * size;
  return Array.from({ length: size }, (_, i) => first + i);
}

/** What the entries of a picture are; empty where each is an edge. */
export const resolutionWords = (factor: number): string =>
  factor > 1 ? `each square is the largest of ${factor} × ${factor}` : "";

/** "tokens 40–71 of 300" */
export const windowWords = (from: number, length: number, of: number): string =>
  `${from}–${from + length - 1} of ${count(of, "token")}`;

export function emptyWords(
  { state, head, client }: Scene,
  values: Pick<AttentionValues, "refusal"> | null,
): string {
  if (!state) return "";
  if (state.model.heads.every((n) => n === 0)) return "This model has no attention patterns.";
  if (state.tokens.length === 0) return "Type a prompt to see what its tokens attend to.";
  if (!head) return "Point at a head to see what it attends to.";
  if (client.status === "gone") return "No pattern: the kernel does not answer.";
  return values?.refusal ?? "";
}
