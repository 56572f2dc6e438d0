// What lies between two snapshots: what is asked of the kernel, and what comes back.

import type { TopTokenJson } from "../types";
import { RpcError } from "./rpc";
import type { Listening, SessionClient } from "./session-client";

/** `before` and `after` of a token are those of the first snapshot and of the second. */
export interface Comparison {
  kl: number;
  /** Of both, where they measure the same. */
  metric: [number, number] | null;
  only_one: string[];
  only_other: string[];
  top: TopTokenJson[];
}

export async function askComparison(
  client: SessionClient,
  one: string,
  other: string,
  options: Listening = {},
): Promise<Comparison> {
  const { result } = await client.ask("compare_snapshots", { one, other }, options);
  const found = result as Partial<Comparison> | null;
  const lists = [found?.only_one, found?.only_other, found?.top];
  if (typeof found?.kl === "number" && lists.every(Array.isArray)) return found as Comparison;
  const message = "The kernel's answer could not be read: a comparison has a KL and three lists.";
  throw new RpcError({ type: "BadAnswer", message, hint: "" });
}
