// Callbacks that want to know: added with an AbortSignal, called in order, kept apart from each
// other's mistakes. Every "subscribe" of the page is one of these.

export interface ListenOptions {
  signal?: AbortSignal | undefined;
}

export class Listeners<A extends unknown[]> {
  readonly #callbacks = new Set<{ call: (...args: A) => void }>();

  get size(): number {
    return this.#callbacks.size;
  }

  /** Returns what removes it again; an aborted signal does too. */
  add(callback: (...args: A) => void, { signal }: ListenOptions = {}): () => void {
    if (signal?.aborted) return () => {};
    // Wrapped, so that the same function added twice is two listeners.
    const entry = { call: callback };
    this.#callbacks.add(entry);
    const remove = () => {
      this.#callbacks.delete(entry);
      signal?.removeEventListener("abort", remove);
    };
    signal?.addEventListener("abort", remove, { once: true });
    return remove;
  }

  emit(...args: A): void {
    for (const entry of [...this.#callbacks]) {
      // One removed by an earlier callback of this round must not hear it any more.
      if (!this.#callbacks.has(entry)) continue;
      try {
        entry.call(...args);
      } catch (error) {
        report(error);
      }
    }
  }

  clear(): void {
    this.#callbacks.clear();
  }
}

/** Shows an error to developers without stopping what is going on. */
export function report(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
