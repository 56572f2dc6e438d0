// The direction that the armed tool steers along: which one is meant, what it lacks, what it will be
// called, and the edit that a click asks for. In: the page's wish and the session. Out: plain data;
// the numbers of a direction never leave the kernel.

import { plain } from "../charts/format";
import { short, typed, visible } from "../charts/token-text";
import type { PageState, SteerWish } from "../store/session-store";
import type { EditJson, PartJson, SessionState } from "../types";
import { componentName, tokenMetric } from "../types";
import { positionsText } from "./positions";

/** Where the kernel is to find it. */
export type DirectionSpec =
  | { from: "other"; position: number }
  | { from: "token"; token: string | number; minus?: string | number }
  | { from: "saved"; name: string };

export interface Direction {
  /** Null where it lacks something. */
  readonly spec: DirectionSpec | null;
  /** Why there is none. */
  readonly lacks: string;
  /** What is meant, in words. */
  readonly words: string;
}

type From = Exclude<SteerWish["from"], "auto">;

/** The choice that counts: what the session has comes before what it lacks. */
export function fromOf({ steer }: Pick<PageState, "steer">, state: SessionState): From {
  if (steer.from !== "auto") return steer.from;
  if (state.other) return "other";
  return state.metric ? "answer" : "token";
}

/** The token that "this token" is: the one looked at, else the last selected, else the last. */
export function tokenOf({ token, positions }: PageState, state: SessionState): number {
  const last = state.tokens.length - 1;
  return Math.max(0, Math.min(token ?? positions.at(-1) ?? last, last));
}

export function directionOf(page: PageState, state: SessionState): Direction {
  switch (fromOf(page, state)) {
    case "other":
      return otherMinusThis(page, state);
    case "answer":
      return answerDirection(state);
    case "token":
      return unembedding(page.steer, state);
    case "saved":
      return saved(page.steer, state);
  }
}

function otherMinusThis(page: PageState, state: SessionState): Direction {
  const position = tokenOf(page, state);
  const there = counterpart(state, position);
  const text = short(state.tokens[position]?.text ?? "", 16);
  const words = `B − A at ${text} (${position})`;
  if (!state.other) return lacking(words, "needs a prompt B: “+ B” beside the prompt");
  if (there === null) return lacking(words, `needs a token that stands over one of B`);
  return { spec: { from: "other", position }, lacks: "", words };
}

function answerDirection(state: SessionState): Direction {
  const spec = tokenMetric(state.metric?.spec);
  const words = "the answer's unembedding";
  if (!spec) return lacking(words, "needs an answer token");
  const [token, minus] = spec.type === "logit_diff" ? [spec.a, spec.b] : [spec.token, undefined];
  return unembedded(state, token, minus);
}

function unembedding({ token, minus }: SteerWish, state: SessionState): Direction {
  const likeliest = state.outcome?.top.reduce((a, b) => (b.before > a.before ? b : a));
  const wished = token === "" ? likeliest?.id : vocabularyOf(token);
  if (wished === undefined) return lacking("the unembedding of a token", "needs a token");
  return unembedded(state, wished, minus === "" ? undefined : vocabularyOf(minus));
}

function unembedded(
  state: SessionState,
  token: string | number,
  minus: string | number | undefined,
): Direction {
  const against = minus === undefined ? "" : ` − ${textOf(state, minus)}`;
  const words = `${textOf(state, token)}${against}`;
  const spec = { from: "token", token, ...(minus === undefined ? {} : { minus }) } as const;
  return { spec, lacks: "", words };
}

function saved({ saved: name }: SteerWish, { directions }: SessionState): Direction {
  const known = directions.some((each) => each.name === name);
  if (!known) return lacking(name ? `“${name}”` : "a saved direction", "needs a saved direction");
  return { spec: { from: "saved", name }, lacks: "", words: `“${name}”` };
}

const lacking = (words: string, lacks: string): Direction => ({ spec: null, lacks, words });

/** `#1234` is a vocabulary id; everything else is text, its leading dots spaces. */
const vocabularyOf = (text: string): string | number =>
  /^#\d+$/.test(text) ? Number(text.slice(1)) : typed(text);

/** A token as Python names it in a direction: its spaces as dots. */
function textOf(state: SessionState, token: string | number): string {
  const seen = [...(state.outcome?.top ?? []), ...state.tokens];
  const text = typeof token === "string" ? token : seen.find(({ id }) => id === token)?.text;
  return text === undefined
    ? `#${token}`
    : Array.from(text.replaceAll(" ", "·")).slice(0, 24).join("");
}

function counterpart({ other }: SessionState, position: number): number | null {
  return other?.pairs.find(([here]) => here === position)?.[1] ?? null;
}

/** What is steered when a part is clicked: the stream itself, or the stream after its layer. */
export function steered(part: PartJson, positions: readonly number[]): PartJson {
  const at = positions.length > 0 ? { positions: [...positions] } : {};
  if (part.type === "residual") {
    const { layer, end = "pre" } = part;
    return { type: "residual", layer, end, ...at };
  }
  return { type: "residual", layer: part.layer, end: "post", ...at };
}

/** The edit of a click. What the session lacks the kernel says, in a sentence. */
export function steerEdit(
  page: PageState,
  state: SessionState,
  part: PartJson,
  positions: readonly number[],
): EditJson {
  const { mode, strength } = page.steer;
  const component = steered(part, positions);
  const spec = directionOf(page, state).spec ?? specOf(page, state);
  const along = nameOf(spec, component, state);
  const how = mode === "project out" ? {} : { coefficient: strength, unit: "share" };
  const edit = { type: "steer", mode, component, direction: spec, ...how, along };
  return { ...edit, said: sentenceOf(edit, strength) };
}

function specOf(page: PageState, state: SessionState): DirectionSpec {
  const from = fromOf(page, state);
  if (from === "saved") return { from, name: page.steer.saved };
  if (from === "other") return { from, position: tokenOf(page, state) };
  return { from: "token", token: "" };
}

/** What Python will call the vector: its name in the list and in every sentence. */
export function nameOf(spec: DirectionSpec, component: PartJson, state: SessionState): string {
  if (spec.from === "saved") return spec.name;
  if (spec.from === "token") {
    const { token, minus } = spec;
    return unembedded(state, token, minus).words;
  }
  const here = spec.position;
  const there = counterpart(state, here) ?? here;
  const at = here === there ? `${here}` : `${there}, ${here}`;
  const end = component.type === "residual" ? (component.end ?? "pre") : "post";
  const place = { pre: "before", mid: "inside", post: "after" }[end];
  return `B − A at ${at} ${place} layer ${component.layer}`;
}

function sentenceOf(
  { mode, component, along }: Pick<EditJson, "component"> & { mode: string; along: string },
  strength: number,
): string {
  const part = componentName(component);
  if (mode === "project out") return `Project “${along}” out of ${part}`;
  if (mode === "clamp along") return `Clamp ${part} along “${along}” to ${strength} of its norm`;
  return `Steer ${part} by ${strength} of its norm along “${along}”`;
}

/** What a click would do, before it is done. */
export function steerHint(page: PageState, state: SessionState): string {
  const { mode, strength } = page.steer;
  const { words } = directionOf(page, state);
  const where = page.positions.length > 0 ? ` at ${positionsText(page.positions)}` : "";
  const stream = `the stream after its layer${where}`;
  if (mode === "project out") return `A click projects ${words} out of ${stream}.`;
  const share = `${plain(strength)} of its norm`;
  if (mode === "clamp along") return `A click clamps ${stream} along ${words} to ${share}.`;
  return `A click steers ${stream} along ${words} by ${share}.`;
}

/** The same in the few characters that there are under a map. */
export function steerShort(page: PageState, state: SessionState): string {
  const { mode, strength } = page.steer;
  const name = shortName(page, state);
  const where = page.positions.length > 0 ? ` at ${positionsText(page.positions)}` : "";
  const does = {
    add: `adds ${plain(strength)} · ${name}`,
    "clamp along": `sets ${name} to ${plain(strength)}`,
    "project out": `takes ${name} out`,
  }[mode];
  return `A click ${does} after its layer${where}.`;
}

/** The direction and the strength, short enough for a button. */
export function steerSummary(page: PageState, state: SessionState): string {
  const { mode, strength } = page.steer;
  const name = shortName(page, state);
  if (mode === "project out") return `${name} out`;
  return mode === "add" ? `${plain(strength)} · ${name}` : `${name} = ${plain(strength)}`;
}

function shortName(page: PageState, state: SessionState): string {
  const { words } = directionOf(page, state);
  return fromOf(page, state) === "other" ? "B − A" : short(visible(words), 18);
}
