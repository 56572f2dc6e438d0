// One head among many: its picture, its name, how much of its attention rests on the first token, its
// marks. In: a picture of its layer. Out: which cell the pointer is on, and presses.

import { sameStamp } from "../charts/canvas-grid";
import type { Scale, Theme } from "../charts/colour";
import { element, setAttributes } from "../charts/dom";
import { plain } from "../charts/format";
import { thumbnail } from "../charts/thumbnail";
import type { HeadPlace } from "../store/session-store";
import type { InterventionJson } from "../types";
import type { HeadPictures } from "../wire/patterns";
import { cutOff } from "./attention-edges";
import { readPicture } from "./pattern-values";

export interface ThumbnailLook {
  picture: HeadPictures | null;
  /** Its place among the heads of the picture. */
  nth: number;
  scale: Scale;
  theme: Theme;
  max: number;
  lit: boolean;
  locked: boolean;
  pinned: boolean;
  cross: boolean;
  /** The same list is the same marks. */
  interventions: readonly InterventionJson[];
  /** What is done to the head. */
  mark: () => string;
}

interface Events {
  look(query: number, key: number): void;
  press(event: MouseEvent | KeyboardEvent): void;
}

export class HeadThumbnail {
  readonly el: HTMLElement;
  picture: HeadPictures | null = null;
  readonly #picture = element("img", {
    class: "mw-thumbnail-picture",
    alt: "",
    draggable: "false",
  });
  readonly #lit = element("span", { class: "mw-thumbnail-lit" });
  readonly #cuts = element("span", { class: "mw-thumbnail-cuts" });
  readonly #first = element("span", { class: "mw-thumbnail-first" });
  readonly #rest = element("span", { class: "mw-thumbnail-rest" });
  readonly #name: string;
  #drawn: readonly unknown[] = [];
  #stamp: readonly unknown[] = [];
  #cut = "";

  constructor(
    private readonly place: HeadPlace,
    events: Events,
  ) {
    const { layer, head } = place;
    this.#name = `${layer}.${head}`;
    const frame = element(
      "span",
      { class: "mw-thumbnail-frame" },
      this.#picture,
      this.#cuts,
      this.#lit,
    );
    const shares = element("span", { class: "mw-thumbnail-shares" }, this.#first, this.#rest);
    const name = element("span", { class: "mw-thumbnail-name" }, this.#name);
    this.el = element(
      "button",
      {
        type: "button",
        class: "mw-thumbnail",
        tabindex: -1,
        "data-testid": `mw-thumbnail-${layer}-${head}`,
      },
      frame,
      shares,
      name,
    );
    this.el.addEventListener("click", (event) => events.press(event));
    this.el.addEventListener("focus", () => events.look(0, 0));
    this.#picture.addEventListener("pointermove", (event) => {
      const { picture } = this;
      if (!picture) return;
      const box = this.#picture.getBoundingClientRect();
      const at = (share: number, count: number): number =>
        Math.max(0, Math.min(count - 1, Math.floor(share * count)));
      const query = at((event.clientY - box.top) / box.height, picture.nQueries);
      const key = at((event.clientX - box.left) / box.width, picture.nKeys);
      events.look(query, picture.values.layout === "tril" ? Math.min(key, query) : key);
    });
  }

  draw(look: ThumbnailLook): void {
    const { picture, nth, scale, theme, max } = look;
    this.picture = picture;
    const { lit, locked, pinned, interventions, cross } = look;
    const whole = [picture, nth, scale, theme, max, lit, locked, pinned, interventions, cross];
    // Most frames are about two pictures of a hundred.
    if (sameStamp(this.#drawn, whole)) return;
    this.#drawn = whole;
    const mark = look.mark();
    setAttributes(this.el, {
      "aria-label": this.#words(look, mark),
      "data-lit": look.lit,
      "data-locked": look.locked,
      "data-pinned": look.pinned,
      "data-marked": mark !== "",
      title: `Head ${this.#name}${mark ? `, ${mark}` : ""}`,
    });
    if (!picture) return;
    const stamp = [picture, nth, scale, theme, max];
    if (!sameStamp(this.#stamp, stamp)) {
      this.#stamp = stamp;
      this.#paint(look, picture);
    }
    this.#drawCuts(look, picture);
  }

  /** Lights the entry of an edge up, in a picture that is so many pixels wide; null: none. */
  light(edge: { query: number; key: number } | null, side: number): void {
    const { style } = this.#lit;
    const shown = edge !== null && this.picture !== null;
    style.visibility = shown ? "visible" : "hidden";
    if (!edge || !this.picture) return;
    const { nQueries, nKeys } = this.picture;
    const size = Math.max(6, side / Math.max(nKeys, nQueries));
    // By its place and not by a transform: a hundred transforms are a hundred layers to put together.
    style.left = `${Math.min(side - size, (side * edge.key) / nKeys)}px`;
    style.top = `${Math.min(side - size, (side * edge.query) / nQueries)}px`;
    if (style.width !== `${size}px`) style.width = style.height = `${size}px`;
  }

  #paint({ nth, scale, theme, max }: ThumbnailLook, picture: HeadPictures): void {
    const [, rows = 0, columns = 0] = picture.values.shape;
    const { factor } = picture;
    this.#picture.src = thumbnail({
      rows,
      columns,
      triangle: picture.values.layout === "tril",
      scale,
      theme,
      max,
      value: (row, column) => readPicture(picture, nth, row * factor, column * factor),
    });
    this.#first.style.width = `${100 * share(picture.first[nth])}%`;
    this.#rest.style.width = `${100 * share(picture.rest[nth])}%`;
  }

  #drawCuts({ interventions, cross }: ThumbnailLook, { nQueries, nKeys }: HeadPictures): void {
    const cuts = cutOff(interventions, { ...this.place, cross }, nQueries, nKeys);
    const key = JSON.stringify(cuts);
    if (key === this.#cut) return;
    this.#cut = key;
    const dots = cuts.edges.map(({ query, key: at, on }) => {
      const dot = element("span", { class: "mw-thumbnail-cut", "data-off": !on });
      dot.style.left = `${(100 * (at + 0.5)) / nKeys}%`;
      dot.style.top = `${(100 * (query + 0.5)) / nQueries}%`;
      return dot;
    });
    const lines = cuts.rows.map(({ query, on }) => {
      const line = element("span", { class: "mw-thumbnail-struck", "data-off": !on });
      line.style.top = `${(100 * (query + 0.5)) / nQueries}%`;
      return line;
    });
    this.#cuts.replaceChildren(...lines, ...dots);
  }

  #words({ picture, nth, pinned }: ThumbnailLook, mark: string): string {
    const first = picture ? `, ${plain(picture.first[nth] ?? 0)} on the first token` : "";
    const rest = picture?.rest[nth] ?? 0;
    const sink = rest >= 0.005 ? `, ${plain(rest)} on no token` : "";
    const words = [mark, pinned ? "chosen" : ""].filter(Boolean).map((word) => `, ${word}`);
    return `Head ${this.#name}${first}${sink}${words.join("")}`;
  }
}

const share = (value: number | undefined): number => Math.max(0, Math.min(1, value ?? 0));
