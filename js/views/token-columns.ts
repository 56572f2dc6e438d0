// The tokens of the prompt as buttons, and under each the token of prompt B that stands there. In:
// both prompts and their alignment. Out: elements, one per column; without a B, one per token.

import { element } from "../charts/dom";
import { count } from "../charts/format";
import { visible } from "../charts/token-text";
import type { OtherPromptJson, TokenJson } from "../types";
import { positionsText } from "./positions";

const MOST_NAMED = 8;

export function columnsOf(
  tokens: readonly TokenJson[],
  other: OtherPromptJson | null,
): HTMLElement[] {
  if (!other) return tokens.map(tokenButton);
  return other.pairs.map(([here, there]) => {
    const a = here === null ? undefined : tokens[here];
    const b = there === null ? undefined : other.tokens[there];
    const differs = a?.id !== b?.id;
    const column = element("div", {
      class: "mw-token-column",
      role: "presentation",
      "data-differs": differs,
    });
    column.append(
      a && here !== null ? tokenButton(a, here) : element("span", { class: "mw-token-gap" }),
      b && there !== null
        ? otherToken(b, there, differs)
        : element("span", { class: "mw-token-gap" }),
    );
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

function otherToken(
  { id, text, special }: TokenJson,
  index: number,
  differs: boolean,
): HTMLElement {
  const shown = visible(text);
  const node = element("span", {
    class: "mw-token mw-other-token",
    "data-testid": `mw-other-${index}`,
    "data-special": special,
    title: `B: ${shown}\nposition ${index}, id ${id}${differs ? "\nnot the token above" : ""}`,
  });
  node.append(element("bdi", { class: "mw-token-text" }, shown));
  return node;
}

function tokenButton(token: TokenJson, index: number): HTMLElement {
  const text = visible(token.text);
  const kind = token.special ? ", special token" : "";
  const node = element("button", {
    type: "button",
    class: "mw-token",
    role: "option",
    tabindex: index === 0 ? 0 : -1,
    "data-testid": `mw-token-${index}`,
    "data-token": index,
    "data-special": token.special,
    "aria-label": `Token ${index}: ${text}, id ${token.id}${kind}`,
    title: `${text}\nposition ${index}, id ${token.id}${kind}${bytesOf(token.text)}`,
  });
  node.append(
    element("bdi", { class: "mw-token-text" }, text),
    element("span", { class: "mw-token-id" }, String(token.id)),
  );
  return node;
}

/** The bytes of a token that is more, or other, than printable ASCII. */
function bytesOf(text: string): string {
  if (!/[^\x20-\x7e]|\\x[0-9a-f]{2}/i.test(text) || text.length > 64) return "";
  const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
  // Bytes that are no text on their own come as \\xNN from the kernel.
  const parts = text
    .split(/(\\x[0-9a-f]{2})/i)
    .flatMap((part) =>
      /^\\x[0-9a-f]{2}$/i.test(part)
        ? [part.slice(2).toLowerCase()]
        : Array.from(new TextEncoder().encode(part), hex),
    );
  return `\nbytes ${parts.join(" ")}`;
}
