// A pointer on its way over many things is not yet a question about each of them: only one that it
// rests on is. In: what is looked at now. Out: whether it has been for long enough.

const REST_MS = 120;

export class Resting {
  #key = "";
  #over = true;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly onRest: () => void,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** The first thing looked at is asked about at once. */
  on(key: string): boolean {
    if (this.#key === key) return this.#over;
    this.#over = this.#key === "";
    this.#key = key;
    clearTimeout(this.#timer);
    if (!this.#over) {
      this.#timer = setTimeout(() => {
        this.#over = true;
        if (!this.signal.aborted) this.onRest();
      }, REST_MS);
    }
    return this.#over;
  }
}
