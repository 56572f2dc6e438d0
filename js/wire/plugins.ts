// What plugins bring to a page: views with scripts of their own, answers to what these ask, and kinds
// of metrics. What comes back is checked here.

import { fields, unreadable } from "./answers";
import { isPacked, type ScriptAndStyle, unpacked } from "./gzip";
import type { Answer } from "./rpc";
import type { Asking, SessionClient } from "./session-client";

export interface PluginViewEntry {
  readonly name: string;
  readonly title: string;
}

export interface PluginScript extends ScriptAndStyle {
  readonly title: string;
  /** The same for the same script and style. */
  readonly digest: string;
}

export interface MetricParameter {
  readonly name: string;
  readonly title: string;
  readonly kind: "token" | "number";
  readonly default: number | null;
}

/** A kind of metric, and what it has to be told. */
export interface MetricKind {
  readonly type: string;
  readonly title: string;
  readonly parameters: readonly MetricParameter[];
}

export async function askPluginViews(
  client: SessionClient,
  options: Asking = {},
): Promise<PluginViewEntry[]> {
  const { result } = await client.ask("plugin_views", {}, options);
  return listOf(result, "views").map((entry) => {
    const { name, title } = fields(entry);
    return { name: text(name), title: text(title) };
  });
}

export async function askPluginScript(
  client: SessionClient,
  name: string,
  options: Asking = {},
): Promise<PluginScript> {
  const { result } = await client.ask("plugin_view", { name }, options);
  const { title, digest } = fields(result);
  if (!isPacked(result)) throw unreadable("a script was expected");
  return { title: text(title), digest: text(digest), ...(await unpacked(result)) };
}

export function askPlugin(
  client: SessionClient,
  view: string,
  op: string,
  args: object,
  options: Asking = {},
): Promise<Answer<unknown>> {
  return client.ask("ask_plugin", { view, op, args }, options);
}

export async function askMetricKinds(
  client: SessionClient,
  options: Asking = {},
): Promise<MetricKind[]> {
  const { result } = await client.ask("metric_menu", {}, options);
  return listOf(result, "metrics").map((entry) => {
    const { type, title, parameters } = fields(entry);
    if (!Array.isArray(parameters)) throw unreadable("a list of parameters was expected");
    return { type: text(type), title: text(title), parameters: parameters.map(parameter) };
  });
}

function parameter(entry: unknown): MetricParameter {
  const { name, title, kind, default: given } = fields(entry);
  return {
    name: text(name),
    title: text(title),
    kind: kind === "number" ? "number" : "token",
    default: typeof given === "number" ? given : null,
  };
}

function listOf(result: unknown, name: string): unknown[] {
  const list = fields(result)[name];
  if (!Array.isArray(list)) throw unreadable(`a list of ${name} was expected`);
  return list;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw unreadable("text was expected");
  return value;
}
