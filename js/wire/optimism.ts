// What a session will look like if the kernel agrees: pure functions that paint pending actions over
// the last state. An action says what it *wants* ("ablated"), not what it does ("toggle"), so that
// painting it over a state that already has it changes nothing.

import {
  type ComponentJson,
  componentName,
  type InterventionJson,
  isAblationOf,
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

function paintOne(list: InterventionJson[], action: PendingAction): InterventionJson[] {
  if (action.op === "clear") return [];
  const { component, want } = action;
  if (component === null || want === null) return list;
  const listed = list.some((one) => isAblationOf(one, component));
  if (want === "restored") return list.filter((one) => !isAblationOf(one, component));
  if (want === "ablated" && !listed) return [...list, ablation(component)];
  const enabled = want !== "disabled";
  return list.map((one) => (isAblationOf(one, component) ? { ...one, enabled } : one));
}

function ablation(component: ComponentJson): InterventionJson {
  const sentence = `Zero ${componentName(component)}`;
  const what = { type: "ablate", mode: "zero", component, layers: null, sentence };
  return { index: 0, id: null, ...what, enabled: true };
}
