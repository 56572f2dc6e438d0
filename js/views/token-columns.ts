// The tokens of the prompt as buttons, and under each the token of prompt B that stands there. In:
// both prompts and their alignment. Out: elements, one per column; without a B, one per token.

import { element } from "../charts/dom";
import { count } from "../charts/format";
import { isUnseen } from "../charts/token-bytes";
import { visible } from "../charts/token-text";
import type { OtherPromptJson, TokenJson } from "../types";
import { positionsText } from "./positions";

const MOST_NAMED = 8;
/** Every so many tokens the position is printed; of the others when they are pointed at. */
const TICK = 5;
/** Beyond so many columns each hundred is a block of its own, which is laid out when it is seen. */
const MANY = 600;
const BLOCK = 100;
/** A longer one may have to be cut. In characters of a narrow script: the style says how wide. */
const LONG = 8;

export function columnsOf(
  tokens: readonly TokenJson[],
  other: OtherPromptJson | null,
): HTMLElement[] {
  const columns = every(tokens, other);
  if (columns.length <= MANY) return columns;
  return Array.from({ length: Math.ceil(columns.length / BLOCK) }, (_, i) =>
    element(
      "div",
      { class: "mw-token-block", role: "presentation" },
      ...columns.slice(i * BLOCK, (i + 1) * BLOCK),
    ),
  );
}

function every(tokens: readonly TokenJson[], other: OtherPromptJson | null): HTMLElement[] {
  if (!other) return tokens.map((token, index) => tokenButton(token, index, null));
  return other.pairs.map(([here, there]) => {
    const a = here === null ? undefined : tokens[here];
    const b = there === null ? undefined : other.tokens[there];
    const column = element("div", {
      class: "mw-token-column",
      role: "presentation",
      "data-differs": a?.id !== b?.id,
    });
    const above = a && here !== null ? tokenButton(a, here, b ?? "nothing") : gap();
    column.append(above, b && there !== null ? otherToken(b, there) : gap());
    return column;
  });
}

/** How far apart the two prompts are, and where, in words. */
export function differences(
  tokens: readonly TokenJson[],
  { tokens: others, pairs }: OtherPromptJson,
): string {
  const apart = pairs.filter(([here, there]) => tokens[here ?? -1]?.id !== others[there ?? -1]?.id);
  if (apart.length === 0) return "B is the same";
  const longer = others.length - tokens.length;
  const how = `B is ${count(Math.abs(longer), "token")} ${longer > 0 ? "longer" : "shorter"}`;
  const at = apart.flatMap(([here]) => (here === null ? [] : [here]));
  const where = at.length > 0 && at.length <= MOST_NAMED ? ` at ${positionsText(at)}` : "";
  const words = `${count(apart.length, "token")} ${apart.length === 1 ? "differs" : "differ"}${where}`;
  return longer === 0 ? words : `${words}, ${how}`;
}

function otherToken(token: TokenJson, index: number): HTMLElement {
  const node = element("span", {
    class: "mw-token mw-other-token",
    "data-testid": `mw-other-${index}`,
    "data-other": index,
    "data-long": isLong(token),
    "data-special": token.special,
    "data-unseen": isUnseen(token),
    // What it is, is said with the token above it.
    "aria-hidden": "true",
  });
  node.append(element("bdi", { class: "mw-token-text" }, visible(token.text)));
  return node;
}

const isLong = ({ text }: TokenJson): boolean => visible(text).length > LONG;

/** Where a prompt has no counterpart of what the other has. */
const gap = (): HTMLElement => element("span", { class: "mw-token-gap", "aria-hidden": "true" });

function tokenButton(
  token: TokenJson,
  index: number,
  under: TokenJson | "nothing" | null,
): HTMLElement {
  const text = visible(token.text);
  const node = element("button", {
    type: "button",
    class: "mw-token",
    role: "option",
    tabindex: index === 0 ? 0 : -1,
    "data-testid": `mw-token-${index}`,
    "data-token": index,
    "data-long": isLong(token),
    "data-tick": index % TICK === 0,
    "data-special": token.special,
    "data-unseen": isUnseen(token),
    "aria-selected": "false",
    "aria-label": `Token ${index}: ${text}, id ${token.id}${kindOf(token)}${partnerOf(token, under)}`,
  });
  node.append(
    element("bdi", { class: "mw-token-text" }, text),
    element("span", { class: "mw-token-id" }, String(token.id)),
  );
  return node;
}

function kindOf({ special, bytes }: TokenJson): string {
  if (special) return ", special token";
  return bytes === undefined ? "" : ", not whole UTF-8";
}

function partnerOf({ id }: TokenJson, under: TokenJson | "nothing" | null): string {
  if (under === null || (under !== "nothing" && under.id === id)) return "";
  return under === "nothing" ? "; B has none here" : `; B has ${visible(under.text)}`;
}
