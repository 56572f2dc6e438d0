// One head among many: its picture, its name, how much of its attention rests on the first token, its
// marks. In: a picture of its layer. Out: which cell the pointer is on, and presses.

import { sameStamp } from "../charts/canvas-grid";
import type { Scale, Theme } from "../charts/colour";
import { element, setAttributes } from "../charts/dom";
import { plain } from "../charts/format";
import { paintThumbnail } from "../charts/thumbnail";
import type { HeadPlace } from "../store/session-store";
import type { HeadPictures } from "../wire/patterns";
import type { CutOff } from "./attention-edges";
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
  cuts: CutOff | null;
  /** What is done to the head. */
  mark: string;
}

interface Events {
  look(query: number, key: number): void;
  press(event: MouseEvent | KeyboardEvent): void;
}

export class HeadThumbnail {
  readonly el: HTMLElement;
  picture: HeadPictures | null = null;
  readonly #canvas = element("canvas", { class: "mw-thumbnail-canvas", "aria-hidden": "true" });
  readonly #cuts = element("span", { class: "mw-thumbnail-cuts" });
  readonly #first = element("span", { class: "mw-thumbnail-first" });
  readonly #rest = element("span", { class: "mw-thumbnail-rest" });
  readonly #name: string;
  #stamp: readonly unknown[] = [];
  #cut = "";

  constructor({ layer, head }: HeadPlace, events: Events) {
    this.#name = `${layer}.${head}`;
    const lit = element("span", { class: "mw-thumbnail-lit" });
    const frame = element("span", { class: "mw-thumbnail-frame" }, this.#canvas, this.#cuts, lit);
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
    this.#canvas.addEventListener("pointermove", (event) => {
      const { picture } = this;
      if (!picture) return;
      const box = this.#canvas.getBoundingClientRect();
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
    setAttributes(this.el, {
      "aria-label": this.#words(look),
      "data-lit": look.lit,
      "data-locked": look.locked,
      "data-pinned": look.pinned,
      "data-marked": look.mark !== "",
      title: `Head ${this.#name}${look.mark ? `, ${look.mark}` : ""}`,
    });
    if (!picture) return;
    const stamp = [picture, nth, scale, theme, max];
    if (!sameStamp(this.#stamp, stamp)) {
      this.#stamp = stamp;
      this.#paint(look, picture);
    }
    this.#drawCuts(look, picture);
  }

  #paint({ nth, scale, theme, max }: ThumbnailLook, picture: HeadPictures): void {
    const [, rows = 0, columns = 0] = picture.values.shape;
    const { factor } = picture;
    paintThumbnail(this.#canvas, {
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

  #drawCuts({ cuts }: ThumbnailLook, { nQueries, nKeys }: HeadPictures): void {
    const key = JSON.stringify(cuts);
    if (key === this.#cut) return;
    this.#cut = key;
    const dots = (cuts?.edges ?? []).map(({ query, key: at, on }) => {
      const dot = element("span", { class: "mw-thumbnail-cut", "data-off": !on });
      dot.style.left = `${(100 * (at + 0.5)) / nKeys}%`;
      dot.style.top = `${(100 * (query + 0.5)) / nQueries}%`;
      return dot;
    });
    const lines = (cuts?.rows ?? []).map(({ query, on }) => {
      const line = element("span", { class: "mw-thumbnail-struck", "data-off": !on });
      line.style.top = `${(100 * (query + 0.5)) / nQueries}%`;
      return line;
    });
    this.#cuts.replaceChildren(...lines, ...dots);
  }

  #words({ picture, nth, mark, pinned }: ThumbnailLook): string {
    const first = picture ? `, ${plain(picture.first[nth] ?? 0)} on the first token` : "";
    const rest = picture?.rest[nth] ?? 0;
    const sink = rest >= 0.005 ? `, ${plain(rest)} on no token` : "";
    const words = [mark, pinned ? "chosen" : ""].filter(Boolean).map((word) => `, ${word}`);
    return `Head ${this.#name}${first}${sink}${words.join("")}`;
  }
}

const share = (value: number | undefined): number => Math.max(0, Math.min(1, value ?? 0));
