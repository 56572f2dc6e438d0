// What every pane of a view is: an element, and a way to draw one coherent scene into it. A scene
// is made once per animation frame, so that all panes always show the same moment.

import type { Theme } from "../host/host";
import type { PageState } from "../store/session-store";
import type { ComponentJson, SessionState } from "../types";
import type { NeuronPart } from "../wire/neuron";
import type { SessionClient } from "../wire/session-client";
import type { MapValues } from "./map-values";
import type { Marks } from "./marks";

export interface Scene {
  /** With pending actions painted in; null until the kernel has said something. */
  readonly state: SessionState | null;
  readonly client: SessionClient;
  readonly theme: Theme;
  readonly page: PageState;
  readonly marks: Marks;
  readonly values: MapValues;
  /** May anything be changed now? Not while the kernel is gone or speaks another version. */
  readonly enabled: boolean;
  /** The numbers on show belong to an older revision (or to none). */
  readonly stale: boolean;
  /** Newer ones are on their way. Not so when the run failed or was stopped. */
  readonly waiting: boolean;
  /** They have been for so long that a person wants to be told. */
  readonly slow: boolean;
  /** The head whose details are shown: the locked one, else the one last looked at. */
  readonly head: { layer: number; head: number } | null;
}

export interface Pane {
  readonly el: HTMLElement;
  draw(scene: Scene): void;
}

export function headOf(component: ComponentJson | null): { layer: number; head: number } | null {
  return component?.type === "head" ? { layer: component.layer, head: component.head } : null;
}

export const sameComponent = (one: ComponentJson | null, other: ComponentJson | null): boolean =>
  one?.type === other?.type &&
  one?.layer === other?.layer &&
  headOf(one)?.head === headOf(other)?.head &&
  sameNeuron(neuronOf(one), neuronOf(other));

/** The neuron, of an MLP or of an expert, that a component is. */
export const neuronOf = (component: ComponentJson | null): NeuronPart | null =>
  component?.type === "neuron" || component?.type === "expert_neuron" ? component : null;

export const sameNeuron = (one: NeuronPart | null, other: NeuronPart | null): boolean =>
  one?.layer === other?.layer && one?.index === other?.index && expertOf(one) === expertOf(other);

/** The expert that a neuron is of; null of an MLP's. */
export const expertOf = (neuron: NeuronPart | null): number | null =>
  neuron?.type === "expert_neuron" ? neuron.expert : null;
