// What is hovered, locked and selected on this page: one store per session id, shared by every view
// of that session, so that hovering a head here lights it up there, with or without a kernel.
// Every widget on a page evaluates its own copy of this module, so the stores are kept on globalThis.

import { type ComponentJson, componentKey, type ToolName } from "../types";
import { Listeners, type ListenOptions } from "../wire/listeners";

export interface HeadPlace {
  readonly layer: number;
  readonly head: number;
}

/** The page's own state of a session. None of it changes a number. */
export interface PageState {
  /** Under the pointer or the keyboard focus: a preview. */
  readonly hover: { readonly component: ComponentJson | null; readonly token: number | null };
  /** Clicked, and kept until it is unlocked. */
  readonly locked: ComponentJson | null;
  /** The token position that details are about; null = the last one. */
  readonly token: number | null;
  /** The positions that the next edit is about; none = all of them. */
  readonly positions: readonly number[];
  /** What a click does, and how much of it. */
  readonly tool: ToolName;
  readonly factor: number;
  /** What the tool that steers does. */
  readonly steer: SteerWish;
  /** How the model is to go on writing. */
  readonly continuation: ContinuationWish;
  /** Prompts that were asked about, the newest first: on this page, or before in this session. */
  readonly prompts: readonly string[];
  /** The heads that were chosen to be seen side by side, in that order. */
  readonly pinned: readonly HeadPlace[];
  /** Which of the tabs of a workbench shows; empty = the first. */
  readonly tab: string;
  /** While "see baseline" is held down. */
  readonly baseline: boolean;
  /** What is printed beside the top tokens. */
  readonly printed: Printed;
  /** Is the list of interventions open in detail? */
  readonly details: boolean;
}

export type Printed = "probability" | "logit" | "rank";

/** Along what to steer, and how far. Tokens are as a person types them. */
export interface SteerWish {
  /** "auto" is the first of these that the session has. */
  readonly from: "auto" | "other" | "answer" | "token" | "saved";
  readonly token: string;
  readonly minus: string;
  /** The name of a saved direction. */
  readonly saved: string;
  readonly mode: "add" | "project out" | "clamp along";
  /** In shares of the norm of what is steered. */
  readonly strength: number;
}

export interface ContinuationWish {
  /** Does the pane show more than its heading? */
  readonly open: boolean;
  /** Write anew after every edit. */
  readonly live: boolean;
  readonly tokens: number;
  readonly temperature: number;
  readonly top_p: number;
  readonly seed: number;
  /** On which tokens interventions act. */
  readonly on: "prompt" | "generated" | "both";
}

export interface SessionStore {
  readonly session: string;
  readonly value: PageState;
  /** What details are drawn for: the hovered component, else the locked one. */
  readonly focus: ComponentJson | null;
  set(change: Partial<PageState>): void;
  hover(component: ComponentJson | null, token?: number | null): void;
  /** Locks a component; the same component again, or null, unlocks. */
  lock(component: ComponentJson | null): void;
  /** Takes over what was selected elsewhere. */
  follow(locked: ComponentJson | null, token: number | null): void;
  /** Is the change that is being told one that came from elsewhere? */
  readonly following: boolean;
  /** Is the caller the first who asks of this change? Of many views one tells others. */
  firstToTell(): boolean;
  subscribe(
    callback: (value: PageState, previous: PageState) => void,
    options?: ListenOptions,
  ): () => void;
}

const EMPTY: PageState = {
  hover: { component: null, token: null },
  locked: null,
  token: null,
  positions: [],
  tool: "zero",
  factor: 0.5,
  steer: { from: "auto", token: "", minus: "", saved: "", mode: "add", strength: 0.2 },
  continuation: {
    open: false,
    live: true,
    tokens: 20,
    temperature: 0,
    top_p: 1,
    seed: 0,
    on: "both",
  },
  prompts: [],
  pinned: [],
  tab: "",
  baseline: false,
  printed: "probability",
  details: false,
};

/** After the last view went: long enough for a cell to run again, or an output to move. */
const KEEP_MS = 10_000;

interface Entry {
  store: SessionStore;
  users: number;
  forget: ReturnType<typeof setTimeout> | undefined;
}

// The number is the version of this file's shapes: another bundle on the page may be older.
const REGISTRY = Symbol.for("mechwidget.session-stores.6");

/** The store of a session, held until `signal`. */
export function acquireStore(session: string, signal: AbortSignal): SessionStore {
  const stores = registry();
  let entry = stores.get(session);
  if (!entry) {
    entry = { store: new PageStore(session), users: 0, forget: undefined };
    stores.set(session, entry);
  }
  const held = entry;
  clearTimeout(held.forget);
  held.users += 1;
  const release = () => {
    held.users -= 1;
    if (held.users > 0) return;
    held.forget = setTimeout(() => stores.delete(session), KEEP_MS);
  };
  if (signal.aborted) release();
  else signal.addEventListener("abort", release, { once: true });
  return held.store;
}

function registry(): Map<string, Entry> {
  const page = globalThis as { [REGISTRY]?: Map<string, Entry> };
  page[REGISTRY] ??= new Map();
  return page[REGISTRY];
}

class PageStore implements SessionStore {
  readonly session: string;
  #value = EMPTY;
  #following = false;
  #told = true;
  readonly #listeners = new Listeners<[PageState, PageState]>();

  constructor(session: string) {
    this.session = session;
  }

  get value(): PageState {
    return this.#value;
  }

  get focus(): ComponentJson | null {
    return this.#value.hover.component ?? this.#value.locked;
  }

  set(change: Partial<PageState>): void {
    const previous = this.#value;
    const next = { ...previous, ...change };
    // Pointers move within one cell all the time: what is the same is not news.
    if (JSON.stringify(next) === JSON.stringify(previous)) return;
    this.#value = next;
    this.#told = false;
    this.#listeners.emit(next, previous);
  }

  hover(component: ComponentJson | null, token: number | null = null): void {
    this.set({ hover: { component, token } });
  }

  lock(component: ComponentJson | null): void {
    const { locked } = this.#value;
    const again = component && locked && componentKey(component) === componentKey(locked);
    this.set({ locked: again ? null : component });
  }

  get following(): boolean {
    return this.#following;
  }

  firstToTell(): boolean {
    const first = !this.#told;
    this.#told = true;
    return first;
  }

  follow(locked: ComponentJson | null, token: number | null): void {
    this.#following = true;
    try {
      this.set({ locked, token });
    } finally {
      this.#following = false;
    }
  }

  subscribe(
    callback: (value: PageState, previous: PageState) => void,
    options?: ListenOptions,
  ): () => void {
    return this.#listeners.add(callback, options);
  }
}
