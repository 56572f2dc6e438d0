// The envelope of every message between this page and its kernel. In: whatever arrived on the comm.
// Out: one of the few shapes that the protocol has, checked, or null for what is not ours.

import { type ErrorJson, PROTOCOL } from "../types";
import { type Chunk, readChunk } from "./chunks";
import { type FrameHeader, readHeaders } from "./frames";
import type { Progress } from "./session-client";

interface Carried {
  headers: FrameHeader[];
  chunk: Chunk | null;
}

export type Incoming =
  | { kind: "other-version"; v: unknown }
  | { kind: "ack"; id: string }
  | ({ kind: "answer"; id: string; result: unknown } & Carried)
  | { kind: "refusal"; id: string | null; error: ErrorJson }
  | ({ kind: "progress"; id: string; progress: Progress; partial: unknown } & Carried)
  | { kind: "piece"; id: string; chunk: Chunk }
  | { kind: "malformed"; id: string | null; reason: string };

/** Reads a message from the kernel; null where it belongs to somebody else on the same comm. */
export function readMessage(content: unknown): Incoming | null {
  if (typeof content !== "object" || content === null || !("v" in content)) return null;
  const message = content as Record<string, unknown>;
  if (message.v !== PROTOCOL) return { kind: "other-version", v: message.v };
  const id = typeof message.id === "string" ? message.id : null;
  if (message.ok === false) return { kind: "refusal", id, error: readError(message.error) };
  if (id === null) return { kind: "malformed", id, reason: "a message without id" };
  try {
    return readCarrier(id, message);
  } catch (error) {
    return { kind: "malformed", id, reason: error instanceof Error ? error.message : "unreadable" };
  }
}

function readCarrier(id: string, message: Record<string, unknown>): Incoming {
  if (message.ack === true) return { kind: "ack", id };
  const chunk = readChunk(message.chunk);
  if (message.ok === true) {
    const headers = readHeaders(message.frames);
    return { kind: "answer", id, result: message.result, headers, chunk };
  }
  if (typeof message.progress === "object" && message.progress !== null) {
    const progress = readProgress(message.progress as Record<string, unknown>);
    const headers = readHeaders(message.frames);
    return { kind: "progress", id, progress, partial: message.partial, headers, chunk };
  }
  if (chunk) return { kind: "piece", id, chunk };
  return { kind: "malformed", id, reason: "a message of no known kind" };
}

function readProgress({ done, total, label }: Record<string, unknown>): Progress {
  return {
    done: typeof done === "number" ? done : 0,
    total: typeof total === "number" ? total : 0,
    label: typeof label === "string" ? label : "",
  };
}

export function readError(value: unknown): ErrorJson {
  const { type, message, hint } = (value ?? {}) as Record<string, unknown>;
  return {
    type: typeof type === "string" ? type : "Error",
    message: typeof message === "string" ? message : "The kernel refused, without a reason.",
    hint: typeof hint === "string" ? hint : "",
  };
}

export function askMessage(id: string, op: string, args: object): object {
  return { v: PROTOCOL, id, op, args };
}

export function cancelMessage(id: string): object {
  return { v: PROTOCOL, op: "cancel", id };
}
