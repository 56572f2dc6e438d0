// What is said of one intervention beside its sentence: what it alone does to the metric, at which
// tokens it works, and what it changed in the last run.

import { change, nats, plain } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { InterventionJson, SessionState } from "../types";
import { ablatedBy } from "../types";
import type { Scene } from "./pane";

const MOST_POSITIONS = 3;

/** How it is called: by the name that a person gave it, else by its sentence. */
export const saidOf = ({ name, sentence }: InterventionJson): string =>
  name === undefined ? sentence : visible(name);

/** What ablating this component alone does to the metric, where the sweep has said so. */
export function effectOf(item: InterventionJson, { values, state }: Scene): string {
  const component = ablatedBy(item);
  if (!component || component.positions || !values.effects) return "";
  const columns = Math.max(0, ...(state?.model.heads ?? []));
  const column =
    component.type === "head" ? component.head : component.type === "mlp" ? columns : -1;
  const value = column < 0 ? Number.NaN : values.effect(component.layer, column);
  if (Number.isNaN(value)) return "";
  const { unit } = values.effects;
  return unit === "nats" ? `KL ${nats(value)}` : `Δ ${change(value, unit)}`;
}

/** The tokens that it is about, by their text. */
export function positionsOf({ component }: InterventionJson, { tokens }: SessionState): string {
  if (component === null) return "";
  const token = (at: number): string => `${short(tokens[at]?.text ?? "?", 10)} (${at})`;
  if (component.type === "edge") return `${token(component.query)} → ${token(component.key)}`;
  const positions = "positions" in component ? component.positions : undefined;
  if (!positions) return "all tokens";
  const more = positions.length - MOST_POSITIONS;
  return positions.slice(0, MOST_POSITIONS).map(token).join(", ") + (more > 0 ? ` +${more}` : "");
}

export interface Firing {
  readonly text: string;
  readonly title: string;
  /** Did it change nothing, or nothing that shows? */
  readonly idle: boolean;
}

/** What it changed in the run that the numbers are of; nothing where it was not part of it. */
export function firingOf(item: InterventionJson, { outcome }: SessionState): Firing {
  const fired = outcome?.edits.find(({ id }) => id === item.id);
  if (!fired || !item.enabled) {
    return { text: item.enabled ? "" : "off", title: "", idle: false };
  }
  const size = plain(fired.change ?? Number.NaN);
  if (fired.change === 0) {
    return { text: "did nothing", title: `Did nothing: ${fired.reason}`, idle: true };
  }
  if (fired.reason) {
    const title = `Changed the activation by ${size}, to no effect: ${fired.reason}`;
    return { text: "no effect", title, idle: true };
  }
  const title = `Euclidean norm of what it changed where it works: ${size}`;
  return { text: `changed ${size}`, title, idle: false };
}
