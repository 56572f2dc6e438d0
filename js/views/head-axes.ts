// The axes of the head map: layer numbers down the left, head numbers under the columns, thinned when
// they would touch, and lines under heads that share keys and values. The map scrolls between them
// when it is larger than its pane; the numbers go along.

import type { Geometry } from "../charts/canvas-grid";
import { element, setText } from "../charts/dom";
import type { ColumnKind, HeadScene } from "../charts/head-grid";

const ROOM = { down: 12, across: 18 };

export interface HeadAxes {
  readonly el: HTMLElement;
  /** What scrolls. */
  readonly scroller: HTMLElement;
  place(chart: HTMLElement): void;
  draw(scene: HeadScene, geometry: Geometry): void;
}

interface Label {
  text: string;
  at: number;
  title?: string;
}

const WHOLES: Partial<Record<ColumnKind, { text: string; title: string }>> = {
  attention: { text: "Attn", title: "the whole attention of a layer, biases included" },
  mlp: { text: "MLP", title: "the MLP of a layer" },
  layer: { text: "Layer", title: "all that a layer adds to the residual stream" },
};

export function headAxes(onScroll: () => void): HeadAxes {
  const layers = element("div", { class: "mw-axis mw-axis-layers", title: "layer" });
  const columns = element("div", { class: "mw-axis mw-axis-heads", title: "head" });
  for (const axis of [layers, columns]) axis.setAttribute("aria-hidden", "true");
  const rows = element("div", { class: "mw-axis-track" });
  const names = element("div", { class: "mw-axis-track" });
  const shared = element("div", { class: "mw-axis-track" });
  layers.append(rows);
  columns.append(shared, names);
  const scroller = element("div", { class: "mw-map-scroller" });
  const el = element("div", { class: "mw-map" }, layers, scroller, columns);
  let drawn = "";

  const follow = (): void => {
    rows.style.transform = `translateY(${-scroller.scrollTop}px)`;
    for (const track of [names, shared])
      track.style.transform = `translateX(${-scroller.scrollLeft}px)`;
  };
  scroller.addEventListener("scroll", () => {
    follow();
    onScroll();
  });

  return {
    el,
    scroller,
    place: (chart) => scroller.replaceChildren(chart),
    draw(scene, geometry): void {
      const { view, size, shape } = scene;
      const wide = geometry.width > view.width;
      const tall = geometry.height > view.height;
      const kinds = scene.columns.map(({ kind, group }) => `${kind}${group}`).join();
      const key = `${shape.rows} ${kinds} ${size} ${view.width} ${view.height}`;
      if (key === drawn) return;
      drawn = key;
      for (const node of [scroller, el]) node.toggleAttribute("data-scrolls", wide || tall);
      scroller.style.width = `${Math.min(view.width, geometry.width)}px`;
      scroller.style.height = `${Math.min(view.height, geometry.height)}px`;
      fill(rows, layerLabels(scene), "top");
      fill(names, columnLabels(scene, geometry), "left");
      fillShared(shared, scene, geometry);
      layers.style.height = `${Math.min(view.height, geometry.height)}px`;
      columns.style.width = `${Math.min(view.width, geometry.width)}px`;
      follow();
    },
  };
}

function layerLabels({ shape, size }: HeadScene): Label[] {
  return numbers(shape.rows, ROOM.down / size).map((row) => ({
    text: String(row),
    at: row * size + (size - 2) / 2,
  }));
}

function columnLabels(scene: HeadScene, geometry: Geometry): Label[] {
  const middle = (column: number): number => {
    const { x, width } = geometry.rect(0, column);
    return x + width / 2;
  };
  const heads = scene.columns.filter(({ kind }) => kind === "head").length;
  const first = scene.columns.findIndex(({ kind }) => kind === "head");
  const labels: Label[] = numbers(heads, ROOM.across / scene.size).map((head) => ({
    text: String(head),
    at: middle(first + head),
  }));
  scene.columns.forEach(({ kind }, column) => {
    const whole = WHOLES[kind];
    if (!whole) return;
    // Three letters do not fit under three narrow columns.
    const text = scene.size >= 30 ? whole.text : whole.text.slice(0, 1);
    labels.push({ text, title: whole.title, at: middle(column) });
  });
  return labels;
}

/** A line under each group of heads with the same keys and values. */
function fillShared(track: HTMLElement, { columns }: HeadScene, geometry: Geometry): void {
  const groups = new Map<number, { from: number; to: number }>();
  columns.forEach(({ kind, group }, column) => {
    if (kind !== "head") return;
    const { x, width } = geometry.rect(0, column);
    const from = groups.get(group)?.from ?? x;
    groups.set(group, { from, to: x + width });
  });
  const lines = groups.size < 2 ? [] : [...groups.values()];
  track.replaceChildren(
    ...lines.map(({ from, to }) => {
      const line = element("i", {
        class: "mw-axis-shared",
        title: "these heads share keys and values",
      });
      line.style.left = `${from}px`;
      line.style.width = `${to - from}px`;
      return line;
    }),
  );
}

function numbers(n: number, least: number): number[] {
  const step = niceStep(least);
  return Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step);
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
    node.title = label.title ?? "";
    node.style[side] = `${label.at}px`;
  });
}
