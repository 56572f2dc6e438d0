// The menu of a cell of the head map: each tool on it, nothing but it, its layer, its column,
// everything else, lock, and its name for Python. In: a component. Out: items, each of which says why
// it cannot be done when it cannot.

import type { MenuItem, MenuScene } from "../charts/popup-menu";
import { copyText } from "../host/clipboard";
import type { ComponentJson, ToolName } from "../types";
import { describe, type MapLook, nameOf } from "./head-words";
import type { MapEdits } from "./map-edits";
import { TOOL_NAMES, TOOLS } from "./tools";

export interface MenuMeans {
  readonly edits: MapEdits;
  lock(component: ComponentJson): void;
  /** Says what has been done where nothing else shows it. */
  say(words: string): void;
}

/** How a component is written in Python. */
export function pythonName(component: ComponentJson): string {
  const { type, layer } = component;
  if (type === "head") return `mw.Head(${layer}, ${component.head})`;
  if (type === "neuron") return `mw.Neuron(${layer}, ${component.index})`;
  if (type === "expert_neuron") {
    return `mw.ExpertNeuron(${layer}, ${component.expert}, ${component.index})`;
  }
  const kinds = { mlp: "MLP", attention: "Attention", layer: "Layer", residual: "Residual" };
  return `mw.${kinds[type]}(${layer})`;
}

export function menuOf(component: ComponentJson, look: MapLook, means: MenuMeans): MenuScene {
  const { scene } = look;
  const name = nameOf(component);
  return {
    label: name,
    detail: describe(look, component).slice(name.length).replace(/^, /, ""),
    groups: [
      TOOL_NAMES.filter((tool) => tool !== "look").map((tool) => toolItem(tool, component, means)),
      manyItems(component, look, means),
      [
        {
          text: sameHead(scene.page.locked, component) ? "Unlock" : "Lock",
          note: "L",
          testid: "mw-menu-lock",
          why: component.type === "head" ? "" : "only heads can be locked",
          run: () => means.lock(component),
        },
        {
          text: `Copy ${pythonName(component)}`,
          testid: "mw-menu-copy",
          run: () => {
            void copyText(pythonName(component)).then((done) =>
              means.say(done ? `Copied ${pythonName(component)}` : "The clipboard is not allowed"),
            );
          },
        },
      ],
    ],
  };
}

function toolItem(tool: ToolName, component: ComponentJson, { edits, say }: MenuMeans): MenuItem {
  const { text, tone } = TOOLS[tool];
  const { edit, why } = edits.wish(component, tool);
  const listed = edits.find(component, tool);
  return {
    text,
    testid: `mw-menu-${tool}`,
    tone,
    checked: listed?.enabled ?? false,
    why: why.replace(`${text}: `, "").replace(`${text} `, "") || (edit ? "" : "not here"),
    run: () => say(edits.use(component, tool)),
  };
}

function manyItems(component: ComponentJson, look: MapLook, means: MenuMeans): MenuItem[] {
  const { edits, say } = means;
  const { text } = TOOLS[look.scene.page.tool];
  const model = look.scene.state?.model;
  const layers = Array.from({ length: model?.n_layers ?? 0 }, (_, layer) => layer);
  const of = (layer: number, head: number): ComponentJson => ({ type: "head", layer, head });
  const heads = layers.flatMap((layer) =>
    Array.from({ length: model?.heads[layer] ?? 0 }, (_, head) => of(layer, head)),
  );
  const isHead = component.type === "head";
  const row = heads.filter(({ layer }) => layer === component.layer);
  const column = isHead
    ? heads.filter((one) => one.type === "head" && one.head === component.head)
    : columnOf(component, look, layers);
  const rest = (isHead ? heads : column).filter((one) => !sameHead(one, component));
  const many = (
    testid: string,
    words: string,
    parts: readonly ComponentJson[],
    run: (parts: readonly ComponentJson[]) => string,
  ): MenuItem => ({
    text: words,
    note: text,
    testid,
    why: parts.length === 0 ? "there are none" : edits.many(parts).why,
    run: () => say(run(parts)),
  });
  const all = (parts: readonly ComponentJson[]): string => edits.all(parts);
  const kind = isHead ? `Head ${component.head} of every layer` : "The same of every layer";
  return [
    many("mw-menu-only", "Only this", [component], (parts) => edits.only(parts)),
    many("mw-menu-layer", `All ${row.length} heads of layer ${component.layer}`, row, all),
    many("mw-menu-column", `${kind} (${column.length})`, column, all),
    many("mw-menu-rest", `Everything but this (${rest.length})`, rest, all),
  ];
}

/** The same part of every layer that has it. */
function columnOf(
  component: ComponentJson,
  { columns }: MapLook,
  layers: number[],
): ComponentJson[] {
  return layers
    .map((layer): ComponentJson => ({ ...component, layer }))
    .filter((one) => columns.cellOf(one) !== null);
}

function sameHead(one: ComponentJson | null, other: ComponentJson): boolean {
  if (one === null || one.type !== other.type || one.layer !== other.layer) return false;
  return one.type !== "head" || (other.type === "head" && one.head === other.head);
}
