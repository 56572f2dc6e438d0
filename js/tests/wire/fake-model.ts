// A widget model without a host, in the dialects that hosts speak, and a kernel behind it that a test
// plays by hand.

import type { AnyModel } from "@anywidget/types";

type Callback = (...args: unknown[]) => void;

export interface Sent {
  v: number;
  id: string;
  op: string;
  args?: Record<string, unknown>;
}

/** `jupyter`: change callbacks get (model, value). `marimo`: (value), and `off()` removes everyone. */
export type Dialect = "jupyter" | "marimo";

export class FakeModel {
  readonly sent: Sent[] = [];
  /** Makes `send` throw, as hosts do once the comm is disposed of. */
  disposed = false;
  readonly #traits: Map<string, unknown>;
  readonly #listeners = new Map<string, Set<Callback>>();
  readonly #dialect: Dialect;

  constructor(traits: Record<string, unknown> = {}, dialect: Dialect = "jupyter") {
    this.#traits = new Map(Object.entries(traits));
    this.#dialect = dialect;
  }

  get model(): AnyModel {
    return this as unknown as AnyModel;
  }

  get(name: string): unknown {
    return this.#traits.get(name);
  }

  set(): never {
    throw new Error("the page never writes traits");
  }

  save_changes(): never {
    throw new Error("the page never writes traits");
  }

  send(content: unknown): void {
    if (this.disposed) throw new Error("Cannot send, the comm is disposed");
    this.sent.push(structuredClone(content) as Sent);
  }

  on(event: string, callback: Callback): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  }

  off(event?: string | null, callback?: Callback | null): void {
    // What Backbone and marimo do: no callback means every callback, also of other people.
    if (!event) this.#listeners.clear();
    else if (!callback) this.#listeners.delete(event);
    else this.#listeners.get(event)?.delete(callback);
  }

  /** How many callbacks there are, of everybody. */
  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  /** The kernel sends a custom message. */
  say(content: unknown, buffers: unknown = []): void {
    for (const callback of [...(this.#listeners.get("msg:custom") ?? [])]) {
      callback(content, buffers);
    }
  }

  /** The kernel sets a trait. */
  put(name: string, value: unknown): void {
    this.#traits.set(name, value);
    for (const callback of [...(this.#listeners.get(`change:${name}`) ?? [])]) {
      if (this.#dialect === "marimo") callback(value);
      else callback(this, value, {});
    }
  }

  /** The newest message with this op. */
  last(op: string): Sent {
    const found = this.sent.filter((message) => message.op === op).at(-1);
    if (!found) throw new Error(`nothing was sent with op ${op}`);
    return found;
  }

  count(op: string): number {
    return this.sent.filter((message) => message.op === op).length;
  }

  answer(op: string, result: unknown = {}, extra: object = {}, buffers: unknown = []): void {
    this.say({ v: 1, id: this.last(op).id, ok: true, result, ...extra }, buffers);
  }

  refuse(op: string, error: object): void {
    this.say({ v: 1, id: this.last(op).id, ok: false, error });
  }

  greet(): void {
    this.answer("hello", { protocol: 1, version: "0.1.0", session: "s-1" });
  }

  /** Another proxy of the same model, as anywidget hands one to each hook. */
  proxy(): AnyModel {
    return {
      get: this.get.bind(this),
      set: this.set.bind(this),
      save_changes: this.save_changes.bind(this),
      send: this.send.bind(this),
      on: this.on.bind(this),
      off: this.off.bind(this),
    } as unknown as AnyModel;
  }
}
