// What the cache view says in words: how large the cache is, what each kind of layer keeps, and one cell
// in a sentence.

import { count, plain, signed } from "../charts/format";
import { short } from "../charts/token-text";
import type { CacheContents, CachedLayer, CachePart, CacheRow } from "../wire/cache";

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** A number of bytes for people: 3.2 GB, in thousands. */
export function bytes(n: number): string {
  let [size, unit] = [n, 0];
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit]}`;
}

/** "layers 0–3, 5" */
export function layersText(layers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const layer of layers) {
    const last = runs.at(-1);
    if (last && last[1] === layer - 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  const said = runs.map(([a, b]) => (a === b ? `${a}` : `${a}–${b}`)).join(", ");
  return `${layers.length === 1 ? "layer" : "layers"} ${said}`;
}

/** How large it is, in the order in which a person asks. */
export function sizeOf(found: CacheContents, read: number): string {
  const grows =
    found.bytesPerToken > 0 ? `${bytes(found.bytesPerToken)} per further token` : "does not grow";
  const dtypes = [...new Set(found.layers.map(({ dtype }) => dtype).filter(Boolean))].join(", ");
  return `${bytes(found.bytes)} after ${count(read, "token")} · ${grows} · ${dtypes}`;
}

/** Every kind of layer there is, with the layers that are of it. */
export function kindsOf(found: CacheContents, read: number): string[] {
  const groups = new Map<string, number[]>();
  for (const layer of found.layers) {
    const said = keptBy(layer, read);
    groups.set(said, [...(groups.get(said) ?? []), layer.layer]);
  }
  return [...groups].map(([said, layers]) => `${layersText(layers)}: ${said}`);
}

function keptBy(one: CachedLayer, read: number): string {
  const parts = [vectorsOf(one), one.cross ? "" : heldBy(one, read), ...statesOf(one)];
  return [...parts.filter(Boolean), `${bytes(one.bytes)} each`].join(", ");
}

function vectorsOf({ kind, kvHeads, heads, widths, cross }: CachedLayer): string {
  const [key = 0, value = 0] = widths;
  if (kind === "nothing") return "nothing of their own";
  if (kind === "state") return "a state of fixed size instead of keys and values";
  const from = cross ? " of the encoder’s positions" : "";
  if (kind === "latent") {
    return `latent attention, one compressed vector per position (${key} + ${value} numbers) for ${count(heads, "head")}`;
  }
  const size = key === value ? `${key} numbers` : `keys of ${key}, values of ${value} numbers`;
  const group = heads / kvHeads;
  const shared = group > 1 && Number.isInteger(group) ? `, each read by ${group} query heads` : "";
  return `${count(kvHeads, "kv head")}${from} (${size})${shared}`;
}

function heldBy({ window, first, kind }: CachedLayer, read: number): string {
  if (kind !== "keys and values") return "";
  if (first === 0) return window === null ? "" : `window ${window}: all positions still held`;
  const kept = read - first;
  return `window ${window ?? kept + 1}: the last ${count(kept, "position")} held, ${first} dropped`;
}

const statesOf = ({ states }: CachedLayer): string[] =>
  states.map(({ name, shape }) => `${name} ${shape.join("×")}`);

export function rowName({ layer, cross, head }: CacheRow): string {
  const where = `${layer}${cross ? "×" : ""}`;
  return head === null ? where : `${where}.${head}`;
}

export interface CellNumbers {
  readonly before: number;
  readonly after: number | null;
  readonly change: number | null;
}

/** One cell in a sentence. */
export function sentenceOf(
  row: CacheRow,
  layer: CachedLayer | undefined,
  part: CachePart,
  token: { text: string; position: number },
  { before, after, change }: CellNumbers,
): string {
  const head = row.head === null ? "all kv heads" : `kv head ${row.head}${queriesOf(row, layer)}`;
  const place = `${short(token.text, 16)} (${token.position})`;
  const where = `Layer ${row.layer}${row.cross ? " (cross)" : ""}, ${head}, ${place}`;
  if (Number.isNaN(before)) {
    const dropped = layer !== undefined && token.position < layer.first;
    return `${where}: ${dropped ? `dropped, outside the window of ${layer.window}` : "no number"}`;
  }
  const name = part === "keys" ? "‖k‖" : "‖v‖";
  if (after === null || change === null) return `${where}: ${name} ${plain(before)}`;
  const moved =
    change === 0 ? "unchanged" : `${name} was ${plain(before)}, moved by ${plain(change)}`;
  return `${where}: ${name} ${plain(after)} (${signed(after - before)}), ${moved}`;
}

function queriesOf({ head }: CacheRow, layer: CachedLayer | undefined): string {
  const group = layer ? layer.heads / layer.kvHeads : 1;
  if (head === null || group <= 1 || !Number.isInteger(group)) return "";
  return ` (query heads ${head * group}–${(head + 1) * group - 1})`;
}

export const CONVENTION =
  "norm = Euclidean length of one cached vector, as stored: keys after their norm and rotary turn, " +
  "where the model has them; change = length of the difference, with the edits minus without";
