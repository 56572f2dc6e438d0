// What the extension and the page of its editor say to each other.

/** From the extension to the page. */
export type ToPage =
  | { kind: "recipe"; text: string; name: string }
  | { kind: "connecting"; said: string }
  | { kind: "live"; state: unknown }
  | { kind: "state"; state: unknown }
  | { kind: "custom"; content: unknown; buffers: Uint8Array[] }
  | { kind: "gone"; message: string; hint: string };

/** From the page to the extension; `custom` is for the kernel. */
export type FromPage =
  | { kind: "ready" }
  | { kind: "custom"; content: unknown; buffers: Uint8Array[] }
  | { kind: "command"; name: "connect" | "disconnect" | "keep" | "openNotebook" | "showText" };

/** A message of the page, checked; null where it is none. */
export function readFromPage(value: unknown): FromPage | null {
  const { kind, name } = (value ?? {}) as { kind?: unknown; name?: unknown };
  if (kind === "ready") return { kind };
  if (kind === "command") {
    const known = ["connect", "disconnect", "keep", "openNotebook", "showText"];
    return known.includes(String(name)) ? (value as FromPage) : null;
  }
  if (kind !== "custom") return null;
  const { content, buffers } = value as { content?: unknown; buffers?: unknown };
  const bytes = Array.isArray(buffers) ? buffers.filter((each) => each instanceof Uint8Array) : [];
  return { kind, content, buffers: bytes };
}
