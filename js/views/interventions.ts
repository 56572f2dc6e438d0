// All interventions at the bottom, each a sentence with its effect, a switch and a cross, a group as
// one; everything else (order, names, groups, what fired) opens below them, and the whole of it can
// be read as code.

import { button, element, focusedIn, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import type { SessionStore } from "../store/session-store";
import type { InterventionJson } from "../types";
import { clickable, componentKey } from "../types";
import type { SessionClient } from "../wire/session-client";
import { baselineButton } from "./baseline-button";
import { CodeDialog } from "./code-dialog";
import { type Chip, chip, type GroupChip, groupChip } from "./intervention-chip";
import { InterventionDetails } from "./intervention-details";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { SnapshotTable } from "./snapshot-table";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { undoRedo } from "./undo-redo";

/** One key per intervention; two of one kind on one part are told apart by their order. */
function keysOf(items: readonly InterventionJson[]): string[] {
  const seen = new Map<string, number>();
  return items.map((item) => {
    const part = clickable(item.component);
    // Not by sentence, which changes with its strength; not by id, which comes with the answer.
    const about = part ? componentKey(part) : `number ${item.id}`;
    const key = `${item.type} ${item.mode} ${about}`;
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    return nth ? `${key} (${nth})` : key;
  });
}

/** The line of chips: what is on its own one by one, what is in a group as that group. */
class Chips {
  readonly el = element("ul", { class: "mw-chips", "aria-label": "Interventions" });
  // Chips are kept by what they say, so that focus stays on the one that a person was using.
  readonly #chips = new Map<string, Chip | GroupChip>();

  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    private readonly fallback: HTMLElement,
  ) {}

  draw(scene: Scene): void {
    const items = scene.state?.interventions ?? [];
    const keys = keysOf(items);
    const shown = new Map<string, () => HTMLElement>();
    for (const [at, item] of items.entries()) {
      const group = scene.state?.groups.find(({ id }) => id === item.group);
      const key = group ? `group ${group.id}` : (keys[at] ?? "");
      if (shown.has(key)) continue;
      shown.set(key, () => {
        if (!group) return this.#drawn(key, () => chip(this.client, this.store), item, scene);
        const known = (this.#chips.get(key) as GroupChip | undefined) ?? groupChip(this.client);
        this.#chips.set(key, known);
        known.draw(
          group,
          items.filter((each) => each.group === group.id),
          scene,
        );
        return known.el;
      });
    }
    this.#forget(shown);
    [...shown.values()].forEach((draw, at) => {
      const el = draw();
      if (this.el.children[at] !== el) this.el.insertBefore(el, this.el.children[at] ?? null);
    });
  }

  #drawn(key: string, make: () => Chip, item: InterventionJson, scene: Scene): HTMLElement {
    const known = (this.#chips.get(key) as Chip | undefined) ?? make();
    this.#chips.set(key, known);
    known.draw(item, scene);
    return known.el;
  }

  #forget(shown: ReadonlyMap<string, unknown>): void {
    for (const [key, gone] of this.#chips) {
      if (shown.has(key)) continue;
      // Whoever removes chips by keyboard keeps a place to go on from.
      const next = gone.el.nextElementSibling ?? gone.el.previousElementSibling;
      const focused = focusedIn(gone.el) !== null;
      gone.el.remove();
      if (focused) (next?.querySelector<HTMLElement>(".mw-chip-remove") ?? this.fallback).focus();
      this.#chips.delete(key);
    }
  }
}

let lists = 0;

/** `always` keeps the details open and adds the snapshots: a view of nothing but interventions. */
export function interventionList(
  { client, store, actions, invalidate, signal }: Cast,
  always = false,
): Pane {
  lists += 1;
  const bar = element("footer", { class: "mw-interventions", tabindex: -1 });
  const chips = new Chips(client, store, bar);
  const none = element("span", { class: "mw-muted mw-chips-none" });
  const details = new InterventionDetails(client, store);
  const code = new CodeDialog(client, invalidate, signal);
  details.el.id = `mw-details-${lists}`;
  const more = button(
    { class: "mw-button", "data-testid": "mw-details", "aria-controls": details.el.id },
    () => store.set({ details: !store.value.details }),
    "Details",
  );
  const asCode = button(
    {
      class: "mw-button",
      "data-testid": "mw-as-code",
      "aria-haspopup": "dialog",
      title: "The experiment as a script, in mechwidget, plain hooks or TransformerLens",
    },
    () => code.open(asCode),
    "As code",
  );
  const clear = button(
    { class: "mw-button", "data-testid": "mw-clear" },
    () => actions.clear(),
    "Clear",
  );
  const buttons = element("div", { class: "mw-interventions-buttons" }, more, asCode, clear);
  bar.append(chips.el, none, buttons);
  const snapshots = always ? new SnapshotTable(client, invalidate, signal) : null;
  const el = element("div", { class: "mw-interventions-pane" }, bar, details.el, code.el);
  if (snapshots) el.append(snapshots.el);
  offersTable(el, () => ({ view: "interventions", options: {} }));

  return {
    el,
    draw(scene: Scene): void {
      const items = scene.state?.interventions ?? [];
      const open = items.length > 0 && (always || scene.page.details);
      // What stands below in full is not said twice.
      chips.el.hidden = open;
      if (!open) chips.draw(scene);
      const off = items.filter(({ enabled }) => !enabled).length;
      const listed = open ? count(items.length, "edit") + (off ? `, ${off} off` : "") : "";
      setText(none, scene.state && items.length === 0 ? "No interventions." : listed);
      // Once more as they go: what is gone is not to be found under what is hidden.
      if (open || !details.el.hidden) details.draw(scene);
      details.el.hidden = !open;
      code.draw(scene);
      snapshots?.draw(scene);
      more.hidden = always || items.length === 0;
      setAttributes(more, {
        "aria-expanded": String(open),
        title: "Order, names, groups, positions, and what each changed",
      });
      setAttributes(asCode, { disabled: !scene.state });
      setAttributes(clear, { disabled: !scene.enabled || items.length === 0 });
    },
  };
}

export const interventions = standalone({
  name: "interventions",
  label: "interventions",
  effects: false,
  panes: (cast) => [
    interventionList(cast, true),
    baselineButton(cast.store),
    undoRedo(cast.client),
  ],
});
