// Answers of the server as tests want them.

import type { KernelAnswer, SessionAnswer } from "../../lab/answers";

export const aSession = (given: Partial<SessionAnswer> = {}): SessionAnswer => ({
  id: "s1",
  revision: 1,
  model: {
    name: "tiny",
    n_layers: 2,
    parameters: 810_000,
    bytes: 3_240_000,
    dtype: "float32",
    device: "cpu",
  },
  prompt: "the cat",
  other_prompt: null,
  tokens: 2,
  interventions: [],
  interventions_total: 0,
  metric: null,
  phase: "ready",
  error: null,
  undo: null,
  redo: null,
  memory: { device_allocated: null, device_total: null },
  sweep: null,
  ...given,
});

export const anIntervention = (id: number, enabled = true) => ({
  id,
  type: "ablate",
  sentence: `Zero head 0.${id}`,
  enabled,
  name: null,
});

export const aKernel = (given: Partial<KernelAnswer> = {}): KernelAnswer => ({
  id: "k1",
  name: "python3",
  path: "deep/tour.ipynb",
  execution_state: "idle",
  state: "answered",
  sessions: [aSession()],
  process: { pid: 1, python: "3.11", bytes: 1_200_000_000 },
  ...given,
});
