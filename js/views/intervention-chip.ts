// One chip of the line at the bottom: an intervention, or a whole group, as one short thing with a
// switch and a cross. Everything else that can be done to it stands in the details.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import { visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { GroupJson, InterventionJson } from "../types";
import { clickable } from "../types";
import { isAbout } from "../wire/optimism";
import type { SessionClient } from "../wire/session-client";
import { effectOf, saidOf } from "./intervention-words";
import { kindOf } from "./marks";
import { type Scene, sameComponent } from "./pane";
import { groupSlider, strengthSlider } from "./strength-slider";
import { switchButton } from "./switch";
import { underway } from "./underway";

export interface Chip {
  readonly el: HTMLElement;
  draw(item: InterventionJson, scene: Scene): void;
}

export interface GroupChip {
  readonly el: HTMLElement;
  draw(group: GroupJson, members: readonly InterventionJson[], scene: Scene): void;
}

export function chip(client: SessionClient, store: SessionStore): Chip {
  let item: InterventionJson | null = null;
  let last: { item: InterventionJson; scene: Scene } | null = null;
  const sentence = element("bdi", { class: "mw-chip-text" });
  const effect = element("span", {
    class: "mw-muted mw-chip-effect",
    title: "What this alone does to the metric",
  });
  const slider = strengthSlider(client, () => last && write(last.item, last.scene));
  const toggle = switchButton(
    () => item && item.id !== null && void client.setEnabled(item.id, !item.enabled),
    "mw-chip-switch",
  );
  const remove = cross(() => item && item.id !== null && void client.remove(item.id));
  const swatch = element("span", { class: "mw-swatch" });
  const el = element("li", { class: "mw-chip" }, swatch, sentence, effect);
  el.append(slider.el, toggle.el, remove);
  lightUp(el, store, () => item);
  const write = (next: InterventionJson, scene: Scene): void => {
    setText(sentence, saidOf(next));
    setText(effect, effectOf(next, scene));
  };
  return {
    el,
    draw(next, scene): void {
      item = next;
      last = { item: next, scene };
      const name = saidOf(next);
      const disabled = !scene.enabled || next.id === null;
      if (!slider.held) write(next, scene);
      setAttributes(sentence, { title: next.sentence });
      toggle.draw(next.enabled, name, disabled);
      slider.draw(next, scene.enabled);
      setAttributes(remove, { "aria-label": `Remove: ${name}`, disabled });
      setAttributes(el, { "data-testid": `mw-chip-${next.index}`, ...looks(next, scene) });
    },
  };
}

export function groupChip(client: SessionClient): GroupChip {
  let shown: { group: GroupJson; on: boolean } | null = null;
  const name = element("bdi", { class: "mw-chip-text" });
  const size = element("span", { class: "mw-muted" });
  const slider = groupSlider(client);
  const act = (op: string, more: object = {}): void => {
    if (shown) void underway(el, client.act(op, { group: shown.group.id, ...more }));
  };
  const toggle = switchButton(
    () => act("set_group_enabled", { enabled: !shown?.on }),
    "mw-group-switch",
  );
  const remove = cross(() => act("remove_group"));
  const swatch = element("span", { class: "mw-swatch" });
  const el = element("li", { class: "mw-chip mw-group-chip" }, swatch, name, size);
  el.append(slider.el, toggle.el, remove);
  return {
    el,
    draw(group, members, scene): void {
      const on = onOf(members);
      shown = { group, on: on === true };
      setText(name, visible(group.name));
      setAttributes(name, { title: members.map(({ sentence }) => sentence).join("\n") });
      setText(size, count(members.length, "edit"));
      toggle.draw(on, `Group ${group.name}`, !scene.enabled);
      slider.draw(group, scene.enabled);
      setAttributes(remove, {
        "aria-label": `Remove group ${group.name} and what is in it`,
        disabled: !scene.enabled,
      });
      setAttributes(el, {
        "data-testid": `mw-group-chip-${group.id}`,
        "data-off": on === false,
        "data-tone": toneOf(members),
      });
    },
  };
}

export function cross(onClick: () => void): HTMLButtonElement {
  return button(
    { class: "mw-chip-remove", "data-testid": "mw-chip-remove", title: "Remove" },
    onClick,
    icon("cross"),
  );
}

/** Whether all of them are on, none, or some. */
export function onOf(members: readonly InterventionJson[]): boolean | "mixed" {
  const on = members.filter(({ enabled }) => enabled).length;
  return on === 0 ? false : on === members.length ? true : "mixed";
}

export function toneOf(members: readonly InterventionJson[]): string {
  const tones = new Set(members.map((member) => kindOf(member).tone));
  return tones.size === 1 ? ([...tones][0] ?? "mixed") : "mixed";
}

/** What every drawing of an intervention shows of its state. */
export function looks(
  item: InterventionJson,
  { client, page }: Scene,
): Record<string, unknown> & {
  "data-off": boolean;
  "data-tone": string;
  "data-pending": boolean;
  "data-lit": boolean;
} {
  const part = clickable(item.component);
  return {
    "data-off": !item.enabled,
    "data-tone": kindOf(item).tone,
    "data-pending": client.pending.some((action) => isAbout(action, item)),
    "data-lit": part !== null && sameComponent(page.hover.component, part),
  };
}

/** Pointing at it lights up the same part everywhere. */
export function lightUp(
  el: HTMLElement,
  store: SessionStore,
  item: () => InterventionJson | null,
): void {
  el.addEventListener("pointerenter", () => store.hover(clickable(item()?.component ?? null)));
  el.addEventListener("pointerleave", () => store.hover(null));
}
