// What the script of a plugin gets and what it may return: the contract, number 1, whose words are in
// mechwidget/views/plugin_view.py. A facade, so that what is behind it may change.

import type { Theme } from "../host/host";
import type { PageState, SessionStore } from "../store/session-store";
import type { ComponentJson, EditJson, SessionState } from "../types";
import { askPlugin } from "../wire/plugins";
import type { Answer } from "../wire/rpc";
import type { Asking } from "../wire/session-client";
import type { Scene } from "./pane";
import type { Cast } from "./stage";

export const PLUGIN_API = 1;

export interface PluginScene {
  readonly state: SessionState | null;
  readonly page: PageState;
  readonly theme: Theme;
  readonly enabled: boolean;
  readonly stale: boolean;
  readonly waiting: boolean;
}

export interface PluginContext {
  readonly api: typeof PLUGIN_API;
  readonly session: {
    readonly state: SessionState | null;
    ask(op: string, args?: object, options?: Asking): Promise<Answer<unknown>>;
    kernel(op: string, args?: object, options?: Asking): Promise<Answer<unknown>>;
    toggle(component: ComponentJson): Promise<boolean>;
    apply(edit: EditJson): Promise<boolean>;
    undo(): Promise<boolean>;
  };
  readonly store: Pick<SessionStore, "value" | "hover" | "lock" | "set">;
  readonly theme: Theme;
  readonly signal: AbortSignal;
  use(component: ComponentJson): void;
  invalidate(): void;
}

export interface PluginPart {
  draw?(scene: PluginScene): void;
}

/** The default export of a plugin's module. */
export type PluginMain = (el: HTMLElement, context: PluginContext) => PluginPart | undefined;

export function pluginContext(name: string, cast: Cast, theme: () => Theme): PluginContext {
  const { client, store, actions, invalidate, signal } = cast;
  return {
    api: PLUGIN_API,
    session: {
      get state() {
        return client.shown ?? client.state;
      },
      ask: (op, args = {}, options = {}) =>
        askPlugin(client, name, op, args, { signal, ...options }),
      kernel: (op, args = {}, options = {}) => client.ask(op, args, { signal, ...options }),
      toggle: (component) => client.toggle(component),
      apply: (edit) => client.apply(edit),
      undo: () => client.undo(),
    },
    store: {
      get value() {
        return store.value;
      },
      hover: (component, token = null) => store.hover(component, token),
      lock: (component) => store.lock(component),
      set: (change) => store.set(change),
    },
    get theme() {
      return theme();
    },
    signal,
    use: (component) => void actions.use(component),
    invalidate,
  };
}

export function pluginScene(scene: Scene): PluginScene {
  const { state, page, theme, enabled, stale, waiting } = scene;
  return { state, page, theme, enabled, stale, waiting };
}
