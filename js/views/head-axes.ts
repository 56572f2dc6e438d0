// The axes of the head map: layer numbers down the left, head numbers under the columns, thinned
// when they would touch.

import type { Geometry } from "../charts/canvas-grid";
import { element, setText } from "../charts/dom";
import type { HeadScene } from "../charts/head-grid";

const ROOM = { down: 12, across: 18 };

export interface HeadAxes {
  readonly el: HTMLElement;
  place(chart: HTMLElement): void;
  draw(scene: HeadScene, geometry: Geometry, hasMlp: boolean): void;
}

interface Label {
  text: string;
  at: number;
}

export function headAxes(): HeadAxes {
  const layers = element("div", {
    class: "mw-axis mw-axis-layers",
    "aria-hidden": "true",
    title: "layer",
  });
  const columns = element("div", {
    class: "mw-axis mw-axis-heads",
    "aria-hidden": "true",
    title: "head",
  });
  const el = element("div", { class: "mw-map" }, layers, columns);
  let drawn = "";

  return {
    el,
    place: (chart) => el.replaceChildren(layers, chart, columns),
    draw({ shape, heads, size }, geometry, hasMlp): void {
      const key = `${shape.rows} ${heads} ${size} ${hasMlp}`;
      if (key === drawn) return;
      drawn = key;
      const middle = (index: number): number => index * size + (size - 2) / 2;
      const numbers = (n: number, room: number): Label[] => {
        const step = niceStep(room / size);
        return Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step).map((i) => ({
          text: String(i),
          at: middle(i),
        }));
      };
      fill(layers, numbers(shape.rows, ROOM.down), "top");
      const mlp = geometry.rect(0, heads);
      const mlpLabel = hasMlp ? [{ text: "MLP", at: mlp.x + mlp.width / 2 }] : [];
      fill(columns, [...numbers(heads, ROOM.across), ...mlpLabel], "left");
      layers.style.height = `${geometry.height}px`;
      columns.style.width = `${geometry.width}px`;
    },
  };
}

/** The smallest of 1, 2, 5, 10, 20 … that leaves the labels room. */
export function niceStep(least: number): number {
  let step = 1;
  for (let i = 0; step < least; i++) step *= i % 3 === 1 ? 2.5 : 2;
  return step;
}

function fill(axis: HTMLElement, labels: readonly Label[], side: "top" | "left"): void {
  while (axis.childElementCount > labels.length) axis.lastElementChild?.remove();
  while (axis.childElementCount < labels.length) axis.append(element("span", {}));
  labels.forEach((label, i) => {
    const node = axis.children[i] as HTMLElement;
    setText(node, label.text);
    node.style[side] = `${label.at}px`;
  });
}
