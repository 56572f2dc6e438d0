// Attention edges as something to click: which of them are cut, what a click does to one now, and doing
// it. In: the session's interventions, the armed tool, a head and an edge. Out: marks, words, edits.

import type { SessionStore } from "../store/session-store";
import type { EditJson, InterventionJson, PartJson, SessionState } from "../types";
import { cutEdges } from "../wire/patterns";
import type { HeadAddress, SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import type { By } from "./attention-words";
import { TOOLS } from "./tools";

export interface Edge {
  readonly query: number;
  readonly key: number;
}

/** What is cut of one head; each is switched on or off. */
export interface CutOff {
  readonly edges: readonly (Edge & { readonly on: boolean })[];
  /** Queries at which the head writes nothing. */
  readonly rows: readonly { readonly query: number; readonly on: boolean }[];
}

export function cutOff(
  interventions: readonly InterventionJson[],
  { layer, head, cross = false }: HeadAddress,
  queries: number,
  keys: number,
): CutOff {
  const edges: CutOff["edges"][number][] = [];
  const rows: CutOff["rows"][number][] = [];
  const from = (position: number, count: number): number =>
    position < 0 ? count + position : position;
  for (const { type, mode, component, enabled: on } of interventions) {
    if (component?.layer !== layer || !("head" in component) || component.head !== head) continue;
    if (isCross(component) !== cross) continue;
    if (type === "knock_out" && component.type === "edge") {
      edges.push({ query: from(component.query, queries), key: from(component.key, keys), on });
    }
    if (type !== "ablate" || mode !== "zero" || component.type !== "head") continue;
    for (const query of component.positions ?? []) rows.push({ query: from(query, queries), on });
  }
  return { edges, rows };
}

/** Is it about attention to another stack? */
const isCross = (part: PartJson): boolean => "cross" in part && part.cross === true;

/** What a part says of the stack that it attends to: nothing where that is its own. */
const stackOf = ({ cross = false }: HeadAddress): { cross?: true } => (cross ? { cross } : {});

export class Edges {
  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    private readonly actions: Actions,
  ) {}

  /** Does a click cut, with the tool that is armed? */
  get cuts(): boolean {
    return TOOLS[this.store.value.tool].tone === "ablate";
  }

  /** What a click on an edge does, for the line that says so; empty where it only locks. */
  does(state: SessionState, address: HeadAddress, edge: Edge, factor: number, by: By): string {
    if (factor > 1) return "click zooms in to single edges";
    if (!this.cuts) return "click locks the head · arm Zero to knock out edges";
    const listed = this.#listed(state, address, edge);
    if (listed && !listed.enabled) return "click switches the cut on again";
    const line = by === "query" ? "row" : "column";
    return `click ${listed ? "restores" : "knocks out"} the edge · Shift-click its ${line}`;
  }

  cut(state: SessionState, address: HeadAddress, edge: Edge): void {
    const { layer, head } = address;
    const { query, key } = edge;
    const own = { type: "edge", layer, head, query, key, ...stackOf(address) } as const;
    // Listed from Python its positions may be counted from the end.
    const component = this.#listed(state, address, edge)?.component ?? own;
    const said = `Knock out head ${layer}.${head} from ${query} to ${key}`;
    const edit: EditJson = { type: "knock_out", component, said };
    this.actions.perform(edit);
  }

  /** Of all that a query reads nothing is left: the head writes nothing there. */
  cutRow(address: HeadAddress, query: number): void {
    const { layer, head } = address;
    const component: PartJson = {
      type: "head",
      layer,
      head,
      positions: [query],
      ...stackOf(address),
    };
    this.actions.perform({ type: "ablate", mode: "zero", component });
  }

  /** No query reads this key any more. */
  cutColumn(address: HeadAddress, key: number, queries: number, triangle: boolean): void {
    const first = triangle ? key : 0;
    const edges = Array.from({ length: queries - first }, (_, i) => [first + i, key] as const);
    void cutEdges(this.client, address, edges);
  }

  isCut(state: SessionState, address: HeadAddress, edge: Edge): boolean {
    return this.#listed(state, address, edge) !== undefined;
  }

  #listed(
    state: SessionState,
    { layer, head, cross = false }: HeadAddress,
    { query, key }: Edge,
  ): InterventionJson | undefined {
    const queries = state.tokens.length;
    const keys = cross ? (state.encoder?.length ?? queries) : queries;
    const same = (position: number, n: number, wanted: number): boolean =>
      position === wanted || position + n === wanted;
    return state.interventions.find(
      ({ type, component }) =>
        type === "knock_out" &&
        component?.type === "edge" &&
        component.layer === layer &&
        component.head === head &&
        isCross(component) === cross &&
        same(component.query, queries, query) &&
        same(component.key, keys, key),
    );
  }
}
