// Arcs between two columns of tokens: which of them are drawn, how each looks, and which lies under
// the pointer. Queries stand on the left, keys on the right. In: weights. Out: a canvas painted.

import { LEVELS, ramp, type Scale, type Theme } from "./colour";

/** One edge and its weight. */
export interface Arc {
  readonly query: number;
  readonly key: number;
  readonly weight: number;
}

export interface ArcStyle {
  readonly width: number;
  readonly scale: Scale;
  readonly theme: Theme;
  readonly max: number;
  /** The colour of what is taken out. */
  readonly tone: string;
  /** Where a token's line lies. */
  y(token: number): number;
  /** Those that stand out; null is all of them. */
  shines: ((arc: Arc) => boolean) | null;
  /** Those that are cut, and whether the cut is on. */
  cut(arc: Arc): boolean | null;
}

/** Arcs drawn at most: more are a grey field. */
export const MOST_ARCS = 400;
const LEAST_SHARE = 0.01;

export interface Chosen {
  /** The weakest first, so that the strongest is painted last. */
  readonly arcs: readonly Arc[];
  /** How many there were above the least weight. */
  readonly of: number;
}

/** The strongest of what is in sight; marked ones are always among them. */
export function strongest(
  candidates: Iterable<Arc>,
  max: number,
  marked: (arc: Arc) => boolean,
): Chosen {
  const seen: Arc[] = [];
  const kept: Arc[] = [];
  for (const arc of candidates) {
    if (marked(arc)) kept.push(arc);
    else if (Math.abs(arc.weight) >= LEAST_SHARE * max) seen.push(arc);
  }
  seen.sort((one, other) => Math.abs(one.weight) - Math.abs(other.weight));
  return { arcs: [...seen.slice(-MOST_ARCS), ...kept], of: seen.length + kept.length };
}

export function paintArcs(
  context: CanvasRenderingContext2D,
  arcs: readonly Arc[],
  style: ArcStyle,
): void {
  const colours = ramp(style.scale, style.theme);
  const [low, high] = [colours[0] ?? "", colours[LEVELS - 1] ?? ""];
  context.lineCap = "round";
  const { shines } = style;
  const back = shines ? arcs.filter((arc) => !shines(arc)) : [];
  const front = shines ? arcs.filter(shines) : arcs;
  for (const [some, faint] of [
    [back, true],
    [front, false],
  ] as const) {
    for (const arc of some) {
      const share = Math.min(1, Math.abs(arc.weight) / style.max);
      const cut = style.cut(arc);
      context.lineWidth = cut === null ? 0.6 + 3.4 * share : 1.5;
      context.setLineDash(cut === null ? [] : [4, 4]);
      // One colour, let through by weight: many faint arcs then add up to a shade.
      context.strokeStyle = cut === null ? (arc.weight < 0 ? low : high) : style.tone;
      const alpha = shines ? 0.4 + 0.6 * share : 0.1 + 0.9 * share ** 0.7;
      context.globalAlpha = faint ? 0.05 : cut === false ? 0.4 : cut ? 1 : alpha;
      context.beginPath();
      const [from, to, half] = [style.y(arc.query), style.y(arc.key), style.width / 2];
      context.moveTo(0, from);
      context.bezierCurveTo(half, from, half, to, style.width, to);
      context.stroke();
    }
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** The arc nearest to a point, of those within reach of the pointer. */
export function arcAt(
  arcs: readonly Arc[],
  { width, y: line }: Pick<ArcStyle, "width" | "y">,
  x: number,
  y: number,
): Arc | null {
  const along = curveShare(x / width);
  let best: Arc | null = null;
  let nearest = 5;
  for (const arc of arcs) {
    const [from, to] = [line(arc.query), line(arc.key)];
    const distance = Math.abs(from + (to - from) * along - y);
    if (distance <= nearest) [nearest, best] = [distance, arc];
  }
  return best;
}

/** How far down a curve has come when it is this share of the way across. */
function curveShare(across: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 24; i++) {
    const t = (low + high) / 2;
    const x = 1.5 * (1 - t) ** 2 * t + 1.5 * (1 - t) * t ** 2 + t ** 3;
    if (x < across) low = t;
    else high = t;
  }
  return low ** 2 * (3 - 2 * low);
}
