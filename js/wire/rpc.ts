// Questions to the kernel and their answers. In: `request(op, args)`. Out: a promise of a result and
// its frames. An AbortSignal withdraws a request (the kernel is told), progress comes on the way, and
// every message in either direction tells `Liveness` whether the kernel is there.

import type { AnyModel } from "@anywidget/types";
import { type ErrorJson, PROTOCOL } from "../types";
import { allBytes } from "./bytes";
import { Assembly, framesOf } from "./chunks";
import { askMessage, cancelMessage, type Incoming, readMessage } from "./envelope";
import type { Frame } from "./frames";
import { MAX_OUTGOING_BYTES } from "./limits";
import { report } from "./listeners";
import { Liveness, type Visibility } from "./liveness";
import type { Progress } from "./session-client";

/** The part of a widget model that messages need. */
export type Comm = Pick<AnyModel, "send" | "on" | "off">;

export interface Answer<T> {
  result: T;
  frames: Frame[];
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress, partial: unknown, frames: Frame[]) => void) | undefined;
  /** Give up after this long. Default: wait, since a busy kernel answers in the end. */
  timeoutMs?: number | undefined;
}

/** A request that was refused or could not be made; `type` is the name of the Python error. */
export class RpcError extends Error {
  override name = "RpcError";
  readonly type: string;
  readonly hint: string;

  constructor({ type, message, hint }: ErrorJson) {
    super(message);
    this.type = type;
    this.hint = hint;
  }
}

type Carrier = Extract<Incoming, { kind: "answer" | "progress" }>;

interface Pending {
  resolve(answer: Answer<unknown>): void;
  reject(error: unknown): void;
  onProgress: RequestOptions["onProgress"];
  assembly: Assembly<Carrier> | null;
}

export class Rpc {
  readonly liveness: Liveness;
  readonly #comm: Comm;
  readonly #version: string;
  readonly #signal: AbortSignal;
  readonly #pending = new Map<string, Pending>();
  // Several pages and views may share one comm: ids must not meet.
  readonly #prefix = randomPrefix();
  #count = 0;
  #greeted = false;
  #greeting = false;

  constructor(comm: Comm, options: { signal: AbortSignal; visible: Visibility; version: string }) {
    this.#comm = comm;
    this.#version = options.version;
    this.#signal = options.signal;
    const receive = (content: unknown, buffers: unknown) => this.#receive(content, buffers);
    comm.on("msg:custom", receive);
    options.signal.addEventListener("abort", () => this.#close(receive), { once: true });
    this.liveness = new Liveness(() => this.#askForLife(), options.visible, options.signal);
    this.hello();
  }

  /** How many requests are unanswered. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** Compares versions with the kernel. The kernel may be mute; that is what `liveness` is for. */
  hello(): void {
    if (this.#greeting) return;
    this.#greeting = true;
    const mine = { protocol: PROTOCOL, version: this.#version };
    this.#start<{ protocol?: unknown; version?: unknown } | null>("hello", mine, {})
      .then(({ result }) => {
        this.#greeted = result?.protocol === PROTOCOL;
        if (this.#greeted) this.liveness.matched();
        else this.mismatched(result?.protocol);
      })
      .catch(() => {}) // a refusal because of the version was told to `liveness` already
      .finally(() => {
        this.#greeting = false;
      });
  }

  /** Rejects with RpcError when refused, and with the signal's reason when withdrawn. */
  request<T>(op: string, args: object = {}, options: RequestOptions = {}): Promise<Answer<T>> {
    if (this.liveness.status === "mismatch") {
      return Promise.reject(wireError("VersionMismatch", this.liveness.text));
    }
    return this.#start<T>(op, args, options);
  }

  /** The kernel was seen to speak another protocol. */
  mismatched(theirs: unknown): void {
    this.liveness.mismatched(
      "This view and the kernel come from different versions of mechwidget (protocol " +
        `${PROTOCOL} here, ${String(theirs).slice(0, 20)} there). Run the cell again; if that does ` +
        "not help, reload the page.",
    );
  }

  /** A state came on the same comm, by another way: the kernel lives. */
  heard(): void {
    const back = this.liveness.status === "gone";
    this.liveness.heard();
    if (back && !this.#greeted) this.hello();
  }

  #start<T>(op: string, args: object, options: RequestOptions): Promise<Answer<T>> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    if (this.#signal.aborted) return Promise.reject(abortError());
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    return new Promise((resolve, reject) => {
      const settled = this.#limit(id, options);
      this.#pending.set(id, {
        resolve: (answer) => {
          settled();
          resolve(answer as Answer<T>);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
        onProgress: options.onProgress,
        assembly: null,
      });
      this.#sendAsk(id, askMessage(id, op, args));
    });
  }

  /** Withdraws a request with its signal or when its time is up; returns what to do once it is settled. */
  #limit(id: string, { signal, timeoutMs }: RequestOptions): () => void {
    const withdraw = (reason: unknown) => {
      this.#pending.get(id)?.reject(reason);
      this.#post(cancelMessage(id));
    };
    const onAbort = () => withdraw(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    let timer: ReturnType<typeof setTimeout> | undefined;
    if (timeoutMs !== undefined) {
      const late = wireError("Timeout", `The kernel took longer than ${timeoutMs / 1000} s.`);
      timer = setTimeout(() => withdraw(late), timeoutMs);
    }
    return () => {
      this.#pending.delete(id);
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
  }

  #sendAsk(id: string, message: object): void {
    const size = JSON.stringify(message).length;
    if (size > MAX_OUTGOING_BYTES) {
      const limit = `${MAX_OUTGOING_BYTES / 1_000_000} MB`;
      this.#pending.get(id)?.reject(wireError("TooLarge", `This is more than ${limit}.`));
    } else if (this.#post(message)) {
      this.liveness.sent();
    } else {
      const gone = "The connection to the kernel is closed.";
      this.#pending.get(id)?.reject(wireError("KernelGone", gone, "Run the cell again."));
      this.liveness.broken();
    }
  }

  #post(message: object): boolean {
    try {
      this.#comm.send(message);
      return true;
    } catch {
      return false; // hosts throw on a comm that they have disposed of
    }
  }

  #askForLife(): void {
    if (this.#greeted) this.#start("ping", {}, {}).catch(() => {});
    else {
      // A greeting that was lost must not keep the next one from being sent.
      this.#greeting = false;
      this.hello();
    }
  }

  #receive(content: unknown, buffers: unknown): void {
    const message = readMessage(content);
    if (!message || this.#signal.aborted) return;
    if (message.kind === "other-version") {
      this.mismatched(message.v);
      return;
    }
    if (message.kind === "refusal" && message.error.type === "VersionMismatch") {
      this.liveness.mismatched(`${message.error.message} ${message.error.hint}`.trim());
    }
    this.heard();
    const pending = message.id === null ? undefined : this.#pending.get(message.id);
    if (pending) this.#deliver(pending, message, buffers);
  }

  #deliver(pending: Pending, message: Incoming, buffers: unknown): void {
    try {
      if (message.kind === "refusal") pending.reject(new RpcError(message.error));
      else if (message.kind === "malformed") throw new Error(message.reason);
      else if (message.kind !== "ack" && message.kind !== "other-version") {
        this.#collect(pending, message, buffers);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      pending.reject(wireError("BadAnswer", `The kernel's answer could not be read: ${reason}.`));
    }
  }

  #collect(
    pending: Pending,
    message: Extract<Incoming, { kind: "answer" | "progress" | "piece" }>,
    buffers: unknown,
  ): void {
    const bytes = allBytes(buffers);
    if (!bytes) throw new Error("a buffer is not binary data");
    if (message.kind !== "piece" && !message.chunk) {
      complete(pending, message, framesOf(message.headers, bytes));
      return;
    }
    if (message.kind !== "piece" && message.chunk) {
      pending.assembly = new Assembly<Carrier>(message, message.headers, message.chunk.count);
    }
    const { assembly } = pending;
    if (!assembly || !message.chunk) throw new Error("a piece of the answer is missing");
    if (assembly.add(message.chunk, bytes)) {
      pending.assembly = null;
      complete(pending, assembly.message, assembly.frames());
    }
  }

  #close(receive: (content: unknown, buffers: unknown) => void): void {
    this.#comm.off("msg:custom", receive);
    for (const pending of [...this.#pending.values()]) pending.reject(abortError());
  }
}

function complete(pending: Pending, message: Carrier, frames: Frame[]): void {
  if (message.kind === "answer") pending.resolve({ result: message.result, frames });
  else {
    try {
      pending.onProgress?.(message.progress, message.partial, frames);
    } catch (error) {
      report(error); // a mistake in drawing what is known so far does not end the request
    }
  }
}

function wireError(type: string, message: string, hint = ""): RpcError {
  return new RpcError({ type, message, hint });
}

function abortError(): DOMException {
  return new DOMException("The view has gone.", "AbortError");
}

function randomPrefix(): string {
  // Not randomUUID: it is missing on pages that are served without https.
  return [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(36)).join("");
}
