// What the menu of an edge offers: cut or restore it, all that its query reads, all that read its key.

import type { MenuItem } from "../charts/popup-menu";
import { short } from "../charts/token-text";
import type { SessionState } from "../types";
import type { HeadAddress } from "../wire/session-client";
import type { Edge, Edges } from "./attention-edges";
import type { AttentionValues } from "./attention-values";

export function edgeItems(
  edges: Edges,
  state: SessionState,
  address: HeadAddress,
  { queries, keys, triangle, factor }: AttentionValues,
  edge: Edge,
): MenuItem[] {
  const query = short(queries.tokens[edge.query]?.text ?? "", 16);
  const key = short(keys.tokens[edge.key]?.text ?? "", 16);
  const why = factor > 1 ? "zoom in to single edges first" : "";
  const cut = edges.isCut(state, address, edge);
  return [
    {
      text: cut ? "Restore this edge" : "Knock out this edge",
      title: "The rest of the row makes up for it, as if the key had been masked",
      testid: "mw-edge-cut",
      why,
      run: () => edges.cut(state, address, edge),
    },
    {
      text: `Knock out the row of ${query} (${edge.query})`,
      title: "The query reads nothing: the head writes nothing there (again: restores it)",
      testid: "mw-edge-row",
      why,
      run: () => edges.cutRow(address, edge.query),
    },
    {
      text: `Knock out the column of ${key} (${edge.key})`,
      title: "No query of this head reads this key; each row makes up for it (again: restores it)",
      testid: "mw-edge-column",
      why,
      run: () => edges.cutColumn(address, edge.key, queries.tokens.length, triangle),
    },
  ];
}
