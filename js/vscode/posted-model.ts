// A widget model whose kernel is on the other side of the page's door: what the views send is posted to
// the extension, and what the extension posts the views hear. In and out: page messages.

import type { AnyModel } from "@anywidget/types";
import { PROTOCOL } from "../types";
import type { FromPage } from "./page-messages";

type Callback = (...args: unknown[]) => void;

export class PostedModel {
  #state: unknown;
  #open = true;
  readonly #post: (message: FromPage) => void;
  readonly #listeners = new Map<string, Set<Callback>>();

  constructor(state: unknown, post: (message: FromPage) => void) {
    this.#state = state;
    this.#post = post;
  }

  get model(): AnyModel {
    return this as unknown as AnyModel;
  }

  get(name: string): unknown {
    return { _view: "workbench", _protocol: PROTOCOL, state: this.#state }[name];
  }

  set(): void {}

  save_changes(): void {}

  send(content: unknown, _callbacks?: unknown, buffers: unknown[] = []): void {
    if (!this.#open) throw new Error("The kernel is gone.");
    const bytes = buffers.map((each) =>
      ArrayBuffer.isView(each)
        ? new Uint8Array(each.buffer, each.byteOffset, each.byteLength)
        : new Uint8Array(each as ArrayBuffer),
    );
    this.#post({ kind: "custom", content, buffers: bytes });
  }

  on(event: string, callback: Callback): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(callback));
  }

  off(event?: string | null, callback?: Callback | null): void {
    if (event && callback) this.#listeners.get(event)?.delete(callback);
  }

  /** The kernel has set the state. */
  put(state: unknown): void {
    this.#state = state;
    this.#emit("change:state", state);
  }

  /** The kernel has sent a message. */
  say(content: unknown, buffers: readonly Uint8Array[]): void {
    const views = buffers.map(
      ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength),
    );
    this.#emit("msg:custom", content, views);
  }

  /** From now on sending fails, as hosts have it once a comm is closed. */
  close(): void {
    this.#open = false;
  }

  #emit(event: string, ...args: unknown[]): void {
    for (const each of [...(this.#listeners.get(event) ?? [])]) each(...args);
  }
}
