// From a host's calls to a view on the page: the two hooks of an anywidget module. In: a model, an
// element, a signal (hosts before anywidget 0.11 give none). Out: the view that the model's `_view`
// names, or a sentence where it cannot be drawn.

import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import { acquireStore } from "../store/session-store";
import { report } from "../wire/listeners";
import { connectSession } from "../wire/live-session-client";
import type { SessionClient } from "../wire/session-client";
import { createHost, type Host, type View } from "./host";
import { showNotice } from "./notice";
import { watchVisibility } from "./visibility";

type Cleanup = () => void;

export interface Widget {
  initialize(props: Pick<InitializeProps, "model"> & { signal?: AbortSignal }): Cleanup;
  render(props: Pick<RenderProps, "model" | "el"> & { signal?: AbortSignal }): Cleanup;
}

/** Views that are not part of the front end: `view` draws the one whose name follows `prefix`. */
export interface Guests {
  prefix: string;
  view(name: string): View;
}

/** An anywidget module that draws these views, and those of plugins. */
export function createWidget(
  views: Readonly<Record<string, View>>,
  version: string,
  guests?: Guests,
): Widget {
  const clients = new Clients(version);
  return {
    initialize({ model, signal }) {
      const scope = scopeOf(signal);
      clients.connect(model, scope.signal);
      return () => scope.abort();
    },
    render({ model, el, signal }) {
      const scope = scopeOf(signal);
      if (scope.signal.aborted) return () => {};
      const host = createHost(el, scope.signal);
      const name: unknown = model.get("_view");
      const view = typeof name === "string" ? viewOf(name, views, guests) : undefined;
      if (view) mount(view, host, clients.of(model, scope.signal));
      else {
        const known = Object.keys(views).join(", ");
        const shown = String(name).slice(0, 40);
        const message = `This page has no view named “${shown}”; it has ${known}.`;
        showNotice(host.el, message, "Reload the page, so that it fits the installed mechwidget.");
      }
      return () => scope.abort();
    },
  };
}

function viewOf(
  name: string,
  views: Readonly<Record<string, View>>,
  guests: Guests | undefined,
): View | undefined {
  if (guests && name.startsWith(guests.prefix))
    return guests.view(name.slice(guests.prefix.length));
  return Object.hasOwn(views, name) ? views[name] : undefined;
}

/**
 * One client per model, made in `initialize`, so that several renders share one heartbeat and one
 * list of pending actions. Hosts hand out a new proxy of the same model to every hook, so a render
 * recognises its model by being the only one that this copy of the module was initialised with
 * (anywidget evaluates a copy per model). Where that cannot be told, a render gets its own client.
 */
class Clients {
  readonly #initialised = new Map<AnyModel, SessionClient>();
  readonly #version: string;

  constructor(version: string) {
    this.#version = version;
  }

  connect(model: AnyModel, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#initialised.set(model, this.#make(model, signal));
    signal.addEventListener("abort", () => this.#initialised.delete(model), { once: true });
  }

  of(model: AnyModel, signal: AbortSignal): SessionClient {
    const same = this.#initialised.get(model);
    if (same) return same;
    const [only, another] = this.#initialised.values();
    if (only && !another && sessionOf(model) === only.state?.session) return only;
    return this.#make(model, signal);
  }

  #make(model: AnyModel, signal: AbortSignal): SessionClient {
    const visible = watchVisibility(signal);
    return connectSession(model, { signal, visible, version: this.#version });
  }
}

/** Draws the view once there is a state, and keeps a crash readable. */
function mount(view: View, host: Host, client: SessionClient): void {
  const draw = (session: string) => {
    host.el.replaceChildren();
    try {
      view(host.el, { client, host, store: acquireStore(session, host.signal) });
    } catch (error) {
      report(error);
      const detail = error instanceof Error ? error.message : String(error);
      showNotice(host.el, "This view could not be drawn.", `${detail} (a fault of mechwidget)`);
    }
  };
  if (client.state) {
    draw(client.state.session);
    return;
  }
  const waiting = new AbortController();
  host.signal.addEventListener("abort", () => waiting.abort(), { once: true });
  const { signal } = waiting;
  client.onState(
    ({ session }) => {
      waiting.abort();
      draw(session);
    },
    { signal },
  );
  const say = () => showNotice(host.el, client.statusText || "Waiting for the kernel …");
  client.onChange(say, { signal });
  say();
}

function sessionOf(model: AnyModel): unknown {
  const state: unknown = model.get("state");
  return typeof state === "object" && state !== null
    ? (state as { session?: unknown }).session
    : "";
}

/** A controller of our own that follows the host's signal, where the host has one. */
function scopeOf(signal: AbortSignal | undefined): AbortController {
  const scope = new AbortController();
  if (signal?.aborted) scope.abort();
  else signal?.addEventListener("abort", () => scope.abort(), { once: true });
  return scope;
}
