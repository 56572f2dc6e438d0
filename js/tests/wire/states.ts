// A small session as the kernel would describe it.

import type { ComponentJson, InterventionJson, SessionState } from "../../types";

export const HEAD: ComponentJson = { type: "head", layer: 1, head: 2 };
export const OTHER: ComponentJson = { type: "mlp", layer: 0 };

export function ablation(component: ComponentJson, index = 0): InterventionJson {
  const sentence = "Zero something";
  return {
    index,
    id: 100 + index,
    type: "ablate",
    mode: "zero",
    component,
    layers: null,
    strength: null,
    sentence,
    enabled: true,
  };
}

export function stateOf(change: Partial<SessionState> = {}): SessionState {
  return {
    session: "s-1",
    revision: 1,
    model: {
      name: "microcosm",
      n_layers: 2,
      heads: [4, 4],
      kv_heads: [4, 4],
      cross_heads: [0, 0],
      predicts: "next",
      mlp: [true, true],
      attention: [true, true],
      d_model: 32,
      dtype: "float32",
      device: "cpu",
      max_positions: 128,
      parameters: 1000,
      notes: [],
    },
    prompt: "The capital",
    tokens: [
      { id: 1, text: "The", special: false },
      { id: 2, text: " capital", special: false },
    ],
    encoder: null,
    other: null,
    reference: 0,
    interventions: [],
    directions: [],
    metric: null,
    groups: [],
    scores: 1,
    can_undo: false,
    can_redo: false,
    undo: "",
    redo: "",
    tried: [],
    trial: null,
    snapshots: [],
    phase: "ready",
    error: null,
    loaded: null,
    outcome: null,
    ...change,
  };
}

/** A page that is in front of a person until the test says otherwise. */
export class FakeVisibility {
  value = true;
  #callbacks = new Set<(visible: boolean) => void>();

  subscribe(callback: (visible: boolean) => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  become(visible: boolean): void {
    this.value = visible;
    for (const callback of this.#callbacks) callback(visible);
  }
}
