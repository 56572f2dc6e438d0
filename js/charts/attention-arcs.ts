// One head's attention as arcs between two columns of tokens: queries on the left, the keys that they
// read on the right. Long prompts scroll, and only what is in sight is drawn. In: values and tokens. Out: which
// token or edge is looked at, and which edge was pressed.

import { type Arc, arcAt, type Chosen, paintArcs, strongest } from "./arc-paint";
import { type AxisToken, describeLabel } from "./attention-matrix";
import { sameStamp } from "./canvas-grid";
import type { Scale, Theme } from "./colour";
import { element, focusedIn, setAttributes } from "./dom";

export interface ArcsScene {
  label: string;
  queries: readonly AxisToken[];
  keys: readonly AxisToken[];
  triangle: boolean;
  scale: Scale;
  theme: Theme;
  max: number;
  /** Whose arcs are drawn where not all are in sight: those of the queries, or of the keys. */
  by: "query" | "key";
  room: { width: number; height: number };
  /** What is looked at: an edge, or all arcs of a token. */
  at: Place;
  /** A token lit from elsewhere. */
  lit: Place;
  tone: string;
  stamp: readonly unknown[];
  value(query: number, key: number): number;
  /** Is the edge cut, and is the cut on? */
  cut(query: number, key: number): boolean | null;
  describe(query: number, key: number): string;
}

export interface Place {
  readonly query: number | null;
  readonly key: number | null;
}

export interface ArcEvents {
  look(at: Place): void;
  press(query: number, key: number, event: MouseEvent | KeyboardEvent): void;
  /** Other tokens came into sight. */
  scroll(): void;
}

/** The least and the most room of a token. */
const ROW = { least: 18, most: 26 };
const LABEL = 92;

export class AttentionArcs {
  readonly el = element("div", { class: "mw-arcs" });
  readonly #sheet = element("div", { class: "mw-arcs-sheet" });
  readonly #canvas = element("canvas", { class: "mw-arcs-canvas", "aria-hidden": "true" });
  readonly #queries = element("div", { class: "mw-arcs-side", role: "listbox" });
  readonly #keys = element("div", { class: "mw-arcs-side mw-arcs-keys", "aria-hidden": "true" });
  #scene: ArcsScene | null = null;
  #chosen: Chosen = { arcs: [], of: 0 };
  #stamp: readonly unknown[] = [];
  #focus = 0;
  #row = ROW.least;

  constructor(private readonly events: ArcEvents) {
    this.#sheet.append(this.#canvas, this.#queries, this.#keys);
    this.el.append(this.#sheet);
    this.el.addEventListener("scroll", () => events.scroll());
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("pointerleave", () => events.look({ query: null, key: null }));
    this.#canvas.addEventListener("click", (event) => {
      const arc = this.#arcUnder(event);
      if (arc) events.press(arc.query, arc.key, event);
    });
    this.#queries.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The tokens in sight: the first, and how many. */
  sight(tokens: number, height: number): { first: number; count: number } {
    const first = Math.max(0, Math.floor(this.el.scrollTop / this.#row));
    const count = Math.ceil(height / this.#row) + 1;
    return { first, count: Math.max(1, Math.min(count, tokens - first)) };
  }

  /** How many of how many arcs are on show. */
  get shown(): { drawn: number; of: number } {
    return { drawn: this.#chosen.arcs.length, of: this.#chosen.of };
  }

  draw(scene: ArcsScene): void {
    this.#scene = scene;
    const { queries, keys, room } = scene;
    const rows = Math.max(queries.length, keys.length);
    this.#row = Math.max(ROW.least, Math.min(ROW.most, Math.floor(room.height / rows)));
    this.#sheet.style.setProperty("--mw-arc-row", `${this.#row}px`);
    const height = Math.min(room.height, rows * this.#row);
    this.el.style.maxHeight = `${height}px`;
    this.#sheet.style.height = `${rows * this.#row}px`;
    setAttributes(this.#queries, { "aria-label": scene.label });
    const sight = this.sight(rows, height);
    const stamp = [...scene.stamp, scene.by, sight.first, sight.count, scene.max];
    if (!sameStamp(this.#stamp, stamp)) {
      this.#stamp = stamp;
      const marked = (arc: Arc): boolean => scene.cut(arc.query, arc.key) !== null;
      this.#chosen = strongest(candidates(scene, sight), scene.max, marked);
    }
    this.#focus = Math.min(this.#focus, queries.length - 1);
    this.#label(this.#queries, queries, sight, scene.at.query ?? scene.lit.query, true);
    this.#label(this.#keys, keys, sight, scene.at.key ?? scene.lit.key, false);
    this.#paint(scene, height);
  }

  #paint(scene: ArcsScene, height: number): void {
    const context = this.#canvas.getContext?.("2d");
    if (!context) return;
    const width = this.#width(scene);
    const ratio = globalThis.devicePixelRatio || 1;
    const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * ratio)));
    if (this.#canvas.width !== across || this.#canvas.height !== down) {
      this.#canvas.width = across as number;
      this.#canvas.height = down as number;
    }
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    this.#sheet.style.width = `${width + 2 * LABEL}px`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const { query, key } = scene.at.query === null && scene.at.key === null ? scene.lit : scene.at;
    const all = query === null && key === null;
    const one = scene.at.query !== null && scene.at.key !== null;
    paintArcs(context, this.#chosen.arcs, {
      width,
      scale: scene.scale,
      theme: scene.theme,
      max: scene.max,
      tone: scene.tone,
      y: (token) => this.#y(token),
      cut: (arc) => scene.cut(arc.query, arc.key),
      shines: all
        ? null
        : (arc) =>
            one ? arc.query === query && arc.key === key : arc.query === query || arc.key === key,
    });
  }

  #width({ room }: ArcsScene): number {
    return Math.max(80, Math.min(420, room.width - 2 * LABEL - 16));
  }

  /** Where a token's line lies on the canvas, which shows what is in sight. */
  #y(token: number): number {
    return token * this.#row + this.#row / 2 - this.el.scrollTop;
  }

  #label(
    side: HTMLElement,
    tokens: readonly AxisToken[],
    { first, count }: { first: number; count: number },
    lit: number | null,
    queries: boolean,
  ): void {
    const shown = Math.max(0, Math.min(count, tokens.length - first));
    while (side.childElementCount > shown) side.lastElementChild?.remove();
    while (side.childElementCount < shown) side.append(this.#token(queries));
    for (let i = 0; i < shown; i++) {
      const node = side.children[i] as HTMLElement;
      const token = first + i;
      node.dataset.token = String(token);
      node.style.transform = `translate(0, ${token * this.#row}px)`;
      describeLabel(node, tokens[token], token, token === lit);
      if (queries) {
        const at = this.#strongestOf(token, 0);
        const key = this.#scene?.at.query === token ? (this.#scene.at.key ?? at) : at;
        setAttributes(node, {
          tabindex: token === this.#focus ? 0 : -1,
          "aria-selected": String(token === lit),
          "aria-label": key === null ? null : (this.#scene?.describe(token, key) ?? null),
        });
      }
    }
  }

  #token(query: boolean): HTMLElement {
    const node = element("span", {
      class: "mw-arcs-token mw-matrix-label",
      role: query ? "option" : null,
    });
    const look = (): void => {
      const token = Number(node.dataset.token);
      this.events.look(query ? { query: token, key: null } : { query: null, key: token });
    };
    node.addEventListener("pointerenter", look);
    node.addEventListener("pointerleave", () => this.events.look({ query: null, key: null }));
    node.addEventListener("focus", look);
    node.addEventListener("blur", () => this.events.look({ query: null, key: null }));
    return node;
  }

  #point(event: PointerEvent): void {
    const arc = this.#arcUnder(event);
    this.#canvas.style.cursor = arc ? "pointer" : "default";
    this.events.look({ query: arc?.query ?? null, key: arc?.key ?? null });
  }

  #arcUnder(event: MouseEvent): Arc | null {
    if (!this.#scene) return null;
    const box = this.#canvas.getBoundingClientRect();
    const style = { width: this.#width(this.#scene), y: (token: number) => this.#y(token) };
    return arcAt(this.#chosen.arcs, style, event.clientX - box.left, event.clientY - box.top);
  }

  /** The key of a query's n-th strongest arc; null where it has none on show. */
  #strongestOf(query: number, nth: number): number | null {
    const own = this.#chosen.arcs
      .filter((arc) => arc.query === query)
      .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
    return own[((nth % own.length) + own.length) % own.length]?.key ?? null;
  }

  #key(event: KeyboardEvent): void {
    const scene = this.#scene;
    if (!scene) return;
    const down = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const { query, key } = scene.at;
    if (down !== undefined) this.#focusOn(this.#focus + down);
    else if (along !== undefined) {
      const step = key === null ? 0 : this.#place(this.#focus, key) + along;
      const at = { query: this.#focus, key: this.#strongestOf(this.#focus, step) };
      this.#scene = { ...scene, at }; // the next key may come before the next frame
      this.events.look(at);
    } else if (event.key === "Enter" || event.key === " ") {
      // What is looked at may be a frame behind the focus.
      const looked = query === this.#focus ? key : null;
      const edge = looked ?? this.#strongestOf(this.#focus, 0);
      if (!event.repeat && edge !== null) this.events.press(this.#focus, edge, event);
    } else return;
    event.preventDefault();
  }

  /** Which of a query's arcs, the strongest first, this is. */
  #place(query: number, key: number): number {
    const own = this.#chosen.arcs
      .filter((arc) => arc.query === query)
      .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
    return own.findIndex((arc) => arc.key === key);
  }

  #focusOn(query: number): void {
    const last = (this.#scene?.queries.length ?? 1) - 1;
    this.#focus = Math.max(0, Math.min(query, last));
    const [top, bottom] = [this.#focus * this.#row, (this.#focus + 1) * this.#row];
    if (top < this.el.scrollTop) this.el.scrollTop = top;
    if (bottom > this.el.scrollTop + this.el.clientHeight)
      this.el.scrollTop = bottom - this.el.clientHeight;
    if (this.#scene) this.draw(this.#scene);
    const node = this.#queries.querySelector<HTMLElement>(`[data-token="${this.#focus}"]`);
    if (node !== focusedIn(this.el)) node?.focus({ preventScroll: true });
  }
}

/** The edges with an end in sight, on the side that is read along. */
function* candidates(
  { queries, keys, triangle, by, value }: ArcsScene,
  { first, count }: { first: number; count: number },
): Iterable<Arc> {
  const all = [0, Number.POSITIVE_INFINITY] as const;
  const seen = [first, first + count] as const;
  const [fromQuery, toQuery] = by === "query" ? seen : all;
  const [fromKey, toKey] = by === "key" ? seen : all;
  for (let query = fromQuery; query < Math.min(toQuery, queries.length); query++) {
    const end = Math.min(toKey, triangle ? query + 1 : keys.length, keys.length);
    for (let key = fromKey; key < end; key++) yield { query, key, weight: value(query, key) };
  }
}
