// From the text of a recipe to a saved result: what the views draw where there is no kernel. In:
// text that anybody may have written. Out: a state as a kernel would send it, with the effects of
// the heads, or a sentence that says why there is none.

import type { InterventionJson, PartJson, SessionState, TokenJson, TopTokenJson } from "../types";
import { type Json, listOf, numberOf, objectOf, textOf } from "./json";

/** Larger ones would hold the page up; the workbench of a kernel takes them. */
const MOST_BYTES = 20_000_000;
const MOST_LAYERS = 1_000;
const NO_NUMBERS = {
  type: "NoNumbers",
  message: "The numbers were not known when this was saved.",
  hint: "Run it in a kernel to compute them.",
};

/** What zero-ablating each head alone does: [layer][head], null where it is not known. */
export interface SavedEffects {
  label: string;
  unit: string;
  values: (number | null)[][];
}

export interface Saved {
  view: string;
  state: SessionState;
  effects: SavedEffects | null;
}

/** Why a recipe cannot be shown. */
export class RecipeProblem extends Error {
  override name = "RecipeProblem";
  readonly hint: string;

  constructor(message: string, hint = "Open it as JSON to see what is wrong.") {
    super(message);
    this.hint = hint;
  }
}

/** Throws RecipeProblem where the text is no recipe that can be shown. */
export function readRecipe(text: string): Saved {
  if (text.length > MOST_BYTES) throw new RecipeProblem("This recipe is larger than 20 MB.");
  if (text.trim() === "") throw new RecipeProblem("This file is empty.", "Save a session into it.");
  let document: Json;
  try {
    document = objectOf(JSON.parse(text));
  } catch (error) {
    throw new RecipeProblem(`This is not JSON: ${(error as Error).message}.`);
  }
  if (document.format !== "mechwidget-recipe") {
    throw new RecipeProblem("This is JSON, but no recipe: “format” is not “mechwidget-recipe”.");
  }
  if (document.version !== 2) {
    const version = JSON.stringify(document.version) ?? "none";
    throw new RecipeProblem(
      `This is a recipe of version ${version.slice(0, 20)}; this page shows version 2.`,
      "An older one is rewritten by: mechwidget recipe migrate FILE.",
    );
  }
  return { view: "workbench", state: stateOf(document), effects: effectsOf(document) };
}

function stateOf(document: Json): SessionState {
  const prompts = objectOf(document.prompts);
  const [a, b] = [objectOf(prompts.a), objectOf(prompts.b)];
  const result = objectOf(document.result);
  const groups = listOf(document.groups).map((group, at) => ({ name: textOf(group.name), at }));
  const interventions = listOf(document.interventions).map((each, at) =>
    interventionOf(each, at, groups),
  );
  const enabled = interventions.filter((each) => each.enabled).length;
  const outcome = outcomeOf(result, enabled);
  return {
    session: `recipe ${crypto.getRandomValues(new Uint32Array(2)).join("")}`,
    revision: 1,
    model: modelOf(objectOf(document.model), result),
    prompt: textOf(a.text) || null,
    tokens: tokensOf(a.decoder ? objectOf(a.decoder) : a),
    encoder: a.encoder ? tokensOf(objectOf(a.encoder)) : null,
    other: prompts.b ? { prompt: textOf(b.text) || null, tokens: tokensOf(b), pairs: [] } : null,
    reference: Array.isArray(prompts.reference) ? prompts.reference.length : 0,
    interventions,
    directions: listOf(document.directions).map((each) => ({
      name: textOf(each.name),
      norm: numberOf(each.norm) ?? 0,
      width: 0,
      origin: textOf(each.origin),
    })),
    metric: metricOf(objectOf(document.metric), result),
    groups: listOf(document.groups).map((each, at) => ({
      id: at,
      name: textOf(each.name),
      strength: numberOf(each.strength) ?? 1,
      scaled: 0,
    })),
    scores: 0,
    can_undo: false,
    can_redo: false,
    undo: "",
    redo: "",
    tried: [],
    trial: null,
    snapshots: listOf(document.snapshots).map(snapshotOf),
    phase: outcome === null ? "error" : "ready",
    error: outcome === null ? NO_NUMBERS : null,
    loaded: { sentence: savedSentence(document), differences: 0 },
    outcome,
  };
}

function savedSentence(document: Json): string {
  const { by, at } = objectOf(document.written);
  const day = textOf(at).slice(0, 10);
  const written = [textOf(by) && `by ${textOf(by)}`, day && `on ${day}`].filter(Boolean).join(" ");
  return `The result as it was saved${written ? ` ${written}` : ""}; no kernel is behind it.`;
}

function modelOf(model: Json, result: Json): SessionState["model"] {
  const heads = Array.isArray(model.heads) ? model.heads.map((n) => numberOf(n) ?? 0) : [];
  const n_layers = numberOf(model.n_layers) ?? heads.length;
  if (heads.length === 0 || heads.length !== n_layers || n_layers > MOST_LAYERS) {
    throw new RecipeProblem(
      "The recipe does not say how many layers and heads its model has.",
      "Run it in a kernel: that finds out.",
    );
  }
  return {
    name: textOf(model.name) || "a model without a name",
    n_layers,
    heads,
    kv_heads: heads,
    cross_heads: heads.map(() => 0),
    predicts: result.predicts === "here" ? "here" : "next",
    mlp: heads.map(() => true),
    attention: heads.map((count) => count > 0),
    d_model: numberOf(model.d_model) ?? 0,
    dtype: textOf(model.dtype),
    device: "no kernel",
    max_positions: null,
    parameters: numberOf(model.parameters) ?? 0,
    notes: [],
  };
}

function tokensOf(prompt: Json): TokenJson[] {
  const ids = Array.isArray(prompt.ids) ? prompt.ids : [];
  const texts = Array.isArray(prompt.tokens) ? prompt.tokens : null;
  const shown = texts ?? (textOf(prompt.text) ? [prompt.text] : ids.map((id) => `#${id}`));
  return shown.map((text, at) => ({
    id: numberOf(ids[at]) ?? -1,
    text: textOf(text),
    special: false,
  }));
}

/** What each kind of part has to say beside its layer. */
const NEEDED = new Map<unknown, readonly string[]>([
  ["head", ["head"]],
  ["mlp", []],
  ["attention", []],
  ["layer", []],
  ["residual", []],
  ["neuron", ["index"]],
  ["edge", ["head", "query", "key"]],
  ["expert_neuron", ["expert", "index"]],
]);

function partOf(value: unknown): PartJson | null {
  const part = objectOf(value);
  const needed = NEEDED.get(part.type);
  const sound = needed?.every((name) => Number.isSafeInteger(part[name]));
  return sound && Number.isSafeInteger(part.layer) ? (part as unknown as PartJson) : null;
}

function interventionOf(
  entry: Json,
  index: number,
  groups: readonly { name: string; at: number }[],
): InterventionJson {
  const does = objectOf(entry.does);
  const group = groups.find(({ name }) => name !== "" && name === entry.group);
  return {
    index,
    id: index,
    type: textOf(does.type),
    mode: textOf(does.mode) || null,
    component: partOf(does.component),
    layers: null,
    strength: numberOf(does.factor) ?? numberOf(does.strength),
    sentence: textOf(entry.sentence) || textOf(does.type) || textOf(entry.left_out),
    enabled: entry.enabled !== false,
    ...(textOf(entry.name) ? { name: textOf(entry.name) } : {}),
    ...(group ? { group: group.at } : {}),
  };
}

function metricOf(metric: Json, result: Json): SessionState["metric"] {
  const measured = objectOf(result.metric);
  if (textOf(metric.type) === "") return null;
  const words = [metric.a, metric.b, metric.token].filter((word) => word !== undefined).join(" − ");
  return {
    label: textOf(measured.label) || `${textOf(metric.type).replaceAll("_", " ")} ${words}`,
    unit: textOf(measured.unit),
    position: numberOf(metric.position) ?? -1,
    spec: metric as unknown as NonNullable<SessionState["metric"]>["spec"],
  };
}

function snapshotOf(snapshot: Json): SessionState["snapshots"][number] {
  const figures = objectOf(snapshot.figures);
  const metric = objectOf(figures.metric);
  const said = listOf(snapshot.interventions).map(({ sentence }) => textOf(sentence));
  return {
    name: textOf(snapshot.name),
    edits: said.length,
    said: said.join("; "),
    current: false,
    metric: numberOf(metric.after),
    unit: textOf(metric.unit),
    label: textOf(metric.label),
    kl: numberOf(figures.kl),
    top: textOf(objectOf(figures.likeliest).text) || null,
  };
}

function outcomeOf(result: Json, enabled: number): SessionState["outcome"] {
  const kl = numberOf(result.kl);
  const metric = pairOf(result.metric);
  if (kl === null && metric === null && !Array.isArray(result.top)) return null;
  const entropy = pairOf(result.entropy) ?? { before: 0, after: 0 };
  return {
    revision: 1,
    position: numberOf(result.position) ?? 0,
    model_version: null,
    ms: null,
    kl: kl ?? 0,
    entropy: [entropy.before, entropy.after],
    fired: enabled,
    edits: [],
    metric,
    top: listOf(result.top).map(topOf),
  };
}

function pairOf(value: unknown): { before: number; after: number } | null {
  const { before, after } = objectOf(value);
  const pair = [numberOf(before), numberOf(after)] as const;
  return pair[0] === null || pair[1] === null ? null : { before: pair[0], after: pair[1] };
}

function topOf(token: Json, at: number): TopTokenJson {
  return {
    id: numberOf(token.id) ?? -1 - at,
    text: textOf(token.text),
    before: numberOf(token.before) ?? 0,
    after: numberOf(token.after) ?? 0,
    logit_before: numberOf(token.logit_before) ?? Number.NEGATIVE_INFINITY,
    logit_after: numberOf(token.logit_after) ?? Number.NEGATIVE_INFINITY,
    rank_before: numberOf(token.rank_before) ?? at + 1,
    rank_after: numberOf(token.rank_after) ?? at + 1,
  };
}

function effectsOf(document: Json): SavedEffects | null {
  return readEffects(objectOf(document.result).effects);
}

/** Effects as recipes and saved results have them; null where there are none. */
export function readEffects(value: unknown): SavedEffects | null {
  const { label, unit, values } = objectOf(value);
  if (!Array.isArray(values) || values.length === 0) return null;
  const rows = values.map((row: unknown) => (Array.isArray(row) ? row.map(numberOf) : []));
  return { label: textOf(label), unit: textOf(unit), values: rows };
}
