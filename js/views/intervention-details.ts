// The list of interventions in full: what each does, where, how much it changed; moved by its handle
// or with Alt and an arrow, ticked and put into groups, named. In: the state. Out: wishes to arrange
// it. The order matters where two edits meet at one site: the later one sees what the earlier left.

import { button, element, focusedIn, setAttributes, setText } from "../charts/dom";
import type { SessionStore } from "../store/session-store";
import type { GroupJson, InterventionJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import { type EntryRow, entryRow, type GroupRow, groupRow } from "./intervention-row";
import { ListOrder } from "./list-order";
import type { Pane, Scene } from "./pane";
import { draggable } from "./row-drag";
import { underway } from "./underway";

const HINT = "In this order at each site: the later edit sees what the earlier one left.";

export class InterventionDetails implements Pane {
  readonly el: HTMLElement;
  readonly #list = element("ul", { class: "mw-rows", "aria-label": "Interventions in detail" });
  readonly #bar = element("div", { class: "mw-rows-bar" });
  readonly #hint = element("span", { class: "mw-muted mw-rows-hint" });
  readonly #group: HTMLButtonElement;
  readonly #status = element("div", { class: "mw-status", role: "status" });
  readonly #entries = new Map<number, EntryRow>();
  readonly #groups = new Map<number, GroupRow>();
  readonly #chosen = new Set<number>();
  readonly #order: ListOrder;
  #scene: Scene | null = null;

  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
  ) {
    this.#order = new ListOrder(client, () => this.#redraw());
    this.#group = button(
      { class: "mw-button", "data-testid": "mw-group" },
      () => this.#makeGroup(),
      "Group",
    );
    this.#bar.append(this.#hint, this.#group);
    this.el = element("div", { class: "mw-details", role: "group" });
    this.el.append(this.#bar, this.#list, this.#status);
    setAttributes(this.el, { "aria-label": "Interventions in detail" });
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const items = this.#items().filter(({ id }) => id !== null);
    const groups = scene.state?.groups ?? [];
    this.#forget(items, groups);
    const focused = focusedIn(this.#list);
    const rows = this.#drawRows(items, groups, scene);
    rows.forEach((row, at) => {
      if (this.#list.children[at] !== row)
        this.#list.insertBefore(row, this.#list.children[at] ?? null);
    });
    // Taken out and put in elsewhere, an element loses the focus.
    if (focused instanceof HTMLElement && focused.isConnected && !focusedIn(this.#list))
      focused.focus();
    const chosen = this.#chosen.size;
    this.#bar.hidden = items.length < 2;
    setText(this.#hint, chosen > 0 ? `${chosen} selected` : HINT);
    setText(this.#group, chosen > 1 ? `Group these ${chosen}` : "Group");
    const why = chosen > 0 ? "One switch, one strength, one cross for all of them" : "Tick some";
    setAttributes(this.#group, { disabled: !scene.enabled || chosen === 0, title: why });
  }

  #drawRows(
    items: readonly InterventionJson[],
    groups: readonly GroupJson[],
    scene: Scene,
  ): HTMLElement[] {
    const rows: HTMLElement[] = [];
    const headed = new Set<number>();
    items.forEach((item, place) => {
      const group = groups.find(({ id }) => id === item.group);
      if (group && !headed.has(group.id)) {
        headed.add(group.id);
        const row = this.#groupRow(group.id);
        const members = items.filter((each) => each.group === group.id);
        row.draw(group, members, scene);
        rows.push(row.el);
      }
      const row = this.#entryRow(item.id ?? -1);
      row.draw(item, place, scene);
      rows.push(row.el);
    });
    return rows;
  }

  #items(): InterventionJson[] {
    return this.#order.of(this.#scene?.state?.interventions ?? []);
  }

  #redraw(): void {
    if (this.#scene) this.draw(this.#scene);
  }

  #entryRow(id: number): EntryRow {
    const known = this.#entries.get(id);
    if (known) return known;
    const row = entryRow(this.client, this.store);
    this.#entries.set(id, row);
    row.check.addEventListener("change", () => {
      if (row.check.checked) this.#chosen.add(id);
      else this.#chosen.delete(id);
      this.#redraw();
    });
    this.#movable(row.el, row.handle, () => [id], { id });
    return row;
  }

  #groupRow(group: number): GroupRow {
    const known = this.#groups.get(group);
    if (known) return known;
    const row = groupRow(this.client);
    this.#groups.set(group, row);
    this.#movable(row.el, row.handle, () => this.#membersOf(group), { group });
    return row;
  }

  #membersOf(group: number): number[] {
    return this.#items().flatMap((item) => (item.group === group ? [item.id ?? -1] : []));
  }

  #movable(
    row: HTMLElement,
    handle: HTMLElement,
    block: () => number[],
    what: { id: number } | { group: number },
  ): void {
    const move = (to: number): void => {
      const items = this.#items();
      if (!this.#order.move(items, block(), what, to)) return;
      setText(this.#status, `Now at place ${to + 1} of ${items.length}`);
    };
    row.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!event.altKey || step === undefined || !this.#scene?.enabled) return;
      event.preventDefault();
      const first = this.#items().findIndex(({ id }) => id === block()[0]);
      move(first + step);
    });
    draggable(handle, row, {
      rows: () => {
        const moved = new Set(block());
        return this.#items().flatMap(({ id }) => {
          const other = id === null || moved.has(id) ? undefined : this.#entries.get(id);
          return other ? [other.el] : [];
        });
      },
      drop: (_, above) => move(above),
    });
  }

  #makeGroup(): void {
    const ids = this.#items().flatMap(({ id }) =>
      id !== null && this.#chosen.has(id) ? [id] : [],
    );
    if (ids.length === 0) return;
    void underway(this.#group, this.client.act("group", { ids })).then((made) => {
      if (!made) return;
      this.#chosen.clear();
      for (const { check } of this.#entries.values()) check.checked = false;
      this.#redraw();
    });
  }

  #forget(items: readonly InterventionJson[], groups: readonly GroupJson[]): void {
    for (const [id, row] of this.#entries) {
      if (items.some((item) => item.id === id)) continue;
      this.#goOnFrom(row.el);
      this.#entries.delete(id);
      this.#chosen.delete(id);
    }
    for (const [id, row] of this.#groups) {
      if (groups.some((group) => group.id === id)) continue;
      this.#goOnFrom(row.el);
      this.#groups.delete(id);
    }
  }

  /** Whoever takes rows away by keyboard keeps a place to go on from. */
  #goOnFrom(gone: HTMLElement): void {
    const next = gone.nextElementSibling ?? gone.previousElementSibling;
    const focused = focusedIn(gone) !== null;
    gone.remove();
    if (focused) next?.querySelector<HTMLElement>(".mw-grip")?.focus();
  }
}
