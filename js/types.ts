// The words that both sides of the wire use: what the kernel sends as `state`, and what a page may
// ask for. Types flow in from the protocol (mechwidget/wire, views/workbench.py) and out to every
// view; nothing here touches the DOM or the network.

export const PROTOCOL = 1;

/** A component is what a person clicks. `positions` limits it to some tokens. */
export type ComponentJson =
  | { type: "head"; layer: number; head: number; positions?: number[] }
  | { type: "mlp"; layer: number; positions?: number[] }
  | { type: "attention"; layer: number; positions?: number[] }
  | { type: "neuron"; layer: number; index: number; positions?: number[] }
  | { type: "expert_neuron"; layer: number; expert: number; index: number; positions?: number[] }
  | { type: "layer"; layer: number; positions?: number[] }
  | { type: "residual"; layer: number; positions?: number[]; end?: "pre" | "mid" | "post" };

/** Tokens as text or as vocabulary id. */
export type MetricJson =
  | { type: "logit_diff"; a: string | number; b: string | number; position?: number }
  | { type: "probability"; token: string | number; position?: number };

/** A metric of a kind that a plugin brings. */
export interface OtherMetricJson {
  readonly type: string;
  readonly position?: number;
  readonly [field: string]: string | number | undefined;
}

export type AnyMetricJson = MetricJson | OtherMetricJson;

/** The metric as one of answer and distractor; null where it is of another kind, or there is none. */
export function tokenMetric(spec: AnyMetricJson | null | undefined): MetricJson | null {
  const known = spec?.type === "logit_diff" || spec?.type === "probability";
  return known ? (spec as MetricJson) : null;
}

/** What a click does: only look, or one of the edits. */
export type ToolName = "look" | "zero" | "mean" | "resample" | "scale" | "patch" | "steer";

/**
 * An edit as a page asks for it, in the words of Python's `to_json`. References and prompt B are the
 * session's, which completes what is left out.
 */
export interface EditJson {
  /** "ablate", "scale", "patch", "steer", "set_value", "knock_out" … */
  readonly type: string;
  readonly mode?: string;
  readonly factor?: number;
  readonly component: PartJson;
  /** Of a patch: which position takes from which of B. */
  readonly align?: [number, number][];
  /** How it reads in the list until the kernel has said it in its own words. */
  readonly said?: string;
  /** What the vector of a steer will be called: it tells two steers of one place apart. */
  readonly along?: string;
  readonly [more: string]: unknown;
}

export interface TokenJson {
  id: number;
  text: string;
  special: boolean;
  /** In hexadecimal, of a token that is not whole UTF-8: half an emoji, say. */
  bytes?: string;
}

/** What stands along a side of a pattern. */
export type AxisTokenJson = Pick<TokenJson, "text" | "special">;

export interface ModelJson {
  name: string;
  n_layers: number;
  heads: number[];
  kv_heads: number[];
  /** Heads that attend to another stack, by layer. */
  cross_heads: number[];
  /** Which token the prediction at a position is about: that very one, or the one after it. */
  predicts: "here" | "next";
  mlp: boolean[];
  attention: boolean[];
  d_model: number;
  dtype: string;
  device: string;
  max_positions: number | null;
  parameters: number;
  notes: string[];
}

/** What an intervention can be about besides what a person clicks. */
export type PartJson =
  | (ComponentJson & { cross?: boolean })
  | { type: "edge"; layer: number; head: number; query: number; key: number; cross?: boolean }
  /** `layer` is that of the site that its dictionary reads. */
  | {
      type: "feature";
      layer: number;
      dictionary: string;
      index: number;
      positions?: number[];
      fingerprint?: string;
    };

/** Any intervention. What it holds beside this (vectors, prompts) stays in the kernel. */
export interface InterventionJson {
  /** Its place in the list. */
  index: number;
  /** Its own for as long as it is listed; null while the kernel has yet to agree to it. */
  id: number | null;
  /** "ablate", "scale", "steer", "patch" … */
  type: string;
  mode: string | null;
  /** Null where it is about several. */
  component: PartJson | null;
  /** Then, where it is about attention: the layers whose heads it reaches. */
  layers: number[] | "all" | null;
  /** Of a patch: which position takes from which of B; null or none where it does not say so. */
  align?: [number, number][] | null;
  /** The number that a slider moves, of kinds that have one. */
  strength: number | null;
  /** What the vector of a steer is called, and in what its strength is counted. */
  along?: string | null;
  unit?: "absolute" | "share" | null;
  sentence: string;
  enabled: boolean;
  /** What a person has named it. */
  name?: string;
  /** The group that it is in. */
  group?: number;
}

/** Interventions that are switched, removed and scaled as one; they stand together in the list. */
export interface GroupJson {
  id: number;
  name: string;
  /** The share of what its members do that is done. */
  strength: number;
  /** How many of its members follow that. */
  scaled: number;
}

/** What one intervention did: Euclidean norm of what it changed, and why nothing or to no effect. */
export interface FiredJson {
  id: number;
  change: number | null;
  reason: string;
}

/** A state that was tried: what was done to get there, and the metric (or KL) that it gave. */
export interface TrialJson {
  id: number;
  said: string;
  value: number | null;
}

/** A state that a person keeps under a name; numbers are null while they are not computed. */
export interface SnapshotJson {
  name: string;
  edits: number;
  said: string;
  /** Is it the state of now? */
  current: boolean;
  metric: number | null;
  unit: string;
  /** What the metric is, where that is not the metric of now. */
  label: string;
  kl: number | null;
  top: string | null;
}

/** A vector that is kept under a name; its numbers stay in the kernel. */
export interface DirectionJson {
  name: string;
  norm: number;
  /** How many numbers it has. */
  width: number;
  /** Where it is from, in words. */
  origin: string;
}

/** A reference set of prompts: another `id`, other prompts. */
export interface CorpusJson {
  id: string;
  name: string;
  prompts: number;
  /** What was given and left out: equal to an earlier one, or with nothing in it. */
  duplicates: number;
  blank: number;
}

/** Prompt B. `pairs` says which position of A stands over which of B, null where none does. */
export interface OtherPromptJson {
  prompt: string | null;
  tokens: TokenJson[];
  pairs: [number | null, number | null][];
}

export interface TopTokenJson {
  id: number;
  text: string;
  /** Probabilities. */
  before: number;
  after: number;
  logit_before: number;
  logit_after: number;
  rank_before: number;
  rank_after: number;
}

export interface OutcomeJson {
  revision: number;
  position: number;
  /** Of the model that the numbers are of: it moves when the weights do. Null: nobody can say. */
  model_version: number | null;
  /** Null of a saved result, which does not say. */
  ms: number | null;
  kl: number;
  /** Of the distribution before and after, in nats. */
  entropy: [number, number];
  fired: number;
  edits: FiredJson[];
  metric: null | { before: number; after: number };
  top: TopTokenJson[];
}

/** What was wrong and what to do, as the kernel (or the wire itself) puts it. */
export interface ErrorJson {
  type: string;
  message: string;
  hint: string;
}

/** One coherent picture of the session. An `outcome` of an older revision is shown dimmed. */
export interface SessionState {
  session: string;
  revision: number;
  model: ModelJson;
  prompt: string | null;
  tokens: TokenJson[];
  /** What the encoder reads, of a model with two stacks; `tokens` are then the decoder's. */
  encoder: TokenJson[] | null;
  other: OtherPromptJson | null;
  /** How many reference prompts there are to take means and samples of. */
  reference: number;
  interventions: InterventionJson[];
  directions: DirectionJson[];
  /** The reference set that neurons are looked at over; its prompts stay in the kernel. */
  corpus?: CorpusJson | null;
  metric: null | { label: string; unit: string; position: number; spec: AnyMetricJson };
  groups: GroupJson[];
  /** Another number whenever other scores can colour the head map. */
  scores: number;
  can_undo: boolean;
  can_redo: boolean;
  /** What undo would take back and redo bring back, in words. */
  undo: string;
  redo: string;
  /** The states tried on this question, the newest last, and which of them this one is. */
  tried: TrialJson[];
  trial: number | null;
  snapshots: SnapshotJson[];
  phase: "running" | "ready" | "error";
  error: ErrorJson | null;
  /** The recipe that the session is from, in a sentence, and in how much it is another one here. */
  loaded: null | { sentence: string; differences: number };
  outcome: OutcomeJson | null;
}

/** The part as something that a person clicks, or null: a click is never about cross attention. */
export function clickable(part: PartJson | null): ComponentJson | null {
  if (part === null || ("cross" in part && part.cross)) return null;
  return part.type === "edge" || part.type === "feature" ? null : part;
}

/** The component that a click has ablated, and another click restores; null for all other kinds. */
export function ablatedBy({ type, mode, component }: InterventionJson): ComponentJson | null {
  return type === "ablate" && mode === "zero" ? clickable(component) : null;
}

/** Is this the ablation that a click on the component makes? */
export function isAblationOf(item: InterventionJson, component: ComponentJson): boolean {
  const ablated = ablatedBy(item);
  return ablated !== null && componentKey(ablated) === componentKey(component);
}

/** Is this what the edit makes, as strong as it may be by now? */
export function isEdit(item: InterventionJson, edit: EditJson): boolean {
  const { type, mode, component } = edit;
  if (item.type !== type || (item.mode ?? null) !== (mode ?? null)) return false;
  if ((item.along ?? null) !== (edit.along ?? null)) return false;
  // Two patches that take from other positions are two edits.
  const { align } = edit;
  if (align !== undefined && JSON.stringify(item.align) !== JSON.stringify(align)) return false;
  const part = item.component;
  return part !== null && componentKey(part) === componentKey(component);
}

/** The component with no word about positions: the cell that it is shown in. */
export function everywhere<P extends PartJson>(component: P): P {
  const { positions: _, ...rest } = component as P & { positions?: number[] };
  return rest as P;
}

/** One name per component, the same for equal components: the key of maps and sets. */
export function componentKey(component: PartJson): string {
  const { type, layer } = component;
  if (type === "edge") {
    const where = component.cross ? "cross edge" : "edge";
    return `${where} ${layer}.${component.head} ${component.query} ${component.key}`;
  }
  const at = component.positions ? ` @${component.positions.join(",")}` : "";
  const cross = "cross" in component && component.cross ? " cross" : "";
  if (type === "head") return `head ${layer}.${component.head}${cross}${at}`;
  if (type === "neuron") return `neuron ${layer}.${component.index}${at}`;
  if (type === "expert_neuron") {
    return `expert_neuron ${layer}.${component.expert}.${component.index}${at}`;
  }
  if (type === "feature") return `feature ${component.index} ${component.dictionary}${at}`;
  if (type === "residual") return `residual ${component.end ?? "pre"} ${layer}${at}`;
  return `${type} ${layer}${cross}${at}`;
}

const STREAM = { pre: "before", mid: "inside", post: "after" };

/** A component as people read it, in the words of Python's `str(component)`. */
export function componentName(component: PartJson): string {
  const { type, layer } = component;
  if (type === "edge") {
    return `head ${layer}.${component.head} from ${component.query} to ${component.key}`;
  }
  const at = component.positions ? ` at ${component.positions.join(", ")}` : "";
  if (type === "head") return `head ${layer}.${component.head}${at}`;
  if (type === "neuron") return `neuron ${layer}.${component.index}${at}`;
  if (type === "expert_neuron") {
    return `neuron ${component.index} of expert ${layer}.${component.expert}${at}`;
  }
  if (type === "feature") return `feature ${component.index} of “${component.dictionary}”${at}`;
  if (type === "residual") return `residual ${STREAM[component.end ?? "pre"]} layer ${layer}${at}`;
  return `${type === "mlp" ? "MLP" : type} ${layer}${at}`;
}
