// What a view may ask of the kernel, in the words of the field. An interface, so that a view can be
// drawn and tested on a fake; the real one is `connectSession` in live-session-client.ts.

import type {
  AnyMetricJson,
  AxisTokenJson,
  ComponentJson,
  EditJson,
  ErrorJson,
  SessionState,
} from "../types";
import type { Frame } from "./frames";
import type { Answer } from "./rpc";

export type Status = "connecting" | "live" | "gone" | "mismatch";

export interface Progress {
  done: number;
  total: number;
  label: string;
}

/** What is looked at: a component, a token, both or neither. */
export interface Selected {
  readonly component: ComponentJson | null;
  readonly position: number | null;
}

/** Asked for and not yet confirmed. `want` is what it will look like if the kernel agrees. */
export interface PendingAction {
  readonly op: string;
  /** The component it is about, where there is one. */
  readonly component: ComponentJson | null;
  readonly want: "ablated" | "restored" | "enabled" | "disabled" | null;
  /** The edit that it makes or takes away, where that is not the ablation of `component`. */
  readonly edit?: EditJson;
  /** The listed intervention that it is about, and the strength that this gets. */
  readonly id?: number;
  readonly strength?: number;
  /** Several edits that it makes, and the listed interventions that it takes away. */
  readonly edits?: readonly EditJson[];
  readonly gone?: readonly number[];
}

export interface Listening {
  signal?: AbortSignal | undefined;
}

export interface Asking extends Listening {
  /** Gets all that is known so far, each time. */
  onPartial?: ((partial: Answer<unknown>, progress: Progress) => void) | undefined;
}

/** One head; `cross` where it is one that attends to another stack. */
export interface HeadAddress {
  layer: number;
  head: number;
  cross?: boolean;
}

export interface Pattern {
  layer: number;
  head: number;
  revision: number;
  /** [query, key]: the lower triangle where no query looks ahead, else all of it. */
  pattern: Frame;
  /** What stands along each side; null where that is the prompt. */
  queries: readonly AxisTokenJson[] | null;
  keys: readonly AxisTokenJson[] | null;
}

export interface Effects {
  unit: string;
  label: string;
  /** [layer, heads then MLP, attention, layer]; NaN = not computed yet, or no such component. */
  values: Frame;
}

export interface SessionClient {
  /** What the kernel last said; null before the first state. */
  readonly state: SessionState | null;
  /** `state` with the pending actions painted in: what a view draws, in the frame of the click. */
  readonly shown: SessionState | null;
  readonly pending: readonly PendingAction[];
  isPending(component: ComponentJson): boolean;

  readonly status: Status;
  /** A sentence for a person when `status` is "gone" or "mismatch", otherwise empty. */
  readonly statusText: string;
  /** The last refusal, until it is dismissed or a later action succeeds. */
  readonly lastError: (ErrorJson & { op: string }) | null;
  dismissError(): void;
  /** Ask the kernel for a sign of life now (the "try again" button). */
  retry(): void;

  /** A new `state` came from the kernel. Returns the unsubscribe function. */
  onState(callback: (state: SessionState) => void, options?: Listening): () => void;
  /** Anything above changed: state, pending, status, lastError. Called once per change. */
  onChange(callback: () => void, options?: Listening): () => void;

  // Changes. Each paints at once, and resolves to whether the kernel agreed; a refusal or a failure
  // never rejects: it reverts and is put in `lastError`.
  toggle(component: ComponentJson): Promise<boolean>;
  /** Does an edit, or takes it away where it is listed. */
  apply(edit: EditJson): Promise<boolean>;
  /** Does several edits and takes others off the list, as one step to undo. */
  applyMany(edits: readonly EditJson[], gone?: readonly number[]): Promise<boolean>;
  /** Moves a strength; while one is asked for, only the newest wish waits. */
  setStrength(id: number, strength: number, drag: number): Promise<boolean>;
  setEnabled(id: number, enabled: boolean): Promise<boolean>;
  remove(id: number): Promise<boolean>;
  clear(): Promise<boolean>;
  undo(): Promise<boolean>;
  redo(): Promise<boolean>;
  setPrompt(prompt: string): Promise<boolean>;
  /** Null takes prompt B away. */
  setOtherPrompt(prompt: string | null): Promise<boolean>;
  setMetric(metric: AnyMetricJson | null): Promise<boolean>;
  /** Tells Python what is selected on the page; never shown as pending. */
  select(component: ComponentJson | null, position: number | null): void;
  /** Calls back with what was selected elsewhere (in Python, on another page), now and later. */
  onSelected(callback: (selected: Selected) => void, signal: AbortSignal): void;

  /** Any other change: painted nowhere but as under way, and a refusal is told like those above. */
  act(op: string, args?: object): Promise<boolean>;

  /**
   * Any other question. Views wrap it in the words of the field (`js/wire/lens.ts`, …), and check
   * there what comes back.
   */
  ask(op: string, args?: object, options?: Asking): Promise<Answer<unknown>>;

  // Arrays. These reject: RpcError (refused), AbortError (the signal).
  pattern(head: HeadAddress, edited: boolean, options?: Listening): Promise<Pattern>;
  /** `onPartial` gets the whole map each time, NaN where it is not known yet. */
  effects(
    options?: Listening & { onPartial?: (partial: Effects, progress: Progress) => void },
  ): Promise<Effects>;
}
