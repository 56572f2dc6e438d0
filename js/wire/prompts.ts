// The prompts around the prompt, as a page asks for them: those asked before, and the reference.

import { type Answer, RpcError } from "./rpc";
import type { SessionClient } from "./session-client";

export interface Reference {
  readonly prompts: readonly string[];
  /** How many there are besides that are no text: token ids, or what two stacks read. */
  readonly others: number;
}

/** The newest first. */
export async function recentPrompts(client: SessionClient): Promise<readonly string[]> {
  return textsOf(await client.ask("recent_prompts"));
}

export async function referencePrompts(client: SessionClient): Promise<Reference> {
  const answer = await client.ask("reference");
  const { others } = answer.result as { others?: unknown };
  return { prompts: textsOf(answer), others: typeof others === "number" ? others : 0 };
}

export const setReference = (client: SessionClient, prompts: readonly string[]): Promise<boolean> =>
  client.act("set_reference", { prompts });

function textsOf({ result }: Answer<unknown>): string[] {
  const { prompts } = (result ?? {}) as { prompts?: unknown };
  if (Array.isArray(prompts) && prompts.every((text) => typeof text === "string")) return prompts;
  const message = "The kernel's answer could not be read: a list of prompts is missing.";
  throw new RpcError({ type: "BadAnswer", message, hint: "" });
}
