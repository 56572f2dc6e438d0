// For how long the numbers on show have been old. Shorter waits are not worth a sign: it would only
// flicker.

const SLOW_MS = 150;

export class Lateness {
  #slow = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly onSlow: () => void,
    signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => this.#stop());
  }

  /** Says whether the wait has become long; asks to be drawn again when it does. */
  follow(stale: boolean): boolean {
    if (!stale) this.#stop();
    else
      this.#timer ??= setTimeout(() => {
        this.#slow = true;
        this.onSlow();
      }, SLOW_MS);
    return this.#slow;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#slow = false;
  }
}
