// Is the kernel there? A restarted kernel leaves the widget on the page, clickable and dead, so every
// message to it starts a clock, and every message from it stops it. In: "sent" and "heard". Out: a
// status, and a sentence that a person can act on.

import { HEARTBEAT_MS, MAX_BACKOFF_MS, SILENCE_MS } from "./limits";
import { Listeners, type ListenOptions } from "./listeners";
import type { Status } from "./session-client";

/** Is the page in front of a person? (`Host.visible` is one.) */
export interface Visibility {
  readonly value: boolean;
  subscribe(callback: (visible: boolean) => void, options?: ListenOptions): () => void;
}

// A timer this late means that the page slept or was busy: answers may wait behind it, unread.
const LATE_MS = 1_000;

export class Liveness {
  #status: Status = "connecting";
  #mismatch = "";
  /** The host closed the comm: waiting will not bring it back. */
  #closed = false;
  /** When the first message that nothing has followed was sent. */
  #waitingSince: number | null = null;
  #clock: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setTimeout> | undefined;
  #backoff = HEARTBEAT_MS;
  readonly #changed = new Listeners<[]>();
  readonly #ask: () => void;
  readonly #visible: Visibility;
  readonly #signal: AbortSignal;

  /** `ask` sends something that a living kernel answers. */
  constructor(ask: () => void, visible: Visibility, signal: AbortSignal) {
    this.#ask = ask;
    this.#visible = visible;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#stop(), { once: true });
    visible.subscribe((now) => (now ? this.#wake() : this.#pause()), { signal });
    this.#scheduleBeat();
  }

  get status(): Status {
    return this.#status;
  }

  get text(): string {
    if (this.#status === "mismatch") return this.#mismatch;
    if (this.#status !== "gone") return "";
    if (this.#closed) {
      return (
        "The connection to the kernel is closed: the kernel was restarted, or the widget was " +
        "closed. To go on, run the cell again."
      );
    }
    return (
      `No answer from the kernel for ${duration(this.#silence())}. If a cell is running, this ` +
      "continues when it ends; if the kernel was restarted, run the cell again."
    );
  }

  onChange(callback: () => void, options?: ListenOptions): () => void {
    return this.#changed.add(callback, options);
  }

  /** Something went to the kernel, and an answer (or a receipt) is due. */
  sent(): void {
    if (this.#waitingSince !== null || this.#signal.aborted) return;
    this.#waitingSince = Date.now();
    this.#startClock(SILENCE_MS);
  }

  /** Anything at all came from the kernel. */
  heard(): void {
    clearTimeout(this.#clock);
    this.#waitingSince = null;
    this.#closed = false;
    this.#backoff = HEARTBEAT_MS;
    if (this.#status === "connecting" || this.#status === "gone") this.#become("live");
    this.#scheduleBeat();
  }

  /** The comm itself refused to take a message. */
  broken(): void {
    this.#closed = true;
    this.#waitingSince ??= Date.now();
    if (this.#status !== "mismatch") this.#become("gone");
  }

  /** The two sides speak different versions; nothing but `matched` ends this. */
  mismatched(sentence: string): void {
    this.#mismatch = sentence;
    this.#become("mismatch");
  }

  matched(): void {
    this.#mismatch = "";
    if (this.#status === "mismatch") this.#become("live");
  }

  /** Ask for a sign of life at once, and start counting pauses anew. */
  askNow(): void {
    if (this.#signal.aborted) return;
    this.#backoff = HEARTBEAT_MS;
    this.#ask();
    this.#scheduleBeat();
    if (this.#waitingSince !== null) this.#startClock(SILENCE_MS);
  }

  #startClock(delay: number): void {
    clearTimeout(this.#clock);
    const due = Date.now() + delay;
    this.#clock = setTimeout(() => {
      if (this.#waitingSince === null || !this.#visible.value) return;
      if (Date.now() - due > LATE_MS) {
        // Give what may be queued behind this timer one more round.
        this.#waitingSince = Date.now();
        this.#ask();
        this.#startClock(SILENCE_MS);
        return;
      }
      if (this.#status !== "mismatch") this.#become("gone");
      // Again and again, so that the sentence says how long it has been.
      this.#startClock(SILENCE_MS);
    }, delay);
  }

  #scheduleBeat(): void {
    clearTimeout(this.#beat);
    if (this.#signal.aborted || !this.#visible.value) return;
    this.#beat = setTimeout(() => {
      // An unanswered question is answered first when the kernel comes back: ask less and less.
      if (this.#waitingSince !== null) this.#backoff = Math.min(2 * this.#backoff, MAX_BACKOFF_MS);
      this.#ask();
      this.#scheduleBeat();
    }, this.#backoff);
  }

  #wake(): void {
    // What was sent before the page was hidden may have been answered while nobody listened.
    if (this.#status !== "gone") this.#waitingSince = null;
    this.askNow();
  }

  #pause(): void {
    clearTimeout(this.#beat);
    clearTimeout(this.#clock);
  }

  #stop(): void {
    this.#pause();
    this.#changed.clear();
  }

  #silence(): number {
    return this.#waitingSince === null ? 0 : Date.now() - this.#waitingSince;
  }

  #become(status: Status): void {
    const same = status === this.#status && status !== "gone";
    this.#status = status;
    if (!same) this.#changed.emit();
  }
}

function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
