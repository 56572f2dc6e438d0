// The order of the list while a person changes it: what the kernel says, with the moves that are on
// their way already made, so that a second press of a key goes on from where the first one led.

import type { InterventionJson } from "../types";
import type { SessionClient } from "../wire/session-client";

export class ListOrder {
  /** Ids, as they will be; null while nothing is under way. */
  #wished: number[] | null = null;
  #underway = 0;

  constructor(
    private readonly client: SessionClient,
    private readonly onChange: () => void,
  ) {}

  /** The list as it will be. */
  of(items: readonly InterventionJson[]): InterventionJson[] {
    // An answer comes before the state that it speaks of: pending is what no state has yet.
    const pending = this.client.pending.some(({ op }) => op === "move");
    if (this.#underway === 0 && !pending) this.#wished = null;
    const order = this.#wished;
    if (!order) return [...items];
    const place = ({ id }: InterventionJson): number => {
      const at = order.indexOf(id ?? -1);
      return at < 0 ? order.length : at;
    };
    return [...items].sort((one, other) => place(one) - place(other));
  }

  /** Puts a block (one entry, or the members of a group) so that it begins at place `to`. */
  move(
    items: readonly InterventionJson[],
    block: readonly number[],
    what: { id: number } | { group: number },
    to: number,
  ): boolean {
    const now = this.of(items).map(({ id }) => id ?? -1);
    const rest = now.filter((id) => !block.includes(id));
    const first = block[0] ?? -1;
    if (to < 0 || to > rest.length || to === now.indexOf(first)) return false;
    this.#wished = [...rest.slice(0, to), ...block, ...rest.slice(to)];
    this.#underway += 1;
    this.onChange();
    void this.client.act("move", { ...what, to }).finally(() => {
      this.#underway -= 1;
      this.onChange();
    });
    return true;
  }
}
