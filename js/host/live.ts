// A value that changes and says so: the theme, and whether the page is visible.

import { Listeners, type ListenOptions } from "../wire/listeners";

export interface Live<T> {
  readonly value: T;
  /** Called when the value changes, not for the value it has now. */
  subscribe(callback: (value: T) => void, options?: ListenOptions): () => void;
}

/** The writable end: `read` says what the value is, `refresh` looks again. */
export class LiveReading<T> implements Live<T> {
  #value: T;
  readonly #read: () => T;
  readonly #listeners = new Listeners<[T]>();

  constructor(read: () => T) {
    this.#read = read;
    this.#value = read();
  }

  get value(): T {
    return this.#value;
  }

  subscribe(callback: (value: T) => void, options?: ListenOptions): () => void {
    return this.#listeners.add(callback, options);
  }

  refresh(): void {
    const value = this.#read();
    if (value === this.#value) return;
    this.#value = value;
    this.#listeners.emit(value);
  }
}
