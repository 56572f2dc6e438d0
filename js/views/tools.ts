// The tools that a person can arm: what each is called, does, needs, and by which key it is taken.
// In: the page's state and a component. Out: the edit that a click asks for.

import type { PageState } from "../store/session-store";
import type { ComponentJson, EditJson, PartJson, SessionState, ToolName } from "../types";
import type { Tone } from "./marks";
import { directionOf, steerEdit } from "./steering";

export interface Tool {
  readonly text: string;
  /** Arms it. */
  readonly key: string;
  readonly tone: Tone | null;
  /** What a click does with it, as a verb in the third person. */
  readonly verb: string;
  readonly title: string;
  /** Why it cannot be armed now; empty when it can. */
  lacks(state: SessionState | null, page?: PageState): string;
}

const nothing = (): string => "";
const reference = (state: SessionState | null): string =>
  state && state.reference > 0 ? "" : 'needs reference prompts: session.reference = ["…", …]';
const other = (state: SessionState | null): string =>
  state?.other ? "" : "needs a prompt B: “+ B” beside the prompt";

export const TOOLS: Record<ToolName, Tool> = {
  look: {
    text: "Look",
    key: "v",
    tone: null,
    verb: "locks",
    title: "A click changes nothing: it locks the head that is looked at",
    lacks: nothing,
  },
  zero: {
    text: "Zero",
    key: "z",
    tone: "ablate",
    verb: "ablates",
    title: "Ablate: the output becomes zero",
    lacks: nothing,
  },
  mean: {
    text: "Mean",
    key: "m",
    tone: "ablate",
    verb: "mean-ablates",
    title: "Ablate: the output becomes its mean over the reference prompts",
    lacks: reference,
  },
  resample: {
    text: "Resample",
    key: "r",
    tone: "ablate",
    verb: "resamples",
    title: "Ablate: the output becomes what it is on one of the reference prompts",
    lacks: reference,
  },
  scale: {
    text: "Scale",
    key: "s",
    tone: "steer",
    verb: "scales",
    title: "Multiply the output by a factor",
    lacks: nothing,
  },
  patch: {
    text: "Patch from B",
    key: "p",
    tone: "patch",
    verb: "patches",
    title: "The output becomes what it is on prompt B, position by position",
    lacks: other,
  },
  steer: {
    text: "Steer",
    key: "t",
    tone: "steer",
    verb: "steers",
    title: "Move the residual stream after a layer along a direction",
    lacks: (state, page) => (state && page ? directionOf(page, state).lacks : ""),
  },
};

export const TOOL_NAMES = Object.keys(TOOLS) as ToolName[];

/**
 * The positions that an edit of a layer is about; none = all. What is selected are tokens of the
 * stack that predicts: where another stack reads before it, that one has positions of its own.
 */
export function positionsAt(
  { positions }: PageState,
  state: SessionState | null,
  layer: number,
): readonly number[] {
  const reads = state?.encoder !== null && !state?.model.cross_heads[layer];
  return state && reads ? [] : positions;
}

/** The edit that a click on a component asks for; null when it only looks. */
export function editOf(
  page: PageState,
  state: SessionState | null,
  component: ComponentJson | PartJson,
): EditJson | null {
  const { tool, factor } = page;
  const positions = positionsAt(page, state, component.layer);
  if (tool === "steer") return state ? steerEdit(page, state, component, positions) : null;
  const at = positions.length > 0 ? { ...component, positions: [...positions] } : component;
  if (tool === "look") return null;
  if (tool === "scale") return { type: "scale", factor, component: at };
  if (tool === "patch") return { type: "patch", component: at };
  return { type: "ablate", mode: tool, component: at };
}
