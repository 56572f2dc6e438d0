// States that a person keeps: a table with a row for each, a click on a name restores it, two that
// are ticked are compared. In: the state. Out: wishes to take, restore, rename and delete.

import { button, element, setAttributes, setText } from "../charts/dom";
import { metric, plain } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { SnapshotJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import { editName } from "./name-field";
import type { Pane, Scene } from "./pane";
import { SnapshotComparison } from "./snapshot-comparison";
import { underway } from "./underway";

const COLUMNS: [string, string][] = [
  ["name", "Click a name to restore it"],
  ["edits", "Interventions that are switched on"],
  ["metric", "The metric under them"],
  ["KL", "KL(baseline ‖ edited), in nats"],
  ["top", "The most likely token under them"],
];

interface Row {
  readonly el: HTMLTableRowElement;
  readonly check: HTMLInputElement;
  rename(): void;
  draw(snapshot: SnapshotJson, enabled: boolean): void;
}

export class SnapshotTable implements Pane {
  readonly el = element("section", { class: "mw-snapshots", "aria-label": "Snapshots" });
  readonly #take: HTMLButtonElement;
  readonly #table = element("table", { class: "mw-snapshot-table", "aria-label": "Snapshots" });
  readonly #body = element("tbody", {});
  readonly #bar = element("div", { class: "mw-snapshot-bar" });
  readonly #hint = element("span", { class: "mw-muted" });
  readonly #rename: HTMLButtonElement;
  readonly #delete: HTMLButtonElement;
  readonly #comparison: SnapshotComparison;
  readonly #rows = new Map<string, Row>();
  /** Names that are ticked, in the order of ticking. */
  #chosen: string[] = [];
  #scene: Scene | null = null;

  constructor(
    private readonly client: SessionClient,
    invalidate: () => void,
    signal: AbortSignal,
  ) {
    this.#comparison = new SnapshotComparison(client, invalidate, signal);
    this.#take = button(
      {
        class: "mw-button",
        "data-testid": "mw-take-snapshot",
        title: "Keep prompt, interventions and metric of now under a name",
      },
      () => void underway(this.#take, client.act("take_snapshot")),
      "Take snapshot",
    );
    const small = { class: "mw-button" };
    this.#rename = button(
      { ...small, "data-testid": "mw-rename-snapshot" },
      () => this.#rows.get(this.#chosen[0] ?? "")?.rename(),
      "Rename",
    );
    this.#delete = button(
      { ...small, "data-testid": "mw-delete-snapshot" },
      () => this.#deleteChosen(),
      "Delete",
    );
    const head = element("tr", {}, element("th", { scope: "col" }, unseen("select")));
    for (const [name, title] of COLUMNS)
      head.append(element("th", { scope: "col", title, "data-column": name }, name));
    this.#table.append(element("thead", {}, head), this.#body);
    this.#bar.append(this.#hint, this.#rename, this.#delete);
    const title = element("h3", {}, "Snapshots");
    const top = element("div", { class: "mw-pane-head" }, title, grow(), this.#take);
    this.el.append(top, this.#table, this.#bar, this.#comparison.el);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { enabled } = scene;
    const snapshots = scene.state?.snapshots ?? [];
    const names = snapshots.map(({ name }) => name);
    this.#chosen = this.#chosen.filter((name) => names.includes(name));
    for (const [name, { el }] of this.#rows) {
      if (names.includes(name)) continue;
      el.remove();
      this.#rows.delete(name);
    }
    snapshots.forEach((snapshot, at) => {
      const row = this.#row(snapshot.name);
      row.draw(snapshot, enabled);
      const there = this.#body.children[at];
      if (there !== row.el) this.#body.insertBefore(row.el, there ?? null);
    });
    this.#table.hidden = snapshots.length === 0;
    this.#bar.hidden = snapshots.length === 0;
    setAttributes(this.#take, { disabled: !enabled || !scene.state });
    this.#drawChosen(snapshots, scene);
  }

  #drawChosen(snapshots: readonly SnapshotJson[], scene: Scene): void {
    const chosen = this.#chosen.length;
    const hint = snapshots.length > 1 ? "Click a name to restore; tick two to compare" : "";
    setText(this.#hint, chosen === 0 ? hint || "Click a name to restore" : "");
    this.#rename.hidden = chosen !== 1;
    this.#delete.hidden = chosen === 0;
    setText(this.#delete, chosen > 1 ? `Delete ${chosen}` : "Delete");
    for (const each of [this.#rename, this.#delete])
      setAttributes(each, { disabled: !scene.enabled });
    const [one, other] = this.#chosen.map((name) => snapshots.find((each) => each.name === name));
    const two = chosen === 2 && one !== undefined && other !== undefined;
    this.#comparison.el.hidden = !two;
    if (two) this.#comparison.draw(one, other, scene);
  }

  #row(name: string): Row {
    const known = this.#rows.get(name);
    if (known) return known;
    const made = snapshotRow(this.client);
    made.check.addEventListener("change", () => {
      const others = this.#chosen.filter((each) => each !== name);
      this.#chosen = made.check.checked ? [...others, name] : others;
      if (this.#scene) this.draw(this.#scene);
    });
    this.#rows.set(name, made);
    return made;
  }

  #deleteChosen(): void {
    const gone = this.#chosen;
    this.#chosen = [];
    for (const name of gone) void this.client.act("delete_snapshot", { name });
    this.#take.focus();
  }
}

function snapshotRow(client: SessionClient): Row {
  let shown: SnapshotJson | null = null;
  const check = element("input", {
    type: "checkbox",
    class: "mw-check",
    "data-testid": "mw-snapshot-check",
  });
  const name = button(
    { class: "mw-snapshot-name", "data-testid": "mw-snapshot-name" },
    () => shown && void underway(el, client.act("restore_snapshot", { name: shown.name })),
  );
  const text = element("bdi", {});
  name.append(text);
  const cell = (column: string): HTMLElement => element("td", { "data-column": column });
  const [edits, value, kl, top] = [cell("edits"), cell("metric"), cell("KL"), cell("top")];
  const said = element("th", { scope: "row" }, name);
  const el = element("tr", { "data-testid": "mw-snapshot" }, element("td", {}, check), said);
  el.append(edits, value, kl, top);
  const token = element("bdi", { class: "mw-outcome-token" });
  top.append(token);
  const rename = (): void => {
    if (!shown) return;
    const now = shown.name;
    const words = { label: `Name of snapshot ${now}`, placeholder: now, back: name };
    editName(name, now, words, (to) => {
      if (to) void underway(el, client.act("rename_snapshot", { name: now, to }));
    });
  };
  el.addEventListener("keydown", ({ key }) => key === "F2" && rename());
  return {
    el,
    check,
    rename,
    draw(snapshot, enabled): void {
      shown = snapshot;
      const { metric: number, unit, label, edits: n, current } = snapshot;
      setText(text, visible(snapshot.name));
      setText(edits, String(n));
      setText(value, number === null ? "–" : metric(number, unit));
      setText(kl, snapshot.kl === null ? "–" : plain(snapshot.kl));
      setText(token, snapshot.top === null ? "–" : short(snapshot.top, 9));
      setAttributes(value, { title: label || null });
      setAttributes(top, { title: snapshot.top === null ? null : visible(snapshot.top) });
      setAttributes(check, { "aria-label": `Select snapshot ${snapshot.name}` });
      setAttributes(name, {
        title: [snapshot.name, snapshot.said || "no interventions"].join("\n"),
        "aria-label": `Restore snapshot ${snapshot.name}`,
        "aria-current": current ? "true" : null,
        disabled: !enabled,
      });
      setAttributes(el, { "data-current": current });
    },
  };
}

const grow = (): HTMLElement => element("span", { class: "mw-grow" });
const unseen = (text: string): HTMLElement => element("span", { class: "mw-off-screen" }, text);
