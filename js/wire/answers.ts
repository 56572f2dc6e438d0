// Reading an answer of the kernel that may be anything: each value as the kind that it has to be. What
// cannot be read is an error that a person sees.

import { RpcError } from "./rpc";

export function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export function number(value: unknown): number {
  if (typeof value !== "number") throw unreadable("a number is missing");
  return value;
}

export function numbers(value: unknown): number[] {
  const found = list(value).filter((one) => typeof one === "number");
  if (found.length !== list(value).length) throw unreadable("a list of numbers was expected");
  return found;
}

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function unreadable(why: string): RpcError {
  const message = `The kernel's answer could not be read: ${why}.`;
  return new RpcError({ type: "BadAnswer", message, hint: "" });
}
