// Two ways to keep up with a pointer: draw at most once per frame, and keep only the newest question.

/** At most one call per animation frame, with the newest arguments; none after `signal`. */
export function perFrame<A extends unknown[]>(
  draw: (...args: A) => void,
  signal?: AbortSignal,
): (...args: A) => void {
  let newest: A | null = null;
  let frame = 0;
  signal?.addEventListener("abort", () => cancelAnimationFrame(frame), { once: true });
  return (...args) => {
    if (signal?.aborted) return;
    const waiting = newest !== null;
    newest = args;
    if (waiting) return;
    frame = requestAnimationFrame(() => {
      const now = newest as A;
      newest = null;
      draw(...now);
    });
  };
}

/**
 * Runs one question at a time: a newer one aborts the signal of the one before. Resolves to null for
 * a question that was overtaken (or whose `signal` was aborted); other failures reject.
 */
export function newest(
  signal?: AbortSignal,
): <T>(ask: (signal: AbortSignal) => Promise<T>) => Promise<T | null> {
  let current: AbortController | null = null;
  signal?.addEventListener("abort", () => current?.abort(), { once: true });
  return async (ask) => {
    current?.abort();
    if (signal?.aborted) return null;
    const mine = new AbortController();
    current = mine;
    try {
      const answer = await ask(mine.signal);
      return mine.signal.aborted ? null : answer;
    } catch (error) {
      if (mine.signal.aborted) return null;
      throw error;
    }
  };
}
