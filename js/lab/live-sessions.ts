// The sessions of all kernels, as far as the page knows them. In: the server's stream of changes
// while somebody looks at the page, or a look every few seconds where there is no stream. Out: the
// kernels, to whoever listens; and word that the recipes have changed.

import type { KernelAnswer, SessionAnswer } from "./answers";

/** What is asked of the server here. */
export interface Asked {
  kernels(): Promise<KernelAnswer[]>;
  kernel(id: string): Promise<KernelAnswer>;
  act(
    kernel: string,
    session: string,
    action: string,
    given?: { which?: number },
  ): Promise<SessionAnswer>;
  events(): string;
}

export interface Situation {
  /** Null until the server has answered once. */
  readonly kernels: readonly KernelAnswer[] | null;
  /** Why what is shown may be old; null where it is not. */
  readonly trouble: unknown;
}

type Listener = (situation: Situation) => void;

const POLL_MS = 5_000;
/** A kernel that was busy does not say when it is free again, and a sweep says little. */
const AGAIN_MS = 2_000;
const SOON_MS = 400;

export class LiveSessions {
  #situation: Situation = { kernels: null, trouble: null };
  readonly #listeners = new Set<Listener>();
  readonly #ofRecipes = new Set<() => void>();
  #stream: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #due = 0;
  #asking: Promise<void> | null = null;
  #askAgain = false;

  constructor(
    private readonly server: Asked,
    private readonly streams: boolean,
  ) {}

  get situation(): Situation {
    return this.#situation;
  }

  /** Follows the kernels while the page is in front of a person, until `signal`. */
  follow(signal: AbortSignal): void {
    const look = () => (document.visibilityState === "visible" ? this.#start() : this.#stop());
    document.addEventListener("visibilitychange", look, { signal });
    signal.addEventListener("abort", () => this.#stop(), { once: true });
    look();
  }

  onChange(listener: Listener, signal?: AbortSignal): void {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  onRecipes(listener: () => void, signal?: AbortSignal): void {
    this.#ofRecipes.add(listener);
    signal?.addEventListener("abort", () => this.#ofRecipes.delete(listener), { once: true });
  }

  /** Changes a session and shows what the kernel answered. */
  async act(
    kernel: string,
    session: string,
    action: string,
    given: { which?: number } = {},
  ): Promise<void> {
    const changed = await this.server.act(kernel, session, action, given);
    const kernels = (this.#situation.kernels ?? []).map((each) =>
      each.id === kernel ? withSession(each, changed) : each,
    );
    this.#tell({ ...this.#situation, kernels });
    this.#later(SOON_MS); // its numbers may still be on their way
  }

  /** Something has happened to a kernel of which the server has no word: it became busy, say. */
  soon(): void {
    if (document.visibilityState === "visible") this.#later(SOON_MS);
  }

  /** Asks all kernels; those who ask meanwhile get one more round between them. */
  refresh(): Promise<void> {
    if (this.#asking) {
      this.#askAgain = true;
      return this.#asking;
    }
    this.#asking = this.#look().finally(() => {
      this.#asking = null;
      if (!this.#askAgain) return;
      this.#askAgain = false;
      void this.refresh();
    });
    return this.#asking;
  }

  async #look(): Promise<void> {
    try {
      const kernels = await this.server.kernels();
      this.#tell({ kernels, trouble: null });
    } catch (error) {
      this.#tell({ ...this.#situation, trouble: error });
    }
    if (document.visibilityState !== "visible") return;
    if (!this.streams || this.#situation.trouble) this.#later(POLL_MS);
    else if ((this.#situation.kernels ?? []).some(changesUnheard)) this.#later(AGAIN_MS);
  }

  #start(): void {
    void this.refresh();
    if (!this.streams || this.#stream) return;
    const stream = new EventSource(this.server.events());
    const look = () => void this.refresh();
    const recipes = () => {
      for (const listener of this.#ofRecipes) listener();
    };
    for (const kind of ["sessions", "kernel", "reset"]) stream.addEventListener(kind, look);
    for (const kind of ["recipe", "reset"]) stream.addEventListener(kind, recipes);
    this.#stream = stream;
  }

  #stop(): void {
    this.#stream?.close();
    this.#stream = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Asks in a while; where that is to come already, at the earlier of the two. */
  #later(ms: number): void {
    const due = performance.now() + ms;
    if (this.#timer !== null) {
      if (this.#due <= due) return;
      clearTimeout(this.#timer);
    }
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.refresh();
    }, ms);
  }

  #tell(situation: Situation): void {
    this.#situation = situation;
    for (const listener of this.#listeners) listener(situation);
  }
}

const changesUnheard = (kernel: KernelAnswer): boolean =>
  kernel.state === "busy" ||
  kernel.execution_state === "busy" ||
  kernel.sessions.some(({ phase, sweep }) => phase === "running" || sweep);

/** The kernel with a newer answer of one session; an older one changes nothing. */
export function withSession(kernel: KernelAnswer, changed: SessionAnswer): KernelAnswer {
  const sessions = kernel.sessions.map((each) =>
    each.id === changed.id && each.revision <= changed.revision ? changed : each,
  );
  return { ...kernel, sessions };
}
