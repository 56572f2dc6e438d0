// The session as a script: what is asked of the kernel, and what comes back.

import { RpcError } from "./rpc";
import type { Listening, SessionClient } from "./session-client";

export const STYLES = ["mechwidget", "hooks", "transformer_lens"] as const;
export type Style = (typeof STYLES)[number];

/** Rejects with the reason where the style has no words for the experiment. */
export async function askScript(
  client: SessionClient,
  style: Style,
  options: Listening = {},
): Promise<string> {
  const { result } = await client.ask("code", { style }, options);
  const code = (result as { code?: unknown } | null)?.code;
  if (typeof code === "string") return code;
  const message = "The kernel's answer could not be read: a script is text.";
  throw new RpcError({ type: "BadAnswer", message, hint: "" });
}
