// Which neurons are listed, and in which order: all layers ranked, each layer's top, or one layer.
// In: a ranking. Out: rows; and the key under which numbers of this moment are kept.

import type { SessionState } from "../types";
import type { NeuronRanking, RankedNeuron } from "../wire/neurons";
import { baselineKey, editedKey } from "./fetches";

export type Layers = "ranked" | "each" | number;

const EACH = 4; // of each layer, where all layers stand one below the other

/** What the numbers depend on; empty while those of the newest edits are still to come. */
export function numbersKey(state: SessionState): string {
  if (!state.interventions.some((item) => item.enabled)) {
    return state.outcome ? baselineKey(state) : "";
  }
  return state.outcome?.revision === state.revision ? editedKey(state) : "";
}

/** The rows in the order in which they are shown. */
export function rowsOf(ranking: NeuronRanking, which: Layers, k: number): readonly RankedNeuron[] {
  const moved = ({ before, after }: RankedNeuron): boolean => before !== after;
  const top = (one: NeuronRanking["layers"][number]): readonly RankedNeuron[] =>
    ranking.order === "change" ? one.top.filter(moved) : one.top;
  if (which === "each") return ranking.layers.flatMap((one) => top(one).slice(0, EACH));
  const layers = ranking.layers.filter(({ layer }) => which === "ranked" || layer === which);
  const all = layers.flatMap(top);
  if (which !== "ranked") return all;
  return sorted(all, ranking).slice(0, k);
}

/** Across layers by what each layer is ranked by. The first k of all are among each one's first k. */
function sorted(rows: readonly RankedNeuron[], { order }: NeuronRanking): RankedNeuron[] {
  const size = ({ before, after, effectBefore }: RankedNeuron): number =>
    Math.abs(order === "effect" ? effectBefore : order === "change" ? after - before : before);
  return [...rows].sort((one, other) => size(other) - size(one));
}
