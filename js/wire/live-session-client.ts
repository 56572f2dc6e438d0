// The real SessionClient: the widget model's `state` trait and an Rpc on the same comm. In: a model
// of any host. Out: state, pending actions, status and errors, as one thing that a view can watch.

import type { AnyModel } from "@anywidget/types";
import { watchTrait } from "../host/model-events";
import {
  type AnyMetricJson,
  type ComponentJson,
  clickable,
  componentKey,
  type EditJson,
  type ErrorJson,
  everywhere,
  isAblationOf,
  isEdit,
  PROTOCOL,
  type SessionState,
} from "../types";
import { Listeners } from "./listeners";
import type { Visibility } from "./liveness";
import { paint } from "./optimism";
import { pageName } from "./page-name";
import { readEffects, readPattern } from "./readings";
import { type Answer, Rpc, RpcError } from "./rpc";
import type {
  Asking,
  Effects,
  HeadAddress,
  Listening,
  Pattern,
  PendingAction,
  Progress,
  Selected,
  SessionClient,
  Status,
} from "./session-client";
import { isNewer, readSelected, readState } from "./state";

interface Underway extends PendingAction {
  /** The revision that the kernel's answer named: settled once the state has it. */
  revision: number | null;
}

/** After an answer, how long to keep painting what the state should have said by then. */
const SETTLE_MS = 3_000;

export interface ConnectOptions {
  signal: AbortSignal;
  visible: Visibility;
  version: string;
}

/** Connects to the session behind a widget model, until `signal`. */
export function connectSession(model: AnyModel, options: ConnectOptions): SessionClient {
  return new LiveSessionClient(model, options);
}

class LiveSessionClient implements SessionClient {
  #state: SessionState | null = null;
  #shown: SessionState | null = null;
  #pending: Underway[] = [];
  /** A strength is on its way, and this is what a person has wished for since. */
  #moving = false;
  #moved: { id: number; strength: number; drag: number } | null = null;
  #lastError: (ErrorJson & { op: string }) | null = null;
  readonly #rpc: Rpc;
  readonly #signal: AbortSignal;
  readonly #stateListeners = new Listeners<[SessionState]>();
  readonly #changeListeners = new Listeners<[]>();

  readonly #model: AnyModel;

  constructor(model: AnyModel, { signal, visible, version }: ConnectOptions) {
    this.#model = model;
    this.#signal = signal;
    this.#rpc = new Rpc(model, { signal, visible, version });
    this.#rpc.liveness.onChange(() => this.#changeListeners.emit(), { signal });
    this.#takeState(model.get("state"));
    watchTrait(model, "state", (value) => this.#stateCame(value), signal);
    const protocol: unknown = model.get("_protocol");
    if (typeof protocol === "number" && protocol !== PROTOCOL) this.#rpc.mismatched(protocol);
    signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  get state(): SessionState | null {
    return this.#state;
  }

  get shown(): SessionState | null {
    return this.#shown;
  }

  get pending(): readonly PendingAction[] {
    return this.#pending;
  }

  get status(): Status {
    return this.#rpc.liveness.status;
  }

  get statusText(): string {
    return this.#rpc.liveness.text;
  }

  get lastError(): (ErrorJson & { op: string }) | null {
    return this.#lastError;
  }

  isPending(component: ComponentJson): boolean {
    const key = componentKey(everywhere(component));
    return this.#pending.some(({ component: about, edits = [] }) =>
      [about, ...edits.map((edit) => edit.component)].some(
        (one) => one !== null && componentKey(everywhere(one)) === key,
      ),
    );
  }

  dismissError(): void {
    if (this.#lastError === null) return;
    this.#lastError = null;
    this.#changeListeners.emit();
  }

  retry(): void {
    this.#rpc.liveness.askNow();
  }

  onState(callback: (state: SessionState) => void, options?: Listening): () => void {
    return this.#stateListeners.add(callback, options);
  }

  onChange(callback: () => void, options?: Listening): () => void {
    return this.#changeListeners.add(callback, options);
  }

  toggle(component: ComponentJson): Promise<boolean> {
    const listed = this.#shown?.interventions.some((one) => isAblationOf(one, component));
    return this.#act("toggle", { component }, component, listed ? "restored" : "ablated");
  }

  apply(edit: EditJson): Promise<boolean> {
    const listed = this.#shown?.interventions.some((one) => isEdit(one, edit));
    const want = listed ? "restored" : "ablated";
    const { said: _, along: _named, ...intervention } = edit;
    return this.#act("apply", { intervention }, clickable(edit.component), want, { edit });
  }

  applyMany(edits: readonly EditJson[], gone: readonly number[] = []): Promise<boolean> {
    const interventions = edits.map(({ said: _, along: _named, ...intervention }) => intervention);
    const args = { interventions, remove: gone };
    return this.#act("apply_many", args, null, null, { edits, gone });
  }

  setEnabled(id: number, enabled: boolean): Promise<boolean> {
    const want = enabled ? "enabled" : "disabled";
    return this.#act("set_enabled", { id, enabled }, this.#componentOf(id), want, { id });
  }

  remove(id: number): Promise<boolean> {
    return this.#act("remove", { id }, this.#componentOf(id), "restored", { id });
  }

  async setStrength(id: number, strength: number, drag: number): Promise<boolean> {
    if (this.#moving) {
      this.#moved = { id, strength, drag };
      return true;
    }
    this.#moving = true;
    const about = { id, strength };
    const agreed = await this.#act("replace", { ...about, drag }, null, null, about);
    this.#moving = false;
    const next = this.#moved;
    this.#moved = null;
    return next ? this.setStrength(next.id, next.strength, next.drag) : agreed;
  }

  setOtherPrompt(prompt: string | null): Promise<boolean> {
    return this.#act("set_other_prompt", { prompt });
  }

  clear(): Promise<boolean> {
    return this.#act("clear");
  }

  undo(): Promise<boolean> {
    return this.#act("undo");
  }

  redo(): Promise<boolean> {
    return this.#act("redo");
  }

  setPrompt(prompt: string): Promise<boolean> {
    return this.#act("set_prompt", { prompt });
  }

  setMetric(metric: AnyMetricJson | null): Promise<boolean> {
    // The arguments are the metric itself; no arguments mean no metric.
    return this.#act("set_metric", metric ?? {});
  }

  select(component: ComponentJson | null, position: number | null): void {
    // The page knows what is selected; Python is only told. A kernel that cannot listen is no news.
    this.#rpc.request("select", { component, position, by: pageName() }).catch(() => {});
  }

  onSelected(callback: (selected: Selected) => void, signal: AbortSignal): void {
    const tell = (value: unknown): void => {
      const selected = readSelected(value);
      if (selected && selected.by !== pageName()) callback(selected);
    };
    tell(this.#model.get("_selected"));
    watchTrait(this.#model, "_selected", tell, signal);
  }

  act(op: string, args: object = {}): Promise<boolean> {
    return this.#act(op, args);
  }

  ask(op: string, args: object = {}, { signal, onPartial }: Asking = {}): Promise<Answer<unknown>> {
    return this.#rpc.request(op, args, {
      signal,
      onProgress: (progress, partial, frames) => onPartial?.({ result: partial, frames }, progress),
    });
  }

  async pattern(
    { layer, head, cross = false }: HeadAddress,
    edited: boolean,
    options: Listening = {},
  ): Promise<Pattern> {
    const args = { layer, head, edited, cross };
    return readPattern(await this.#rpc.request("pattern", args, options));
  }

  async effects(
    options: Listening & { onPartial?: (partial: Effects, progress: Progress) => void } = {},
  ): Promise<Effects> {
    const { signal, onPartial } = options;
    const partly: Asking["onPartial"] = (partial, progress) => {
      if (partial.frames.length > 0) onPartial?.(readEffects(partial), progress);
    };
    return readEffects(await this.ask("score", { name: "effect" }, { signal, onPartial: partly }));
  }

  #componentOf(id: number): ComponentJson | null {
    const item = this.#shown?.interventions.find((one) => one.id === id);
    return item ? clickable(item.component) : null;
  }

  async #act(
    op: string,
    args: object = {},
    component: ComponentJson | null = null,
    want: PendingAction["want"] = null,
    about: Pick<PendingAction, "edit" | "id" | "strength" | "edits" | "gone"> = {},
  ): Promise<boolean> {
    const action: Underway = { op, component, want, ...about, revision: null };
    this.#pending = [...this.#pending, action];
    this.#repaint();
    try {
      const { result } = await this.#rpc.request<{ revision?: unknown } | null>(op, args);
      this.#lastError = null;
      this.#answered(action, result?.revision);
      return true;
    } catch (error) {
      // A view that has gone needs no telling, and what `statusText` says is not said twice.
      const told =
        this.#signal.aborted || (error instanceof RpcError && error.type === "KernelGone");
      if (!told) this.#lastError = { op, ...describe(error) };
      this.#drop(action);
      return false;
    }
  }

  #answered(action: Underway, revision: unknown): void {
    if (typeof revision !== "number" || revision <= (this.#state?.revision ?? -1)) {
      this.#drop(action);
      return;
    }
    action.revision = revision;
    // The answer may have overtaken the state; should the state never come, do not paint for ever.
    setTimeout(() => this.#drop(action), SETTLE_MS);
    this.#changeListeners.emit();
  }

  #drop(action: Underway): void {
    if (!this.#pending.includes(action)) return;
    this.#pending = this.#pending.filter((one) => one !== action);
    this.#repaint();
  }

  #stateCame(value: unknown): void {
    if (!this.#takeState(value) || this.#state === null) return;
    this.#rpc.heard();
    this.#stateListeners.emit(this.#state);
    this.#changeListeners.emit();
  }

  #takeState(value: unknown): boolean {
    const state = readState(value);
    if (state === null || !isNewer(state, this.#state)) return false;
    this.#state = state;
    this.#pending = this.#pending.filter(
      ({ revision }) => revision === null || revision > state.revision,
    );
    this.#shown = paint(state, this.#pending);
    return true;
  }

  #repaint(): void {
    this.#shown = this.#state && paint(this.#state, this.#pending);
    this.#changeListeners.emit();
  }

  #close(): void {
    this.#stateListeners.clear();
    this.#changeListeners.clear();
  }
}

function describe(error: unknown): ErrorJson {
  if (error instanceof RpcError) {
    return { type: error.type, message: error.message, hint: error.hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { type: "Error", message, hint: "" };
}
