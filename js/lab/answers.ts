// What the server extension answers, as its own description (rest-api.yaml) has it. Types only.

export interface InterventionAnswer {
  id: number;
  type: string;
  sentence: string;
  enabled: boolean;
  name: string | null;
}

export interface SweepAnswer {
  done: number;
  total: number;
}

export interface SessionAnswer {
  id: string;
  revision: number;
  model: {
    name: string;
    n_layers: number;
    parameters: number;
    bytes: number;
    dtype: string;
    device: string;
  };
  prompt: string | null;
  other_prompt: string | null;
  tokens: number;
  interventions: InterventionAnswer[];
  interventions_total: number;
  metric: { label: string; unit: string; before: number | null; after: number | null } | null;
  phase: "ready" | "running" | "error";
  error: string | null;
  undo: string | null;
  redo: string | null;
  memory: { device_allocated: number | null; device_total: number | null };
  /** Null where none is under way; not told by a kernel with an older mechwidget. */
  sweep?: SweepAnswer | null;
}

export type KernelState =
  | "answered"
  | "no_sessions"
  | "busy"
  | "no_answer"
  | "unreachable"
  | "other_version";

export interface KernelAnswer {
  id: string;
  name: string | null;
  path: string | null;
  execution_state: string;
  state: KernelState;
  sessions: SessionAnswer[];
  process?: { pid: number; python: string; bytes: number | null } | null;
}

export interface ModelAnswer {
  name: string;
  source: "embedded" | "cache";
  bytes: number;
  type: string | null;
  n_layers: number | null;
  n_heads: number | null;
  parameters: number | null;
  dtype: string | null;
  problem: string | null;
  code: string | null;
}

export interface RecipeAnswer {
  path: string;
  name: string;
  size: number;
  modified: string;
  writable: boolean;
}

export interface ChangeAnswer {
  path: string;
  before: unknown;
  after: unknown;
  sentence: string;
}

export interface DifferenceAnswer {
  same: boolean;
  complete: boolean;
  changes: ChangeAnswer[];
}
