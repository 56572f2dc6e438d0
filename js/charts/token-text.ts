// A token as something that can be seen: the leading space as a dot, line ends and tabs as arrows,
// control, zero-width and direction characters by name. Tokens come from models and prompts, so
// nothing here may be trusted to be short, printable or left-to-right.

const NAMED: Record<string, string> = { "\n": "⏎", "\r": "␍", "\t": "⇥" };

// Characters that take no room or turn the direction of what follows; \p{Cf} holds them all.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const OTHER_SPACE = /[\p{Zs}]/gu;

function name(character: string): string {
  const known = NAMED[character];
  if (known) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return `‹${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}

/** The text of a token with everything invisible made visible. */
export function visible(text: string): string {
  if (text === "") return "∅";
  return text
    .replace(/^ +| +$/g, (spaces) => "·".repeat(spaces.length))
    .replace(OTHER_SPACE, (space) => (space === " " ? space : name(space)))
    .replace(INVISIBLE, name)
    .replace(/^\p{M}/u, "◌$&");
}

/** The longest label that a narrow place takes, cut by characters and never inside one. */
export function short(text: string, limit = 14): string {
  const characters = Array.from(visible(text));
  return characters.length <= limit
    ? characters.join("")
    : `${characters.slice(0, limit - 1).join("")}…`;
}

/** Typed text back to a token: leading dots stand for the spaces that an input would hide. */
export const typed = (text: string): string =>
  text
    .replace(/^·+/, (dots) => " ".repeat(dots.length))
    .replaceAll("⏎", "\n")
    .replaceAll("⇥", "\t");
