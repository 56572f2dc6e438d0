// What is hovered, locked and selected on this page: one store per session id, shared by every view
// of that session, so that hovering a head here lights it up there, with or without a kernel.

import type { ComponentJson } from "../types";

/** The page's own state of a session. None of it changes a number. */
export interface PageState {
  /** Under the pointer or the keyboard focus: a preview. */
  readonly hover: { readonly component: ComponentJson | null; readonly token: number | null };
  /** Clicked, and kept until it is unlocked. */
  readonly locked: ComponentJson | null;
  /** The token position that details are about; null = the last one. */
  readonly token: number | null;
  /** While "see baseline" is held down. */
  readonly baseline: boolean;
}

export interface SessionStore {
  readonly session: string;
  readonly value: PageState;
  /** What details are drawn for: the hovered component, else the locked one. */
  readonly focus: ComponentJson | null;
  set(change: Partial<PageState>): void;
  hover(component: ComponentJson | null, token?: number | null): void;
  /** Locks a component; the same component again, or null, unlocks. */
  lock(component: ComponentJson | null): void;
  subscribe(
    callback: (value: PageState, previous: PageState) => void,
    options?: { signal?: AbortSignal | undefined },
  ): () => void;
}
