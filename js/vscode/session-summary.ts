// Kernels and the sessions that are open in them, as the server (rest-api.yaml) and a kernel itself
// (mechwidget.live) describe them. In: JSON of somebody else. Out: checked summaries.

import { type Json, listOf, numberOf, objectOf, textOf } from "./json";

export interface InterventionSummary {
  id: number;
  sentence: string;
  name: string;
  enabled: boolean;
}

export interface SessionSummary {
  id: string;
  revision: number;
  model: string;
  device: string;
  prompt: string;
  interventions: InterventionSummary[];
  /** More than are listed, if very many. */
  total: number;
  metric: null | { label: string; unit: string; before: number | null; after: number | null };
  error: string;
  undo: string;
  redo: string;
}

export interface KernelSessions {
  id: string;
  name: string;
  /** The notebook that it is for; empty where there is none. */
  path: string;
  /** "answered", "no_sessions", "busy", "no_answer", "unreachable", "other_version". */
  state: string;
  sessions: SessionSummary[];
}

export function readKernel(value: Json): KernelSessions {
  return {
    id: textOf(value.id),
    name: textOf(value.name),
    path: textOf(value.path),
    state: textOf(value.state),
    sessions: listOf(value.sessions).map(readSession),
  };
}

export function readSession(value: Json): SessionSummary {
  const model = objectOf(value.model);
  const metric = objectOf(value.metric);
  const interventions = listOf(value.interventions).map((each) => ({
    id: numberOf(each.id) ?? -1,
    sentence: textOf(each.sentence),
    name: textOf(each.name),
    enabled: each.enabled === true,
  }));
  return {
    id: textOf(value.id),
    revision: numberOf(value.revision) ?? 0,
    model: textOf(model.name),
    device: textOf(model.device),
    prompt: textOf(value.prompt),
    interventions,
    total: numberOf(value.interventions_total) ?? interventions.length,
    metric: value.metric
      ? {
          label: textOf(metric.label),
          unit: textOf(metric.unit),
          before: numberOf(metric.before),
          after: numberOf(metric.after),
        }
      : null,
    error: textOf(value.error),
    undo: textOf(value.undo),
    redo: textOf(value.redo),
  };
}
