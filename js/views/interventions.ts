// All interventions at the bottom, each a sentence with its effect, a switch and a cross; nothing is
// hidden in a menu that is needed twice.

import { button, element, focusedIn, icon, setAttributes, setText } from "../charts/dom";
import { change, nats } from "../charts/format";
import type { SessionStore } from "../store/session-store";
import type { InterventionJson } from "../types";
import { ablatedBy, clickable, componentKey } from "../types";
import { isAbout } from "../wire/optimism";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import { baselineButton } from "./baseline-button";
import { kindOf } from "./marks";
import { type Pane, type Scene, sameComponent } from "./pane";
import { offersTable } from "./picture-table";
import { standalone } from "./standalone";
import { strengthSlider } from "./strength-slider";
import { undoRedo } from "./undo-redo";

interface Chip {
  el: HTMLElement;
  draw(item: InterventionJson, scene: Scene): void;
}

/** What ablating this component alone does to the metric, where the sweep has said so. */
export function effectOf(item: InterventionJson, { values, state }: Scene): string {
  const component = ablatedBy(item);
  if (!component || component.positions || !values.effects) return "";
  const columns = Math.max(0, ...(state?.model.heads ?? []));
  const column =
    component.type === "head" ? component.head : component.type === "mlp" ? columns : -1;
  const value = column < 0 ? Number.NaN : values.effect(component.layer, column);
  if (Number.isNaN(value)) return "";
  const { unit } = values.effects;
  return unit === "nats" ? `KL ${nats(value)}` : `Δ ${change(value, unit)}`;
}

function chip(client: SessionClient, store: SessionStore): Chip {
  let item: InterventionJson | null = null;
  const sentence = element("bdi", { class: "mw-chip-text" });
  const effect = element("span", {
    class: "mw-muted mw-chip-effect",
    title: "What this alone does to the metric",
  });
  const slider = strengthSlider(client);
  const toggle = button(
    { class: "mw-switch", role: "switch", "data-testid": "mw-chip-switch" },
    () => item && item.id !== null && void client.setEnabled(item.id, !item.enabled),
    element("span", { class: "mw-switch-knob" }),
  );
  const remove = button(
    { class: "mw-chip-remove", "data-testid": "mw-chip-remove", title: "Remove" },
    () => item && item.id !== null && void client.remove(item.id),
    icon("cross"),
  );
  const el = element(
    "li",
    { class: "mw-chip" },
    element("span", { class: "mw-swatch" }),
    sentence,
    effect,
    slider.el,
    toggle,
    remove,
  );
  el.addEventListener("pointerenter", () => item && store.hover(clickable(item.component)));
  el.addEventListener("pointerleave", () => store.hover(null));
  return {
    el,
    draw(next, scene): void {
      item = next;
      const name = next.sentence;
      const part = clickable(next.component);
      const disabled = !scene.enabled || next.id === null;
      setText(sentence, name);
      setAttributes(sentence, { title: name });
      setText(effect, effectOf(next, scene));
      setAttributes(toggle, {
        "aria-checked": String(next.enabled),
        "aria-label": `${name}: ${next.enabled ? "on" : "off"}`,
        title: next.enabled ? "Switch off, keep in the list" : "Switch on",
        disabled,
      });
      slider.draw(next, scene.enabled);
      setAttributes(remove, { "aria-label": `Remove: ${name}`, disabled });
      setAttributes(el, {
        "data-testid": `mw-chip-${next.index}`,
        "data-off": !next.enabled,
        "data-tone": kindOf(next).tone,
        "data-pending": scene.client.pending.some((action) => isAbout(action, next)),
        "data-lit": part !== null && sameComponent(scene.page.hover.component, part),
      });
    },
  };
}

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

export function interventionList(
  client: SessionClient,
  store: SessionStore,
  actions: Actions,
): Pane {
  const list = element("ul", { class: "mw-chips", "aria-label": "Interventions" });
  const none = element("span", { class: "mw-muted mw-chips-none" });
  const clear = button(
    { class: "mw-button", "data-testid": "mw-clear" },
    () => actions.clear(),
    "Clear",
  );
  const el = element(
    "footer",
    { class: "mw-interventions", "aria-label": "Interventions", tabindex: -1 },
    list,
    none,
    clear,
  );
  offersTable(el, () => ({ view: "interventions", options: {} }));
  // Chips are kept by what they say, so that focus stays on the one that a person was using.
  const chips = new Map<string, Chip>();

  return {
    el,
    draw(scene: Scene): void {
      const items = scene.state?.interventions ?? [];
      const keys = keysOf(items);
      for (const [key, gone] of chips) {
        if (keys.includes(key)) continue;
        // Whoever removes chips by keyboard keeps a place to go on from.
        const next = gone.el.nextElementSibling ?? gone.el.previousElementSibling;
        const focused = focusedIn(gone.el) !== null;
        gone.el.remove();
        if (focused) (next?.querySelector<HTMLElement>(".mw-chip-remove") ?? el).focus();
        chips.delete(key);
      }
      items.forEach((item, i) => {
        const key = keys[i] ?? "";
        const known = chips.get(key) ?? chip(client, store);
        chips.set(key, known);
        if (list.children[i] !== known.el) list.insertBefore(known.el, list.children[i] ?? null);
        known.draw(item, scene);
      });
      setText(none, scene.state && items.length === 0 ? "No interventions." : "");
      setAttributes(clear, { disabled: !scene.enabled || items.length === 0 });
    },
  };
}

export const interventions = standalone({
  name: "interventions",
  label: "interventions",
  effects: true,
  panes: ({ client, store, actions }) => [
    interventionList(client, store, actions),
    baselineButton(store),
    undoRedo(client),
  ],
});
