// One dialect for every host (JupyterLab, Notebook 7, VS Code, Colab, marimo): what a view needs to
// know about the page that it is drawn in, and nothing about which page that is.

import type { SessionStore } from "../store/session-store";
import type { SessionClient } from "../wire/session-client";

export type Theme = "light" | "dark";

/** A value that changes and says so. */
export interface Live<T> {
  readonly value: T;
  subscribe(callback: (value: T) => void, options?: { signal?: AbortSignal | undefined }): () => void;
}

export interface Host {
  /** The element that the view owns; it carries class `mw` and `data-mw-theme`. */
  readonly el: HTMLElement;
  readonly theme: Live<Theme>;
  /** The document, or the shadow root that the view lives in: look things up here. */
  readonly root: Document | ShadowRoot;
  /** Aborted when this one view goes: hang every listener, timer and observer on it. */
  readonly signal: AbortSignal;
  /** Is the page (not the cell) in front of a person? */
  readonly visible: Live<boolean>;
  /** At most one call per animation frame, always with the newest argument; stops with `signal`. */
  perFrame<A extends unknown[]>(draw: (...args: A) => void): (...args: A) => void;
}

export interface ViewContext {
  client: SessionClient;
  store: SessionStore;
  host: Host;
}

/** Draws into `el`; everything that has to be undone is hung on `context.host.signal`. */
export type View = (el: HTMLElement, context: ViewContext) => void;
