// What a session will look like if the kernel agrees: pure functions that paint pending actions over
// the last state. An action says what it *wants* ("ablated"), not what it does ("toggle"), so that
// painting it over a state that already has it changes nothing.

import {
  componentName,
  type EditJson,
  type InterventionJson,
  isEdit,
  type SessionState,
} from "../types";
import type { PendingAction } from "./session-client";

/** The state with every pending action painted in, oldest first, so that the newest wins. */
export function paint(state: SessionState, pending: readonly PendingAction[]): SessionState {
  if (pending.length === 0) return state;
  const painted = pending.reduce(paintOne, state.interventions);
  if (painted === state.interventions) return state;
  return { ...state, interventions: painted.map((one, index) => ({ ...one, index })) };
}

/** Is the action about this intervention? */
export function isAbout(action: PendingAction, one: InterventionJson): boolean {
  if (action.id !== undefined) return one.id === action.id;
  const edit = editOf(action);
  return edit !== null && isEdit(one, edit);
}

function paintOne(list: InterventionJson[], action: PendingAction): InterventionJson[] {
  if (action.op === "clear") return [];
  const { strength, want } = action;
  const edit = editOf(action);
  const is = (one: InterventionJson): boolean => isAbout(action, one);
  if (strength !== undefined) return list.map((one) => (is(one) ? { ...one, strength } : one));
  if (want === null) return list;
  if (want === "restored") return list.some(is) ? list.filter((one) => !is(one)) : list;
  if (want === "ablated" && edit && !list.some(is)) return [...list, made(edit)];
  const enabled = want !== "disabled";
  return list.some(is) ? list.map((one) => (is(one) ? { ...one, enabled } : one)) : list;
}

function editOf({ edit, component }: PendingAction): EditJson | null {
  return edit ?? (component && { type: "ablate", mode: "zero", component });
}

function made(edit: EditJson): InterventionJson {
  const { type, mode = null, factor, component, along = null, align = null } = edit;
  const strength = factor ?? (typeof edit.coefficient === "number" ? edit.coefficient : null);
  const common = { align, index: 0, id: null, layers: null, strength, along, enabled: true };
  return { ...common, type, mode, component, sentence: sentenceOf(edit) };
}

/** The words of Python's `sentence`, as far as the page knows them. */
function sentenceOf({ type, mode, factor, component, said }: EditJson): string {
  const name = componentName(component);
  if (said) return said;
  if (type === "patch") return `Patch ${name} from B`;
  if (type === "scale") return `Scale ${name} by ${factor}`;
  if (mode === "mean") return `Mean-ablate ${name}`;
  if (mode === "resample") return `Resample ${name}`;
  return mode === "zero" ? `Zero ${name}` : `Edit ${name}`;
}
