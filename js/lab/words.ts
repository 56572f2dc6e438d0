// What the panel says, in words: sizes, counts, and why a kernel says nothing. In: answers of the
// server. Out: sentences.

import { metric } from "../charts/format";
import type { KernelAnswer, ModelAnswer, SessionAnswer } from "./answers";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** 812 B, 1.2 GB: powers of 1000, as disks and Jupyter's own memory display count. */
export function bytes(n: number): string {
  let size = n;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 99.5 ? size.toFixed(0) : size.toFixed(1)} ${UNITS[unit]}`;
}

/** 124M parameters. */
export function parameters(n: number): string {
  const [size, letter] = n >= 1e9 ? [n / 1e9, "B"] : n >= 1e6 ? [n / 1e6, "M"] : [n / 1e3, "k"];
  return `${size >= 99.5 ? size.toFixed(0) : size.toFixed(1).replace(/\.0$/, "")}${letter}`;
}

/** Why there is nothing to see of a kernel; empty where it has answered. */
export function silence({ state }: KernelAnswer): string {
  switch (state) {
    case "busy":
      return "Busy: it will answer when its cell lets it.";
    case "no_answer":
      return "It does not answer. It may be out of memory, or stopped in a debugger.";
    case "unreachable":
      return "It runs behind a gateway and cannot be asked from here.";
    case "other_version":
      return "Its mechwidget is of another version than the server's. Upgrade both to the same.";
    default:
      return "";
  }
}

/** What a session's model is: 4 layers · 2.1M · float32 on cpu. */
export function modelFacts({ model }: SessionAnswer): string {
  const layers = model.n_layers === 1 ? "1 layer" : `${model.n_layers} layers`;
  return `${layers} · ${parameters(model.parameters)} · ${model.dtype} on ${model.device}`;
}

/** What is held in memory: by the kernel on the machine, and for the model on its device. */
export function memory(kernel: KernelAnswer, session: SessionAnswer): string {
  const { device_allocated: held, device_total: total } = session.memory;
  const process = kernel.process?.bytes;
  const parts = [];
  if (held !== null) {
    parts.push(
      `${bytes(held)}${total === null ? "" : ` of ${bytes(total)}`} on ${session.model.device}`,
    );
  }
  if (process) parts.push(`kernel ${bytes(process)}`);
  return parts.join(" · ");
}

/** The metric before and after, or that it is on its way. */
export function metricWords(session: SessionAnswer): string {
  const { metric: measured } = session;
  if (!measured) return "";
  const { before, after, unit } = measured;
  if (before === null || after === null) return "…";
  const [was, is] = [metric(before, unit), metric(after, unit)];
  return session.interventions.some(({ enabled }) => enabled) ? `${was} → ${is}` : is;
}

/** What an offline model is: GPT2 · 12 × 12 heads · 124M · float32 · 548 MB. */
export function offlineFacts(model: ModelAnswer): string {
  const heads = model.n_layers && model.n_heads ? `${model.n_layers} × ${model.n_heads} heads` : "";
  const size = model.parameters ? parameters(model.parameters) : "";
  return [model.type, heads, size, model.dtype, bytes(model.bytes)].filter(Boolean).join(" · ");
}

/** Where something is: the name of its file, and of its folder where names alone are alike. */
export function fileName(path: string | null): string {
  return path?.split("/").at(-1) || "a console or another client";
}

/** Today 14:05, else 3 Nov 2026. */
export function when(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return date.toDateString() === now.toDateString()
    ? date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}
