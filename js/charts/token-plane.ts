// Tokens as points on a plane, each named where its name has room. In: places and names. Out: which token
// the pointer or the keyboard is on, and which was pressed.

import { LEVELS, levelColour, type Theme } from "./colour";
import { element, keyed, setAttributes } from "./dom";
import { short } from "./token-text";

export interface PlaneScene {
  readonly theme: Theme;
  readonly places: readonly (readonly [x: number, y: number])[];
  readonly names: readonly string[];
  readonly lit: number | null;
  readonly selected: number | null;
  readonly label: string;
  describe(token: number): string;
  readonly stamp: readonly unknown[];
}

export interface PlaneEvents {
  enter(token: number): void;
  leave(): void;
  press(token: number): void;
}

const HEIGHT = 280;
const MARGIN = 18;
const [LETTER, LINE] = [6.3, 12]; // pixels of a name's letter and line
const REACH = 14;
const [MOST_NAMES, MOST_TRIED] = [150, 600];
const DOT = 4;

export class TokenPlaneChart {
  readonly el = element("div", { class: "mw-plane", role: "slider", tabindex: 0 });
  readonly #canvas = element("canvas", { class: "mw-canvas", "aria-hidden": "true" });
  readonly #names = element("div", { class: "mw-plane-names", "aria-hidden": "true" });
  readonly #over = element("div", { class: "mw-plane-names", "aria-hidden": "true" });
  readonly #rebuild = keyed(this.#names);
  readonly #rebuildOver = keyed(this.#over);
  #scene: PlaneScene | null = null;
  #points: (readonly [number, number])[] = [];
  #room = 420;

  constructor(private readonly events: PlaneEvents) {
    this.el.append(this.#canvas, this.#names, this.#over);
    this.el.style.height = `${HEIGHT}px`;
    this.el.addEventListener("pointermove", (event) => {
      const token = this.#near(event);
      if (token === null) events.leave();
      else events.enter(token);
    });
    this.el.addEventListener("pointerleave", () => events.leave());
    this.el.addEventListener("click", (event) => {
      const token = this.#near(event);
      if (token !== null) events.press(token);
    });
    this.el.addEventListener("keydown", (event) => this.#key(event));
    this.el.addEventListener("blur", () => events.leave());
  }

  draw(scene: PlaneScene): void {
    this.#scene = scene;
    if (this.el.clientWidth > 0) this.#room = this.el.clientWidth;
    this.#points = pixels(scene.places, this.#room);
    const at = scene.lit ?? scene.selected ?? 0;
    setAttributes(this.el, {
      "aria-label": scene.label,
      "aria-valuemin": 0,
      "aria-valuemax": Math.max(0, scene.places.length - 1),
      "aria-valuenow": at,
      "aria-valuetext": scene.places.length > 0 ? scene.describe(at) : "",
    });
    this.#paint(scene);
    const key = [...scene.stamp, this.#room].join(" ");
    this.#rebuild(key, () => this.#named(scene));
    this.#rebuildOver(`${key} ${scene.lit} ${scene.selected}`, () => this.#looked(scene));
  }

  #paint({ theme, lit, selected }: PlaneScene): void {
    const context = this.#canvas.getContext?.("2d");
    if (!context) return;
    const ratio = globalThis.devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#room * ratio);
    this.#canvas.height = Math.round(HEIGHT * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [r, g, b] = levelColour(LEVELS - 1, "sequential", theme);
    const n = this.#points.length;
    this.#points.forEach(([x, y], at) => {
      if (!isKnown([x, y])) return;
      const strong = at === lit || at === selected;
      // From the first token to the last, so that repeats can be told apart.
      context.fillStyle = `rgba(${r},${g},${b},${0.35 + (0.6 * at) / Math.max(1, n - 1)})`;
      context.beginPath();
      context.arc(x, y, strong ? 5 : 3, 0, 2 * Math.PI);
      context.fill();
      if (!strong) return;
      context.strokeStyle = theme === "dark" ? "#e6e9ed" : "#1b1f24";
      context.stroke();
    });
  }

  /** Names that touch neither one another nor any point. */
  #named({ names }: PlaneScene): HTMLElement[] {
    const taken: Box[] = this.#points
      .filter(isKnown)
      .map(([x, y]) => ({ x: x - DOT, y: y - DOT, width: 2 * DOT, height: 2 * DOT }));
    const shown: HTMLElement[] = [];
    for (const at of Array.from(names.keys()).slice(0, MOST_TRIED)) {
      const point = this.#points[at];
      if (!point || !isKnown(point) || shown.length >= MOST_NAMES) continue;
      const text = short(names[at] ?? "", 14);
      const box = around(point, text, this.#room).find(
        (one) => !taken.some((other) => touch(one, other)),
      );
      if (!box) continue;
      taken.push(box);
      shown.push(nameAt(box, text));
    }
    return shown;
  }

  /** What is looked at has its name over everything else, so that nothing moves. */
  #looked({ names, lit, selected }: PlaneScene): HTMLElement[] {
    return [...new Set([selected, lit])].flatMap((at) => {
      const point = at === null ? undefined : this.#points[at];
      if (at === null || !point || !isKnown(point)) return [];
      const text = short(names[at] ?? "", 14);
      const name = nameAt(around(point, text, this.#room)[0] as Box, text);
      name.setAttribute("data-lit", "");
      return [name];
    });
  }

  #near(event: MouseEvent): number | null {
    const { left, top } = this.el.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    let [best, distance] = [null as number | null, REACH];
    this.#points.forEach(([px, py], at) => {
      const away = Math.hypot(px - x, py - y);
      if (away < distance) [best, distance] = [at, away];
    });
    return best;
  }

  #key(event: KeyboardEvent): void {
    const scene = this.#scene;
    const last = (scene?.places.length ?? 0) - 1;
    if (!scene || last < 0) return;
    const at = scene.lit ?? scene.selected ?? 0;
    const next: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: last,
    };
    if (event.key === "Enter" || event.key === " ") this.events.press(at);
    else if (event.key in next) {
      const lit = Math.max(0, Math.min(last, next[event.key] ?? 0));
      this.#scene = { ...scene, lit }; // the next key may come before the next frame
      this.events.enter(lit);
    } else return;
    event.preventDefault();
  }
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const isKnown = ([x, y]: readonly [number, number]): boolean =>
  !Number.isNaN(x) && !Number.isNaN(y);

/** Where a name may stand, the best place first: beside its point, above or below it. */
function around([x, y]: readonly [number, number], text: string, room: number): Box[] {
  const [width, height] = [text.length * LETTER + 2, LINE];
  const middle = Math.max(0, Math.min(room - width, x - width / 2));
  const places = [
    { x: x + 6, y: y - LINE / 2 },
    { x: x - 6 - width, y: y - LINE / 2 },
    { x: middle, y: y - 5 - LINE },
    { x: middle, y: y + 5 },
  ];
  const inside = places.filter((at) => at.x >= 0 && at.x + width <= room);
  return (inside.length > 0 ? inside : places).map((at) => ({ ...at, width, height }));
}

function nameAt({ x, y }: Box, text: string): HTMLElement {
  const name = element("bdi", {}, text);
  name.style.transform = `translate(${x}px, ${y}px)`;
  return name;
}

const touch = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;

/** One unit is as long on both axes: otherwise nearness would be an accident of the frame. */
function pixels(
  places: readonly (readonly [number, number])[],
  room: number,
): (readonly [number, number])[] {
  const known = places.filter(isKnown);
  const xs = known.map(([x]) => x);
  const ys = known.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const wide = Math.max(right - left, 1e-9);
  const tall = Math.max(high - low, 1e-9);
  const [across, down] = [room - 2 * MARGIN - 40, HEIGHT - 2 * MARGIN];
  const unit = Math.min(across / wide, down / tall);
  const [x0, y0] = [(room - 40 - wide * unit) / 2, (HEIGHT + tall * unit) / 2];
  return places.map(([x, y]) => [x0 + (x - left) * unit, y0 - (y - low) * unit] as const);
}
