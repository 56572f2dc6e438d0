// The map of patches from B, fetched while somebody looks at it: it fills in as results arrive, can be
// stopped, and goes on where it stopped.

import type { SessionState } from "../types";
import { askPatchingMap, type Depth, type PatchingMap } from "../wire/lens";
import type { Progress, SessionClient } from "../wire/session-client";
import { baselineKey } from "./fetches";
import { Stoppable } from "./stoppable";

export interface MapNow {
  readonly map: PatchingMap | null;
  readonly progress: Progress | null;
  readonly refusal: string;
  /** Stopped by a person, with something left to do. */
  readonly stopped: boolean;
}

const KEPT = { of: ({ effects }: PatchingMap) => effects.values.length, budget: 400_000 };

export class PatchingMaps extends Stoppable<PatchingMap> {
  readonly #client: SessionClient;

  constructor(client: SessionClient, onChange: () => void, signal: AbortSignal) {
    super(client, onChange, signal, KEPT);
    this.#client = client;
  }

  /** The map as far as it is known; goes on with it unless it was stopped. */
  of(state: SessionState, depth: Depth): MapNow {
    const { value, ...rest } = this.now(keyOf(state, depth), (signal, partly) =>
      askPatchingMap(this.#client, depth, signal, partly),
    );
    return { map: value, ...rest };
  }
}

/** It is about the baselines of both prompts: edits do not change it. */
function keyOf(state: SessionState, { sublayers, every }: Depth): string {
  const other = state.other?.tokens.map(({ id }) => id).join();
  const spec = JSON.stringify(state.metric?.spec);
  return `${baselineKey(state)} B ${other} ${spec} ${sublayers} ${every}`;
}
