// What the menu of an edge offers: cut or restore it, all that its query reads, all that read its key.

import { short } from "../charts/token-text";
import type { SessionState } from "../types";
import type { HeadAddress } from "../wire/session-client";
import type { Edge, Edges } from "./attention-edges";
import type { AttentionValues } from "./attention-values";
import type { Item } from "./edge-menu";

export function edgeItems(
  edges: Edges,
  state: SessionState,
  address: HeadAddress,
  { queries, keys, triangle, factor }: AttentionValues,
  edge: Edge,
): Item[] {
  const query = short(queries.tokens[edge.query]?.text ?? "", 16);
  const key = short(keys.tokens[edge.key]?.text ?? "", 16);
  const crossing = address.cross ? "edges to another stack cannot be cut one by one" : "";
  const lacks = crossing || (factor > 1 ? "zoom in to single edges first" : "");
  const cut = edges.isCut(state, address, edge);
  return [
    {
      text: cut ? "Restore this edge" : "Knock out this edge",
      title: "The rest of the row makes up for it, as if the key had been masked",
      lacks,
      choose: () => edges.cut(state, address, edge),
    },
    {
      text: `Knock out the row of ${query} (${edge.query})`,
      title: "The query reads nothing: the head writes nothing there (again: restores it)",
      lacks,
      choose: () => edges.cutRow(address, edge.query),
    },
    {
      text: `Knock out the column of ${key} (${edge.key})`,
      title: "No query of this head reads this key; each row makes up for it (again: restores it)",
      lacks,
      choose: () => edges.cutColumn(address, edge.key, queries.tokens.length, triangle),
    },
  ];
}
