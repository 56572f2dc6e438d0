// The strongest cells of the head map as a list: a row each, that can be pointed at, pressed and
// asked for its menu like the cell itself. In: the numbers on show. Out: rows, the largest first.

import { ramp } from "../charts/colour";
import { button, element, setAttributes, setText } from "../charts/dom";
import type { ComponentJson } from "../types";
import { componentKey } from "../types";
import { cellOf, describe, type MapLook, nameOf, numberOf } from "./head-words";
import { sameComponent } from "./pane";

export const MOST_ROWS = 24;

export interface RankingEvents {
  enter(component: ComponentJson | null): void;
  press(component: ComponentJson, event: MouseEvent): void;
  menu(component: ComponentJson, at: { x: number; y: number }): void;
}

/** The cells that have numbers, those with the largest first; wholes only where they are wanted. */
export function ranked(look: MapLook, wholes: boolean): ComponentJson[] {
  const { columns } = look;
  const found: { component: ComponentJson; size: number }[] = [];
  for (let row = 0; row < columns.shape.rows; row++) {
    for (let column = 0; column < columns.shape.columns; column++) {
      const kind = columns.columns[column]?.kind;
      if (kind === "residual" || (!wholes && kind !== "head")) continue;
      if (!columns.shape.exists(row, column)) continue;
      const component = columns.componentAt({ row, column });
      const size = Math.abs(numberOf(look, component));
      if (!Number.isNaN(size)) found.push({ component, size });
    }
  }
  found.sort((one, other) => other.size - one.size);
  return found.slice(0, MOST_ROWS).map(({ component }) => component);
}

interface Row {
  el: HTMLElement;
  name: HTMLElement;
  mark: HTMLElement;
  bar: HTMLElement;
  value: HTMLElement;
  component: ComponentJson | null;
}

export class MapRanking {
  readonly el = element("div", { class: "mw-ranking", "data-testid": "mw-ranking" });
  readonly #list = element("ol", { class: "mw-ranking-rows", "aria-label": "The strongest cells" });
  readonly #empty = element("p", { class: "mw-empty mw-muted" });
  readonly #wholes = element("input", { type: "checkbox", "data-testid": "mw-ranking-wholes" });
  readonly #rows: Row[] = [];
  #at = 0;

  constructor(
    private readonly events: RankingEvents,
    onChange: () => void,
  ) {
    const wholes = element("label", { class: "mw-ranking-wholes mw-muted" }, this.#wholes);
    wholes.append("attentions, MLPs and layers too");
    this.#wholes.addEventListener("change", onChange);
    this.el.append(this.#list, this.#empty, wholes);
    this.#list.addEventListener("keydown", (event) => this.#key(event));
    this.#list.addEventListener("pointerleave", () => events.enter(null));
  }

  draw(look: MapLook): void {
    const components = ranked(look, this.#wholes.checked || look.columns.heads === 0);
    setText(this.#empty, components.length > 0 ? "" : "No numbers yet.");
    while (this.#rows.length < components.length) this.#add();
    this.#at = Math.min(this.#at, Math.max(0, components.length - 1));
    this.#rows.forEach((row, i) => {
      const component = components[i];
      row.el.hidden = component === undefined;
      row.component = component ?? null;
      if (component) this.#draw(row, component, look, i);
    });
  }

  #draw(row: Row, component: ComponentJson, look: MapLook, index: number): void {
    const { scene, scale, columns } = look;
    const value = numberOf(look, component);
    const cell = columns.cellOf(component);
    const drawn = cell && cellOf(look, cell.row, cell.column);
    const share = Math.min(1, Math.abs(value) / scale.max);
    setText(row.name, nameOf(component));
    setText(row.value, scale.print(value).replace(/ [a-z]+$/i, ""));
    setText(row.mark, drawn?.mark ? drawn.glyph || "×" : "");
    row.bar.style.width = `${(scale.from < 0 ? 50 : 100) * share}%`;
    row.bar.style.left = `${scale.from < 0 ? (value < 0 ? 50 - 50 * share : 50) : 0}%`;
    row.bar.style.backgroundColor = ramp(scale.scale, scene.theme)[value < 0 ? 0 : 254] ?? "";
    setAttributes(row.el.firstElementChild as Element, {
      "aria-label": describe(look, component),
      "aria-pressed": String(drawn?.mark != null && drawn.mark !== "off"),
      "data-testid": `mw-rank-${componentKey(component).replace(/[ .]/g, "-")}`,
      "data-lit": sameComponent(scene.page.hover.component, component),
      "data-locked": sameComponent(scene.page.locked, component),
      "data-mark": drawn?.mark ?? null,
      "data-tone": drawn?.tone ?? null,
      "data-pending": drawn?.pending ?? false,
      "data-both": scale.from < 0,
      tabindex: index === this.#at ? 0 : -1,
    });
  }

  #add(): void {
    const [name, mark, bar, value] = [
      element("span", { class: "mw-rank-name" }),
      element("span", { class: "mw-rank-mark", "aria-hidden": "true" }),
      element("span", { class: "mw-rank-bar" }),
      element("span", { class: "mw-rank-value" }),
    ] as const;
    const track = element("span", { class: "mw-rank-track" }, bar);
    const row: Row = { el: element("li", {}), name, mark, bar, value, component: null };
    const index = this.#rows.length;
    const node = button(
      { class: "mw-rank" },
      (event) => row.component && this.events.press(row.component, event),
      name,
      mark,
      track,
      value,
    );
    const point = (): void => {
      if (row.component) this.events.enter(row.component);
    };
    node.addEventListener("pointermove", point);
    node.addEventListener("focus", () => {
      this.#at = index;
      point();
    });
    node.addEventListener("blur", () => this.events.enter(null));
    node.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation(); // as in the map
      if (row.component) this.events.menu(row.component, { x: event.clientX, y: event.clientY });
    });
    row.el.append(node);
    this.#rows.push(row);
    this.#list.append(row.el);
  }

  #key(event: KeyboardEvent): void {
    const shown = this.#rows.filter(({ component }) => component !== null);
    const steps: Record<string, number> = {
      ArrowDown: Math.min(this.#at + 1, shown.length - 1),
      ArrowUp: Math.max(0, this.#at - 1),
      Home: 0,
      End: shown.length - 1,
    };
    const row = shown[this.#at];
    if (
      row?.component &&
      (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))
    ) {
      event.preventDefault();
      const { left, bottom } = row.el.getBoundingClientRect();
      this.events.menu(row.component, { x: left + 24, y: bottom });
      return;
    }
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.#at = next;
    const target = shown[next]?.el.firstElementChild as HTMLElement | null;
    target?.focus({ preventScroll: true });
    target?.scrollIntoView?.({ block: "nearest" });
  }
}
