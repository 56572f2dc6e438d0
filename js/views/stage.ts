// The stage of a view: one scene per animation frame, drawn by all of its panes, many in a workbench
// or one in a view of its own. In: what the page and the kernel say. Out: panes that always show the
// same moment; a click is painted in its own frame, older numbers dim until the kernel answers.

import { element, focusedIn, setAttributes } from "../charts/dom";
import type { ViewContext } from "../host/host";
import type { SessionStore } from "../store/session-store";
import { componentKey } from "../types";
import type { SessionClient } from "../wire/session-client";
import { Actions } from "./actions";
import { KeySheet } from "./key-sheet";
import { Lateness } from "./lateness";
import { MapValues } from "./map-values";
import { marksOf } from "./marks";
import { headOf, type Pane, type Scene } from "./pane";
import { Patterns } from "./patterns";
import { PictureMenu } from "./picture-menu";
import { shortcuts } from "./shortcuts";

/** What a pane can be made of. */
export interface Cast {
  readonly client: SessionClient;
  readonly store: SessionStore;
  readonly actions: Actions;
  readonly patterns: Patterns;
  readonly invalidate: () => void;
  readonly signal: AbortSignal;
}

export interface Play {
  class: string;
  label: string;
  testid: string;
  /** Do its panes show what ablating each component does? Only then is it asked for. */
  effects: boolean;
}

export class Stage {
  readonly root: HTMLElement;
  readonly cast: Cast;
  readonly keys = new KeySheet();
  readonly #context: ViewContext;
  readonly #values: MapValues;
  readonly #lateness: Lateness;
  readonly #effects: boolean;
  readonly #pictures: PictureMenu;
  #panes: readonly Pane[] = [];
  #scene: Scene | null = null;

  constructor(context: ViewContext, play: Play) {
    const { client, store, host } = context;
    const { signal } = host;
    const invalidate = host.perFrame(() => this.#draw());
    const actions = new Actions(client, store, () => mayAct(client));
    const patterns = new Patterns(client, invalidate, signal);
    this.root = element("div", {
      class: play.class,
      role: "group",
      "aria-label": play.label,
      "data-testid": play.testid,
    });
    this.cast = { client, store, actions, patterns, invalidate, signal };
    this.#context = context;
    this.#effects = play.effects;
    this.#lateness = new Lateness(invalidate, signal);
    this.#values = new MapValues(client, invalidate, signal);
    this.#pictures = new PictureMenu(this.root, client, () => this.#scene, signal);
    this.root.append(this.keys.el);
    const help = (): void => this.keys.open(focusedElement(this.root));
    shortcuts(this.root, { store, actions, scene: () => this.#scene, help }, signal);
    client.onChange(invalidate, { signal });
    store.subscribe(invalidate, { signal });
    host.theme.subscribe(invalidate, { signal });
    tellSelection(client, store, signal);
    client.onSelected(({ component, position }) => store.follow(component, position), signal);
  }

  /** Shows the stage in `el`, with these panes, from now on. */
  open(el: HTMLElement, panes: readonly Pane[]): void {
    const { signal } = this.#context.host;
    this.#panes = panes;
    const observer = new ResizeObserver(this.cast.invalidate);
    observer.observe(this.root);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.root.remove();
    });
    el.append(this.root);
    this.#draw();
  }

  #draw(): void {
    const { client, host } = this.#context;
    if (host.signal.aborted) return;
    const { state } = client;
    if (state && this.#effects) this.#values.follow(state);
    const scene = this.#sceneNow();
    this.#scene = scene;
    for (const pane of this.#panes) pane.draw(scene);
    this.#pictures.follow();
    setAttributes(this.root, {
      "data-mw-status": client.status,
      "data-mw-revision": state?.revision ?? null,
      "data-mw-outcome-revision": state?.outcome?.revision ?? null,
      "data-disabled": !scene.enabled,
      "data-baseline": scene.page.baseline,
    });
  }

  #sceneNow(): Scene {
    const { client, store, host } = this.#context;
    const state = client.shown ?? client.state;
    const behind =
      state !== null && state.tokens.length > 0 && state.outcome?.revision !== state.revision;
    const enabled = mayAct(client);
    const asked = client.pending.length > 0;
    const stale = enabled && (asked || behind);
    const waiting = stale && (asked || state?.phase !== "error");
    const page = store.value;
    const looked = headOf(page.locked) ?? headOf(page.hover.component) ?? this.#scene?.head ?? null;
    const heads = state?.model.heads ?? [];
    const first = heads.findIndex((n) => n > 0);
    const known = looked && looked.head < (heads[looked.layer] ?? 0) ? looked : null;
    return {
      state,
      client,
      theme: host.theme.value,
      page,
      marks: marksOf(state?.interventions ?? []),
      values: this.#values,
      enabled,
      stale,
      waiting,
      slow: this.#lateness.follow(waiting),
      head: known ?? (first >= 0 ? { layer: first, head: 0 } : null),
    };
  }
}

/** Where the focus goes back to, once something over the view is closed. */
function focusedElement(root: HTMLElement): HTMLElement {
  const focused = focusedIn(root);
  return focused instanceof HTMLElement ? focused : root;
}

/** A kernel that has not answered yet may still be on its way: what is asked now will be answered. */
const mayAct = ({ status }: SessionClient): boolean => status === "live" || status === "connecting";

/** Python hears of what is locked and selected, from whichever view of the page can tell it. */
function tellSelection(client: SessionClient, store: SessionStore, signal: AbortSignal): void {
  const key = (component: typeof store.value.locked): string =>
    component ? componentKey(component) : "";
  store.subscribe(
    ({ locked, token }, before) => {
      if (store.following || (key(locked) === key(before.locked) && token === before.token)) return;
      if (mayAct(client) && store.firstToTell()) client.select(locked, token);
    },
    { signal },
  );
}
