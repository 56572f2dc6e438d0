// Many heads side by side on one scale, each named where it stands: a layer, chosen heads, or all. The cell
// under the pointer lights up in all of them, its head on the map; a click opens a head large. Only
// what is in sight is fetched and painted, at the resolution that is drawn.

import { element, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import { Legend } from "../charts/legend";
import { short } from "../charts/token-text";
import type { HeadPlace, SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import type { HeadPictures, Look } from "../wire/patterns";
import type { Choices, Scope } from "./attention-choices";
import { scaleOf } from "./attention-large";
import { isEdited } from "./attention-values";
import { groupOf, normalisation, resolutionWords } from "./attention-words";
import { HeadThumbnail } from "./head-thumbnail";
import type { Scene } from "./pane";
import type { PatternStore } from "./pattern-store";
import { largestOf, maxOf, readPicture } from "./pattern-values";
import { togglePinned } from "./pinned";

const GAP = 8;
const LAYER_NUMBER = 22;
/** Sides of a picture by how many heads there are: comfortable, or a bird's-eye view. */
const SIDES: Record<Scope, { least: number; most: number }> = {
  head: { least: 60, most: 168 },
  layer: { least: 60, most: 168 },
  pinned: { least: 60, most: 168 },
  model: { least: 18, most: 88 },
};

// Steps, so that a page that is made a little wider asks for nothing new.
const STEPS = [16, 24, 32, 48, 64, 96, 128, 192, 256] as const;

/** Entries on a side: no more than there are pixels, and in a bird's-eye view few. */
export function entriesFor(side: number, scope: Scope, pixelRatio: number): number {
  const most = scope === "model" ? 48 : 256;
  const fit = STEPS.filter((entries) => entries <= Math.min(most, side * pixelRatio));
  return fit.at(-1) ?? STEPS[0];
}

interface Row {
  readonly layer: number;
  readonly el: HTMLElement;
  readonly heads: HTMLElement;
  readonly thumbnails: Map<number, HeadThumbnail>;
  seen: boolean;
}

export interface Drawn {
  readonly waiting: boolean;
  readonly refusal: string;
  readonly shown: boolean;
}

export class Multiples {
  readonly el = element("div", { class: "mw-multiples" });
  readonly #readout = element("div", {
    class: "mw-readout",
    "data-testid": "mw-multiples-readout",
  });
  readonly #rowsEl = element("div", { class: "mw-multiples-rows" });
  readonly #legend = new Legend();
  readonly #caption = element("div", { class: "mw-shares mw-muted" });
  readonly #observer: IntersectionObserver;
  #rows: Row[] = [];
  #made = "";
  #thumbnail = 0;
  #scene: Scene | null = null;

  constructor(
    private readonly store: SessionStore,
    private readonly pictures: PatternStore,
    private readonly open: (head: HeadPlace) => void,
    invalidate: () => void,
    signal: AbortSignal,
  ) {
    this.el.append(this.#readout, this.#rowsEl, this.#legend.el, this.#caption);
    this.#rowsEl.addEventListener("pointerleave", () => this.#look(null, 0, 0));
    this.#rowsEl.addEventListener("keydown", (event) => this.#key(event));
    this.#observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const row = this.#rows.find(({ el }) => el === target);
          if (row) row.seen = isIntersecting;
        }
        invalidate();
      },
      { rootMargin: "200px 0px" },
    );
    signal.addEventListener("abort", () => this.#observer.disconnect());
  }

  draw(scene: Scene, choices: Choices): Drawn {
    this.#scene = scene;
    const { state } = scene as Scene & { state: SessionState };
    const wanted = headsOf(scene, choices);
    const side = this.#side(state, wanted, choices.scope);
    this.#make(state, wanted, choices, side);
    const entries = entriesFor(side, choices.scope, globalThis.devicePixelRatio || 1);
    const moment = isEdited(state) ? choices.moment : "before";
    let largest = 0;
    let waiting = false;
    let refusal = "";
    const found = this.#rows.map((row) => {
      const heads = choices.scope === "pinned" ? [...row.thumbnails.keys()] : null;
      const { weight, cross } = choices;
      const look: Look = { layer: row.layer, moment, weight, cross };
      if (!row.seen) return { row, look, picture: null };
      const { value, late, refusal: why } = this.pictures.pictures(state, look, heads, entries);
      waiting ||= late;
      refusal ||= why;
      if (value) largest = Math.max(largest, largestOf(value));
      return { row, look, picture: value };
    });
    const max = maxOf({ layer: 0, cross: false, weight: choices.weight, moment }, largest);
    for (const { row, picture } of found) this.#drawRow(scene, state, row, picture, max, choices);
    const pictures = found.flatMap(({ picture }) => picture ?? []);
    this.#drawWords(scene, { ...choices, moment }, max, pictures);
    return { waiting, refusal, shown: pictures.length > 0 };
  }

  #drawRow(
    scene: Scene,
    state: SessionState,
    { layer, thumbnails }: Row,
    picture: HeadPictures | null,
    max: number,
    choices: Choices,
  ): void {
    const { hover, locked, pinned } = scene.page;
    for (const [head, thumbnail] of thumbnails) {
      const nth = picture?.heads.indexOf(head) ?? -1;
      const is = (one: HeadPlace | null): boolean => one?.layer === layer && one.head === head;
      const lit = hover.component?.type === "head" && is(hover.component);
      thumbnail.draw({
        picture: nth >= 0 ? picture : null,
        nth,
        scale: scaleOf(choices),
        theme: scene.theme,
        max,
        lit,
        locked: locked?.type === "head" && is(locked),
        pinned: pinned.some(is),
        interventions: state.interventions,
        cross: choices.cross,
        mark: () => scene.marks.head(layer, head)?.words ?? "",
      });
    }
  }

  #drawWords(scene: Scene, choices: Choices, max: number, pictures: readonly HeadPictures[]): void {
    const { moment, weight } = choices;
    const change = moment === "change";
    const values = { moment, weight };
    const factor = pictures[0]?.factor ?? 1;
    const unit = weight === "value" ? "moved" : "attention";
    const said = normalisation(values, "query");
    this.#legend.draw({
      scale: scaleOf(values),
      theme: scene.theme,
      from: change ? -max : 0,
      to: max,
      low: change ? plain(-max) : "0",
      high: change ? signed(max) : `${plain(max).replace(/\.00$/, "")} ${unit}`,
      label: said,
      note: pixelWords(factor),
    });
    this.#legend.el.style.visibility = pictures.length > 0 ? "visible" : "hidden";
    const sink = pictures.some(({ rest }) => rest.some((share) => share >= 0.005));
    const what = sink ? "the first token (dark), to a sink or cut (light)" : "the first token";
    setText(this.#caption, `Bar under a head: its attention to ${what}. Click opens a head.`);
    if (!this.#readout.textContent) setText(this.#readout, " ");
  }

  #side(state: SessionState, wanted: readonly HeadPlace[], scope: Scope): number {
    const numbers = scope === "model" ? LAYER_NUMBER : 0;
    const width = Math.max(220, this.#rowsEl.clientWidth || 480) - numbers;
    const { least, most } = SIDES[scope];
    const across =
      scope === "model"
        ? Math.max(1, ...state.model.heads)
        : Math.max(1, Math.min(4, wanted.length));
    const gap = scope === "model" ? 2 : GAP;
    return Math.max(least, Math.min(most, Math.floor(width / across) - gap));
  }

  /** Makes the rows anew where other heads are wanted than before. */
  #make(
    state: SessionState,
    wanted: readonly HeadPlace[],
    { scope, cross }: Choices,
    side: number,
  ): void {
    if (side !== this.#thumbnail) this.#rowsEl.style.setProperty("--mw-thumbnail", `${side}px`);
    this.#thumbnail = side;
    const key = JSON.stringify([state.session, scope, cross, wanted, state.model.kv_heads]);
    if (key === this.#made) return;
    this.#made = key;
    this.#observer.disconnect();
    const layers = [...new Set(wanted.map(({ layer }) => layer))];
    setAttributes(this.#rowsEl, { "data-scope": scope });
    this.#rows = layers.map((layer) => {
      const own = wanted.filter((one) => one.layer === layer).map(({ head }) => head);
      return this.#row(state, layer, own, scope, cross);
    });
    this.#rowsEl.replaceChildren(...this.#rows.map(({ el }) => el));
    this.#rowsEl.querySelector(".mw-thumbnail")?.setAttribute("tabindex", "0");
    for (const { el } of this.#rows) this.#observer.observe(el);
  }

  #row(
    state: SessionState,
    layer: number,
    own: readonly number[],
    scope: Scope,
    cross: boolean,
  ): Row {
    const number = element("span", { class: "mw-multiples-layer" }, String(layer));
    number.title = `layer ${layer}`;
    const heads = element("div", { class: "mw-multiples-heads" });
    const el = element("div", { class: "mw-multiples-row" }, number, heads);
    const thumbnails = new Map<number, HeadThumbnail>();
    let group: HTMLElement | null = null;
    let groupFirst = -1;
    for (const head of own) {
      const thumbnail = new HeadThumbnail(
        { layer, head },
        {
          look: (query, key) => this.#look({ layer, head }, query, key),
          press: (event) => this.#press({ layer, head }, event),
        },
      );
      thumbnails.set(head, thumbnail);
      const shared = cross ? [head] : groupOf(state, layer, head);
      if (scope === "pinned" || shared.length === 1) heads.append(thumbnail.el);
      else {
        if (group === null || groupFirst !== shared[0]) {
          groupFirst = shared[0] ?? head;
          group = element("div", { class: "mw-multiples-group" });
          const nth = Math.floor(groupFirst / shared.length);
          group.dataset.group = scope === "model" ? "" : `k/v head ${nth}`;
          group.title = `These heads share k/v head ${nth}`;
          heads.append(group);
        }
        group.append(thumbnail.el);
      }
    }
    return { layer, el, heads, thumbnails, seen: false };
  }

  /** The cell under the pointer, in tokens: lit in every picture, its head on the map. */
  #look(head: HeadPlace | null, query: number, key: number): void {
    const picture = head && this.#pictureOf(head);
    for (const { seen, thumbnails } of this.#rows) {
      if (!seen && picture) continue;
      for (const one of thumbnails.values()) one.light(picture && { query, key }, this.#thumbnail);
    }
    if (head && picture) {
      const prompt = picture.queries === null ? query : picture.keys === null ? key : null;
      this.store.hover({ type: "head", ...head }, prompt);
      setText(this.#readout, this.#words(head, picture, query, key));
    } else {
      this.store.hover(null);
      setText(this.#readout, " ");
    }
  }

  #words(head: HeadPlace, picture: HeadPictures, query: number, key: number): string {
    const nth = picture.heads.indexOf(head.head);
    const number = readPicture(picture, nth, query, key);
    const { factor } = picture;
    const tokens = (side: HeadPictures["queries"], at: number): string => {
      const named = side ?? this.#scene?.state?.tokens ?? [];
      const first = Math.floor(at / factor) * factor;
      if (factor > 1) return `${first}–${Math.min(first + factor, named.length) - 1}`;
      return `${short(named[at]?.text ?? "", 24)} (${at})`;
    };
    const least = factor > 1 ? "at most " : "";
    return `head ${head.layer}.${head.head} · ${tokens(picture.queries, query)} to ${tokens(picture.keys, key)}: ${least}${plain(number)} · ${plain(picture.first[nth] ?? 0)} on the first token`;
  }

  #pictureOf({ layer, head }: HeadPlace): HeadPictures | null {
    const row = this.#rows.find((one) => one.layer === layer);
    return row?.thumbnails.get(head)?.picture ?? null;
  }

  #press(head: HeadPlace, event: MouseEvent | KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey) togglePinned(this.store, { type: "head", ...head });
    else this.open(head);
  }

  /** Arrow keys lead from picture to picture. */
  #key(event: KeyboardEvent): void {
    const all = Array.from(this.#rowsEl.querySelectorAll<HTMLElement>(".mw-thumbnail"));
    const at = all.indexOf(event.target as HTMLElement);
    const box = all[at]?.getBoundingClientRect();
    const across = all.filter((node) => node.getBoundingClientRect().top === box?.top).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
    const next = step === undefined || at < 0 ? undefined : all[at + step];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    all[at]?.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }
}

const pixelWords = (factor: number): string =>
  factor > 1 ? resolutionWords(factor).replace("square", "pixel") : "";

/** The heads that are wanted, in the order in which they stand. */
function headsOf({ state, head, page }: Scene, { scope, cross }: Choices): HeadPlace[] {
  const counts = (cross ? state?.model.cross_heads : state?.model.heads) ?? [];
  const of = (layer: number): HeadPlace[] =>
    Array.from({ length: counts[layer] ?? 0 }, (_, i) => ({ layer, head: i }));
  if (scope === "pinned") return page.pinned.filter((one) => one.head < (counts[one.layer] ?? 0));
  if (scope === "layer") return head ? of(head.layer) : [];
  return counts.flatMap((_, layer) => of(layer));
}
