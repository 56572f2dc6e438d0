// One dialect for every host (JupyterLab, Notebook 7, VS Code, Colab, marimo): what a view needs to
// know about the page that it is drawn in, and nothing about which page that is. In: the element and
// the signal of one render. Out: a `Host`, and the shape of every view.

import type { SessionStore } from "../store/session-store";
import { perFrame } from "../wire/pace";
import type { SessionClient } from "../wire/session-client";
import type { Live } from "./live";
import { type Theme, watchTheme } from "./theme";
import { watchVisibility } from "./visibility";

export type { Live } from "./live";
export type { Theme } from "./theme";

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
  /** At most one call per animation frame, always with the newest arguments; stops with `signal`. */
  perFrame<A extends unknown[]>(draw: (...args: A) => void): (...args: A) => void;
}

export interface ViewContext {
  client: SessionClient;
  store: SessionStore;
  host: Host;
}

/** Draws into `el`; everything that has to be undone is hung on `context.host.signal`. */
export type View = (el: HTMLElement, context: ViewContext) => void;

/** Puts our own element into the host's `outer`; it goes with `signal`. */
export function createHost(outer: HTMLElement, signal: AbortSignal): Host {
  const el = document.createElement("div");
  el.className = "mw";
  outer.append(el);
  signal.addEventListener("abort", () => el.remove(), { once: true });

  const theme = watchTheme(el, signal);
  const paintTheme = () => {
    el.dataset.mwTheme = theme.value;
  };
  paintTheme();
  theme.subscribe(paintTheme, { signal });

  return {
    el,
    theme,
    get root() {
      // Asked late: while a host renders, the element often is not on the page yet.
      const root = el.getRootNode();
      return root instanceof ShadowRoot ? root : document;
    },
    signal,
    visible: watchVisibility(signal),
    perFrame: (draw) => perFrame(draw, signal),
  };
}
