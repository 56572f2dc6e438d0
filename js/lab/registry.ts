// How other extensions add to the panel: a section of their own, below ours. In: sections. Out: those
// there are, to the panel, and word of new ones.

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Token } from "@lumino/coreutils";
import type { SessionAnswer } from "./answers";

/** One session as a section gets it. */
export interface LiveSession {
  readonly kernel: string;
  /** The notebook that the kernel is for. */
  readonly path: string | null;
  readonly session: Readonly<SessionAnswer>;
}

/** A section of the panel. */
export interface PanelView {
  /** Unlike that of any other: the extension's name, a colon, and a name. */
  readonly id: string;
  readonly title: string;
  /** Sections stand in this order; without one, they come last. */
  readonly rank?: number;
  /**
   * Fills `el`, which is empty, and may keep filling it until `signal` is aborted. `onSessions` calls
   * back at once and after every change. What it throws is shown in its place and goes no further.
   */
  render(
    el: HTMLElement,
    context: {
      readonly signal: AbortSignal;
      onSessions(listener: (sessions: readonly LiveSession[]) => void): void;
    },
  ): void;
}

/** Adds views to mechwidget's panel. */
export interface IMechwidgetRegistry {
  /** The version of this contract. */
  readonly version: 1;
  /**
   * Adds a view; what is returned takes it away again.
   *
   * @throws Error - there is a view of that id, or it is not one.
   */
  addView(view: PanelView): { readonly isDisposed: boolean; dispose(): void };
}

export const IMechwidgetRegistry = new Token<IMechwidgetRegistry>(
  "mechwidget:IMechwidgetRegistry",
  "Adds views to mechwidget's side panel.",
);

export class Registry implements IMechwidgetRegistry {
  readonly version = 1;
  readonly #views = new Map<string, PanelView>();
  readonly #listeners = new Set<() => void>();

  get views(): readonly PanelView[] {
    const rank = ({ rank }: PanelView): number => rank ?? Number.POSITIVE_INFINITY;
    return [...this.#views.values()].sort((one, other) =>
      rank(one) === rank(other) ? 0 : rank(one) - rank(other),
    );
  }

  addView(view: PanelView): { readonly isDisposed: boolean; dispose(): void } {
    if (!view?.id || !view.title || typeof view.render !== "function") {
      throw new Error("A view needs an `id`, a `title` and a function `render`.");
    }
    if (this.#views.has(view.id)) throw new Error(`There is a view “${view.id}” already.`);
    this.#views.set(view.id, view);
    this.#tell();
    const views = this.#views;
    const tell = () => this.#tell();
    return {
      get isDisposed() {
        return views.get(view.id) !== view;
      },
      dispose() {
        if (this.isDisposed) return;
        views.delete(view.id);
        tell();
      },
    };
  }

  onChange(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const registry: JupyterFrontEndPlugin<IMechwidgetRegistry> = {
  id: "mechwidget:registry",
  description: "Lets other extensions add views to mechwidget's panel.",
  autoStart: true,
  provides: IMechwidgetRegistry,
  activate: () => new Registry(),
};
