// The columns of a head map: the residual stream as a thin lane at the left, the heads, and at the
// right the wholes that they are parts of. In: a model. Out: which cells there are, what each stands
// for, and where its number is in a frame `[layer, head …, MLP, attention, layer]`.

import type { Cell, GridShape } from "../charts/grid-keys";
import type { ColumnKind, MapColumn } from "../charts/head-grid";
import type { ComponentJson, ModelJson } from "../types";

const WHOLES = ["mlp", "attention", "layer"] as const;

export interface MapColumns {
  readonly columns: readonly MapColumn[];
  readonly shape: GridShape;
  readonly heads: number;
  componentAt(cell: Cell): ComponentJson;
  /** The cell that a component is shown in; null where it has none. */
  cellOf(component: ComponentJson | null): Cell | null;
  /** The column of its number in a frame of scores; -1 where scores have no number for it. */
  numberColumn(component: ComponentJson): number;
}

export function columnsOf(model: ModelJson): MapColumns {
  const heads = Math.max(0, ...model.heads);
  const group = groupOf(model);
  const column = (kind: ColumnKind, head = 0): MapColumn => ({
    kind,
    head,
    group: kind === "head" ? Math.floor(head / group) : 0,
  });
  const columns: MapColumn[] = [column("residual")];
  for (let head = 0; head < heads; head++) columns.push(column("head", head));
  if (model.attention.some(Boolean)) columns.push(column("attention"));
  if (model.mlp.some(Boolean)) columns.push(column("mlp"));
  columns.push(column("layer"));

  const exists = (row: number, at: number): boolean => {
    const one = columns[at];
    if (!one || row < 0 || row >= model.n_layers) return false;
    if (one.kind === "head") return one.head < (model.heads[row] ?? 0);
    if (one.kind === "attention") return model.attention[row] ?? false;
    return one.kind === "mlp" ? (model.mlp[row] ?? false) : true;
  };
  const indexOf = (kind: ColumnKind, head = 0): number =>
    kind === "head" ? (head < heads ? head + 1 : -1) : columns.findIndex((c) => c.kind === kind);

  return {
    columns,
    heads,
    shape: { rows: model.n_layers, columns: columns.length, exists },
    componentAt({ row: layer, column: at }) {
      const { kind, head } = columns[at] ?? column("residual");
      return kind === "head" ? { type: "head", layer, head } : { type: kind, layer };
    },
    cellOf(component) {
      if (component === null) return null;
      const { type, layer } = component;
      if (type === "neuron" || type === "expert_neuron") {
        return cellIn(layer, indexOf("mlp"), exists);
      }
      return cellIn(layer, indexOf(type, type === "head" ? component.head : 0), exists);
    },
    numberColumn(component) {
      if (component.type === "head") return component.head;
      const at = WHOLES.indexOf(component.type as (typeof WHOLES)[number]);
      return at < 0 ? -1 : heads + at;
    },
  };
}

function cellIn(row: number, column: number, exists: GridShape["exists"]): Cell | null {
  return exists(row, column) ? { row, column } : null;
}

/** How many heads in a row share keys and values, where that is so in every layer with heads. */
export function groupOf({ heads, kv_heads }: ModelJson): number {
  const sizes = heads.flatMap((n, layer) => (n > 0 ? [n / Math.max(1, kv_heads[layer] ?? n)] : []));
  const [first = 1] = sizes;
  const even = Number.isInteger(first) && sizes.every((size) => size === first);
  return even && first > 1 ? first : Number.MAX_SAFE_INTEGER;
}

/** Which heads a head shares its keys and values with, in words; empty where it has its own. */
export function sharedWords({ heads, kv_heads }: ModelJson, layer: number, head: number): string {
  const [n, kv] = [heads[layer] ?? 0, kv_heads[layer] ?? 0];
  if (kv <= 0 || kv >= n || n % kv !== 0) return "";
  if (kv === 1) return "shares keys and values with all heads of the layer";
  const [size, first] = [n / kv, head - (head % (n / kv))];
  return `shares keys and values with heads ${first} to ${first + size - 1}`;
}
