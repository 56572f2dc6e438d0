// The map of patches from B, fetched while somebody looks at it: it fills in as results arrive, can be
// stopped, and goes on where it stopped.

import type { SessionState } from "../types";
import { askPatchingMap, type Depth, type PatchingMap } from "../wire/lens";
import type { Progress, SessionClient } from "../wire/session-client";
import { baselineKey, Fetches } from "./fetches";

export interface MapNow {
  readonly map: PatchingMap | null;
  readonly progress: Progress | null;
  readonly refusal: string;
  /** Stopped by a person, with something left to do. */
  readonly stopped: boolean;
}

const KEPT = { of: ({ effects }: PatchingMap) => effects.values.length, budget: 400_000 };

export class PatchingMaps {
  readonly #fetches: Fetches<PatchingMap>;
  #stopped = "";
  #partial: { key: string; map: PatchingMap } | null = null;
  #key = "";

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
    signal: AbortSignal,
  ) {
    this.#fetches = new Fetches(client, onChange, signal, KEPT);
  }

  /** The map as far as it is known; goes on with it unless it was stopped. */
  now(state: SessionState, depth: Depth): MapNow {
    const key = keyOf(state, depth);
    this.#key = key;
    const whole =
      key === this.#stopped
        ? this.#fetches.kept(key)
        : this.#fetches.get(key, (signal, partly) =>
            askPatchingMap(this.client, depth, signal, (map, progress) => {
              this.#partial = { key, map };
              partly(map, progress);
            }),
          );
    const partial = this.#fetches.partial(key);
    const known = this.#partial?.key === key ? this.#partial.map : null;
    return {
      map: whole ?? partial?.value ?? known,
      progress: whole ? null : (partial?.progress ?? null),
      refusal: this.#fetches.refusal(key),
      stopped: !whole && key === this.#stopped,
    };
  }

  /** Nobody looks at it any more: what is on its way is withdrawn. */
  rest(): void {
    if (this.#key) this.#fetches.cancel();
    this.#key = "";
  }

  stop(): void {
    this.#stopped = this.#key;
    this.#fetches.cancel();
    this.onChange();
  }

  goOn(): void {
    this.#stopped = "";
    this.onChange();
  }
}

/** It is about the baselines of both prompts: edits do not change it. */
function keyOf(state: SessionState, { sublayers, every }: Depth): string {
  const other = state.other?.tokens.map(({ id }) => id).join();
  const spec = JSON.stringify(state.metric?.spec);
  return `${baselineKey(state)} B ${other} ${spec} ${sublayers} ${every}`;
}
