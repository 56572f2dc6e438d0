// The kernel's `state` trait, checked before a view builds on it: enough that no view meets a missing
// list or a number that is text. In: whatever the model holds. Out: a SessionState, or null.

import { clickable, type PartJson, type SessionState } from "../types";
import type { Selected } from "./session-client";

type Json = Record<string, unknown>;

export function readState(value: unknown): SessionState | null {
  if (!isObject(value)) return null;
  const { session, revision, model, prompt, tokens, encoder, interventions, metric, outcome } =
    value;
  const sound =
    typeof session === "string" &&
    session !== "" &&
    isNumber(revision) &&
    isModel(model) &&
    (prompt === null || typeof prompt === "string") &&
    isListOf(tokens, isToken) &&
    (encoder === null || isListOf(encoder, isToken)) &&
    (value.other === null || isOther(value.other)) &&
    isNumber(value.reference) &&
    isListOf(interventions, isIntervention) &&
    isListOf(value.groups, ({ id, name }) => isNumber(id) && typeof name === "string") &&
    isListOf(value.tried, ({ id, said }) => isNumber(id) && typeof said === "string") &&
    isListOf(value.snapshots, ({ name }) => typeof name === "string") &&
    isListOf(value.directions, isDirection) &&
    (metric === null || (isObject(metric) && typeof metric.label === "string")) &&
    (outcome === null || isOutcome(outcome));
  return sound ? (value as unknown as SessionState) : null;
}

/** Is `next` something to show after `current`? A message that was overtaken on its way is not. */
export function isNewer(next: SessionState, current: SessionState | null): boolean {
  return current === null || next.session !== current.session || next.revision >= current.revision;
}

/** What was selected last, and on which page; null where that cannot be read. */
export function readSelected(value: unknown): (Selected & { by: string }) | null {
  if (!isObject(value)) return null;
  const { component, position, by } = value;
  const sound =
    (component === null || isPart(component)) &&
    (position === null || isNumber(position)) &&
    typeof by === "string";
  return sound ? { component: clickable(component as PartJson | null), position, by } : null;
}

const isToken = ({ id, text }: Json): boolean => isNumber(id) && typeof text === "string";

function isModel(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { n_layers, heads, cross_heads, mlp, attention, notes } = value;
  const perLayer = [heads, cross_heads, mlp, attention];
  return (
    isNumber(n_layers) &&
    perLayer.every((list) => Array.isArray(list) && list.length === n_layers) &&
    Array.isArray(notes)
  );
}

function isOther(value: unknown): boolean {
  return isObject(value) && isListOf(value.tokens, isToken) && Array.isArray(value.pairs);
}

function isIntervention(value: Json): boolean {
  const { id, component, layers, enabled, sentence } = value;
  return (
    isNumber(id) &&
    (layers === null || layers === "all" || (Array.isArray(layers) && layers.every(isNumber))) &&
    (component === null || isPart(component)) &&
    (value.strength === null || isNumber(value.strength)) &&
    typeof enabled === "boolean" &&
    typeof sentence === "string"
  );
}

const isDirection = ({ name, norm, origin }: Json): boolean =>
  typeof name === "string" && isNumber(norm) && typeof origin === "string";

function isPart(component: unknown): boolean {
  return isObject(component) && typeof component.type === "string" && isNumber(component.layer);
}

function isOutcome(value: unknown): boolean {
  return (
    isObject(value) &&
    isNumber(value.revision) &&
    Array.isArray(value.entropy) &&
    isListOf(value.edits, ({ id, reason }) => isNumber(id) && typeof reason === "string") &&
    isListOf(value.top, (token) => isNumber(token.id) && typeof token.text === "string")
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isListOf(value: unknown, is: (item: Json) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && is(item));
}
