// A session without a kernel for view tests: the test plays the kernel by hand. What the page shows
// at once (pending actions painted over the state) is the client's own optimism, so it is real here.

import type { Host, Theme, View } from "../../host/host";
import { acquireStore } from "../../store/session-store";
import type { AnyMetricJson, EditJson, ErrorJson, SessionState } from "../../types";
import { clickable, componentKey, everywhere, isAblationOf, isEdit } from "../../types";
import { workbench } from "../../views/workbench";
import { decodeFrame, type Frame } from "../../wire/frames";
import { paint } from "../../wire/optimism";
import type { Answer } from "../../wire/rpc";
import type {
  Asking,
  Effects,
  Pattern,
  PendingAction,
  Selected,
  SessionClient,
  Status,
} from "../../wire/session-client";
import { stateOf } from "../wire/states";

export function frame(rows: number[][]): Frame {
  const values = new Float32Array(rows.flat());
  const shape = [rows.length, rows[0]?.length ?? 0];
  return decodeFrame(
    { dtype: "f32", shape, layout: "dense", scale: 1, offset: 0 },
    new Uint8Array(values.buffer),
  );
}

export function triangle(n: number, value: (query: number, key: number) => number): Frame {
  const values: number[] = [];
  for (let query = 0; query < n; query++) {
    for (let key = 0; key <= query; key++) values.push(value(query, key));
  }
  const bytes = new Uint8Array(new Float32Array(values).buffer);
  return decodeFrame({ dtype: "f32", shape: [n, n], layout: "tril", scale: 1, offset: 0 }, bytes);
}

const scoreOf = (name: string, title: string, more: object = {}) => ({
  name,
  title,
  label: title,
  convention: `what ${title} is`,
  unit: "share",
  scale: "sequential",
  range: [0, 1] as [number, number] | null,
  follows_edits: true,
  missing: "",
  ...more,
});

/** The scores that the kernel knows in these tests. */
export const MENU = [
  scoreOf("effect", "effect when ablated", {
    unit: "logits",
    scale: "diverging",
    range: null,
    follows_edits: false,
  }),
  scoreOf("direct_attribution", "direct logit attribution", { missing: "needs a metric" }),
  scoreOf("induction", "induction"),
  scoreOf("entropy", "pattern entropy", { unit: "nats", range: null }),
  scoreOf("mine", "<b>my numbers</b>", { unit: "apples", scale: "diverging", range: null }),
];

interface Waiting {
  action: PendingAction;
  settle: (agreed: boolean) => void;
}

type EffectsOptions = Parameters<SessionClient["effects"]>[0];

export class FakeSession {
  readonly sent: [op: string, ...args: unknown[]][] = [];
  state: SessionState | null;
  status: Status = "live";
  statusText = "";
  lastError: (ErrorJson & { op: string }) | null = null;
  /** What was asked with `client.ask`, and who answers it. */
  readonly asked: [op: string, args: object][] = [];
  readonly answers = new Map<
    string,
    (args: Record<string, unknown>, options: Asking) => Answer<unknown> | Promise<Answer<unknown>>
  >([
    ["score_menu", () => ({ result: { scores: MENU }, frames: [] })],
    ["score", ({ name }) => this.#score(String(name))],
  ]);
  effectsAsked: EffectsOptions[] = [];
  giveEffects: (effects: Effects) => void = () => {};
  givePattern = (
    edited: boolean,
    _cross: boolean,
  ): Pick<Pattern, "pattern" | "queries" | "keys"> => ({
    pattern: triangle(this.state?.tokens.length ?? 0, (query, key) =>
      key === query ? (edited ? 0.25 : 0.75) : 0,
    ),
    queries: null,
    keys: null,
  });
  /** What the kernel does when Python, or another page, selects. */
  selectElsewhere: (selected: Selected) => void = () => {};
  #waiting: Waiting[] = [];
  #onChange = new Set<() => void>();

  constructor(state: SessionState | null = stateOf()) {
    this.state = state;
  }

  readonly client = this.#makeClient();

  #makeClient(): SessionClient {
    const act = (
      op: string,
      args: unknown[] = [],
      component: PendingAction["component"] = null,
      want: PendingAction["want"] = null,
      about: Pick<PendingAction, "edit" | "id" | "strength" | "edits" | "gone"> = {},
    ): Promise<boolean> => {
      this.sent.push([op, ...args]);
      return new Promise((settle) => {
        this.#waiting.push({ action: { op, component, want, ...about }, settle });
        this.changed();
      });
    };
    const session = this;
    const shown = () => (session.state ? paint(session.state, pending()) : null);
    const pending = () => session.#waiting.map(({ action }) => action);
    const of = (id: number) => {
      const item = shown()?.interventions.find((one) => one.id === id);
      return item ? clickable(item.component) : null;
    };
    return {
      get state() {
        return session.state;
      },
      get shown() {
        return shown();
      },
      get pending() {
        return pending();
      },
      isPending: (component) =>
        pending().some(({ component: about, edits = [] }) =>
          [about, ...edits.map((edit) => edit.component)].some(
            (one) =>
              one !== null && componentKey(everywhere(one)) === componentKey(everywhere(component)),
          ),
        ),
      get status() {
        return session.status;
      },
      get statusText() {
        return session.statusText;
      },
      get lastError() {
        return session.lastError;
      },
      dismissError: () => {
        session.lastError = null;
        session.changed();
      },
      retry: () => session.sent.push(["retry"]),
      onState: () => () => {},
      onChange: (callback) => {
        session.#onChange.add(callback);
        return () => session.#onChange.delete(callback);
      },
      toggle: (component) => {
        const listed = shown()?.interventions.some((one) => isAblationOf(one, component));
        return act("toggle", [component], component, listed ? "restored" : "ablated");
      },
      apply: (edit) => {
        const listed = shown()?.interventions.some((one) => isEdit(one, edit));
        const want = listed ? "restored" : "ablated";
        return act("apply", [edit], clickable(edit.component), want, { edit });
      },
      applyMany: (edits: readonly EditJson[], gone: readonly number[] = []) =>
        act("apply_many", [edits, gone], null, null, { edits, gone }),
      setStrength: (id, strength, drag) =>
        act("replace", [id, strength, drag], null, null, { id, strength }),
      setOtherPrompt: (prompt) => act("set_other_prompt", [prompt]),
      setEnabled: (id, enabled) =>
        act("set_enabled", [id, enabled], of(id), enabled ? "enabled" : "disabled", { id }),
      remove: (id) => act("remove", [id], of(id), "restored", { id }),
      clear: () => act("clear"),
      undo: () => act("undo"),
      redo: () => act("redo"),
      setPrompt: (prompt) => act("set_prompt", [prompt]),
      setMetric: (metric: AnyMetricJson | null) => act("set_metric", [metric]),
      select: (component, position) => session.sent.push(["select", component, position]),
      onSelected: (callback) => {
        session.selectElsewhere = callback;
      },
      act: (op, args = {}) => act(op, [args]),
      ask: async (op, args = {}, options = {}) => {
        session.asked.push([op, args]);
        const answer = session.answers.get(op);
        if (!answer) throw new Error(`nobody answers ${op} in this test`);
        return answer(args as Record<string, unknown>, options);
      },
      pattern: async ({ layer, head, cross }, edited): Promise<Pattern> => ({
        layer,
        head,
        revision: session.state?.revision ?? 0,
        ...session.givePattern(edited, cross ?? false),
      }),
      effects: (options) => {
        session.effectsAsked.push(options);
        return new Promise((resolve) => {
          session.giveEffects = resolve;
        });
      },
    };
  }

  /** Every head has half of what there is to have. */
  #score(name: string): Answer<unknown> {
    const { heads = [0] } = this.state?.model ?? {};
    const most = Math.max(...heads);
    const row = (n: number): number[] =>
      Array.from({ length: most + 3 }, (_, at) => (at < n ? 0.5 : Number.NaN));
    const result = { ...MENU.find((one) => one.name === name), reason: "" };
    return { result, frames: [frame(heads.map(row))] };
  }

  changed(): void {
    for (const callback of this.#onChange) callback();
  }

  /** The kernel agrees to everything asked so far and says the new state. */
  async agree(change: Partial<SessionState>): Promise<void> {
    if (this.state) this.state = { ...this.state, revision: this.state.revision + 1, ...change };
    this.#settle(true);
    await painted();
  }

  async refuse(op: string, message: string, hint = ""): Promise<void> {
    this.lastError = { op, type: "Refused", message, hint };
    this.#settle(false);
    await painted();
  }

  async say(change: Partial<SessionState>): Promise<void> {
    if (this.state) this.state = { ...this.state, ...change };
    this.changed();
    await painted();
  }

  #settle(agreed: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { settle } of waiting) settle(agreed);
    this.changed();
  }
}

/** After the next animation frame, and whatever it set going. */
export async function painted(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await new Promise((resolve) => setTimeout(resolve, 0));
}

let sessions = 0;
const mounted: AbortController[] = [];

/** Takes every view off the page, timers and all. */
export function unmountAll(): void {
  for (const end of mounted.splice(0)) end.abort();
  document.body.replaceChildren();
}

export interface Mounted {
  el: HTMLElement;
  session: FakeSession;
  end: AbortController;
  get(testid: string): HTMLElement;
  find(testid: string): HTMLElement | null;
  store: ReturnType<typeof acquireStore>;
}

export async function mount(
  session = new FakeSession(),
  theme: Theme = "light",
  view: View = workbench,
  beside: Mounted | null = null,
): Promise<Mounted> {
  const end = new AbortController();
  mounted.push(end);
  const el = document.createElement("div");
  el.className = "mw";
  document.body.append(el);
  const live = <T>(value: T) => ({ value, subscribe: () => () => {} });
  const host: Host = {
    el,
    theme: live(theme),
    root: document,
    signal: end.signal,
    visible: live(true),
    perFrame: (draw) => {
      let asked = false;
      return (...args) => {
        if (asked) return;
        asked = true;
        requestAnimationFrame(() => {
          asked = false;
          if (!end.signal.aborted) draw(...args);
        });
      };
    },
  };
  sessions += 1;
  const name = beside?.store.session ?? `${session.state?.session ?? "none"} ${sessions}`;
  const store = acquireStore(name, end.signal);
  view(el, { client: session.client, store, host });
  await painted();
  const find = (testid: string) => el.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
  return {
    el,
    session,
    end,
    store,
    find,
    get(testid) {
      const found = find(testid);
      if (!found) throw new Error(`nothing named ${testid} on the page`);
      return found;
    },
  };
}
