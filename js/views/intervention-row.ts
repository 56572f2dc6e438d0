// One row of the details: an intervention with all that is known of it, or the head of a group.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { GroupJson, InterventionJson } from "../types";
import type { SessionClient } from "../wire/session-client";
import { cross, lightUp, looks, onOf, toneOf } from "./intervention-chip";
import { firingOf, positionsOf, saidOf } from "./intervention-words";
import { editName } from "./name-field";
import type { Scene } from "./pane";
import { groupSlider, strengthSlider } from "./strength-slider";
import { switchButton } from "./switch";
import { underway } from "./underway";

export interface EntryRow {
  readonly el: HTMLElement;
  readonly handle: HTMLElement;
  readonly check: HTMLInputElement;
  draw(item: InterventionJson, place: number, scene: Scene): void;
}

export interface GroupRow {
  readonly el: HTMLElement;
  readonly handle: HTMLElement;
  draw(group: GroupJson, members: readonly InterventionJson[], scene: Scene): void;
}

export function entryRow(client: SessionClient, store: SessionStore): EntryRow {
  let item: InterventionJson | null = null;
  const handle = grip();
  const check = element("input", {
    type: "checkbox",
    class: "mw-check",
    "data-testid": "mw-check",
  });
  const name = element("bdi", { class: "mw-row-name" });
  const where = element("span", { class: "mw-muted mw-row-where" });
  const fired = element("span", { class: "mw-muted mw-row-fired", "data-testid": "mw-row-fired" });
  const slider = strengthSlider(client);
  const toggle = switchButton(
    () => item && item.id !== null && void client.setEnabled(item.id, !item.enabled),
    "mw-row-switch",
  );
  const rename = (): void => {
    if (!item || item.id === null) return;
    const { id, sentence } = item;
    const label = `Name of: ${sentence}`;
    editName(name, item.name ?? "", { label, placeholder: sentence, back: pencil }, (text) => {
      void underway(el, client.act("rename", { id, name: text }));
    });
  };
  const pencil = renameButton(rename);
  const remove = cross(() => item && item.id !== null && void client.remove(item.id));
  const el = element("li", { class: "mw-row" }, handle, check);
  el.append(element("span", { class: "mw-swatch" }), name, where, fired);
  el.append(slider.el, toggle.el, pencil, remove);
  name.addEventListener("dblclick", rename);
  el.addEventListener("keydown", ({ key }) => key === "F2" && rename());
  lightUp(el, store, () => item);
  return {
    el,
    handle,
    check,
    draw(next, place, scene): void {
      item = next;
      const said = saidOf(next);
      const disabled = !scene.enabled || next.id === null;
      setText(name, said);
      setAttributes(name, { title: next.sentence, "data-named": next.name !== undefined });
      if (scene.state) {
        const firing = firingOf(next, scene.state);
        setText(where, positionsOf(next, scene.state));
        setAttributes(where, { title: where.textContent });
        setText(fired, firing.text);
        setAttributes(fired, { title: firing.title || null, "data-idle": firing.idle });
      }
      toggle.draw(next.enabled, said, disabled);
      slider.draw(next, scene.enabled);
      setAttributes(handle, { "aria-label": `Move: ${said}, place ${place + 1}`, disabled });
      setAttributes(check, { "aria-label": `Select: ${said}`, disabled });
      setAttributes(pencil, { "aria-label": `Rename: ${said}`, disabled });
      setAttributes(remove, { "aria-label": `Remove: ${said}`, disabled });
      setAttributes(el, {
        "data-testid": `mw-row-${place}`,
        "data-member": next.group !== undefined,
        ...looks(next, scene),
      });
    },
  };
}

export function groupRow(client: SessionClient): GroupRow {
  let shown: { group: GroupJson; on: boolean } | null = null;
  const act = (op: string, more: object = {}): void => {
    if (shown) void underway(el, client.act(op, { group: shown.group.id, ...more }));
  };
  const handle = grip();
  const name = element("bdi", { class: "mw-row-name mw-group-name" });
  const size = element("span", { class: "mw-muted mw-row-where" });
  const slider = groupSlider(client);
  const toggle = switchButton(
    () => act("set_group_enabled", { enabled: !shown?.on }),
    "mw-group-row-switch",
  );
  const rename = (): void => {
    if (!shown) return;
    const now = shown.group.name;
    const label = `Name of group ${now}`;
    editName(name, now, { label, placeholder: now, back: pencil }, (text) => {
      if (text) act("rename", { name: text });
    });
  };
  const pencil = renameButton(rename);
  const apart = button(
    { class: "mw-button mw-ungroup", "data-testid": "mw-ungroup" },
    () => act("ungroup"),
    "Ungroup",
  );
  const remove = cross(() => act("remove_group"));
  const el = element("li", { class: "mw-row mw-group-row" }, handle);
  const place = element("span", { class: "mw-row-apart" }, apart);
  el.append(element("span", { class: "mw-swatch" }), name, size, place);
  el.append(slider.el, toggle.el, pencil, remove);
  name.addEventListener("dblclick", rename);
  el.addEventListener("keydown", ({ key }) => key === "F2" && rename());
  return {
    el,
    handle,
    draw(group, members, { enabled }): void {
      const on = onOf(members);
      const label = `group ${group.name}`;
      shown = { group, on: on === true };
      setText(name, visible(group.name));
      setAttributes(name, { title: group.name });
      setText(size, count(members.length, "edit"));
      toggle.draw(on, `Group ${group.name}`, !enabled);
      slider.draw(group, enabled);
      setAttributes(handle, { "aria-label": `Move ${label}`, disabled: !enabled });
      setAttributes(pencil, { "aria-label": `Rename ${label}`, disabled: !enabled });
      setAttributes(apart, { "aria-label": `Ungroup ${group.name}`, disabled: !enabled });
      setAttributes(remove, {
        "aria-label": `Remove ${label} and what is in it`,
        disabled: !enabled,
      });
      setAttributes(el, {
        "data-testid": `mw-group-row-${group.id}`,
        "data-off": on === false,
        "data-tone": toneOf(members),
      });
    },
  };
}

function grip(): HTMLButtonElement {
  return button(
    {
      class: "mw-grip",
      "data-testid": "mw-grip",
      title: "Drag to reorder, or Alt+↑ and Alt+↓",
      "aria-keyshortcuts": "Alt+ArrowUp Alt+ArrowDown",
    },
    () => {},
    icon("grip"),
  );
}

function renameButton(onClick: () => void): HTMLButtonElement {
  return button(
    { class: "mw-icon-button", "data-testid": "mw-rename", title: "Rename (F2)" },
    onClick,
    icon("pencil"),
  );
}
