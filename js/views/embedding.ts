// The embedding: from text to the vectors that the first layer reads. What each vector is a sum of, one
// token step by step, how positions are told apart, and all tokens on a plane. All of it is of the
// prompt without edits. Hovering lights up the token everywhere; a click selects it.

import { element, keyed, setText } from "../charts/dom";
import { count, percent, plain } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { Legend } from "../charts/legend";
import { PositionMap } from "../charts/position-map";
import { TokenPlaneChart } from "../charts/token-plane";
import { short } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import {
  askEmbedded,
  askParts,
  askPlane,
  askPositions,
  type EmbeddedToken,
  type EmbeddingParts,
  type PositionEncodings,
  type TokenPlane,
} from "../wire/embedding";
import type { SessionClient } from "../wire/session-client";
import { largestNorm, linesOf, partsScene, sentenceOf } from "./embedding-parts";
import { type EncodingPicture, pictureOf } from "./embedding-positions";
import { TokenSteps } from "./embedding-token";
import { encodingName, encodingWords, sumOf } from "./embedding-words";
import { baselineKey, Fetches } from "./fetches";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { Resting } from "./resting";
import { selectOf } from "./select";
import type { Cast } from "./stage";
import { standalone } from "./standalone";

type Showing = "parts" | "positions" | "plane";

const SHOWING: readonly (readonly [Showing, string])[] = [
  ["parts", "what each vector is made of"],
  ["positions", "how positions are told apart"],
  ["plane", "the vectors on a plane"],
];
const CONVENTIONS: Record<Showing, string> = {
  parts:
    "without the edits, which act on what comes after · norm = Euclidean length · share = part · sum / " +
    "sum · sum, so that shares add up to 1 · nearest by the cosine to every row of the token table",
  positions: "as the model’s own forward had it at this length, without the edits",
  plane: "of the vectors without their mean · one unit is as long on both axes · without the edits",
};

export class EmbeddingPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-embedding",
    "aria-label": "Embedding",
    "data-testid": "mw-embedding",
  });
  readonly #showing = selectOf("What is shown", "mw-embedding-showing", SHOWING);
  readonly #which = selectOf("Which encoding", "mw-embedding-encoding", []);
  readonly #of = selectOf("Which vectors", "mw-embedding-of", [
    ["resid_pre", "first residual"],
    ["token", "token vectors"],
  ]);
  readonly #said = element("p", { class: "mw-embedding-said", "data-testid": "mw-embedding-said" });
  readonly #reading = element("p", { class: "mw-cache-reading" });
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #notes = element("div", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #legend = new Legend();
  readonly #other = new Legend();
  readonly #steps = new TokenSteps();
  readonly #map: PositionMap;
  readonly #plane: TokenPlaneChart;
  readonly #parts: Fetches<EmbeddingParts>;
  readonly #tokens: Fetches<EmbeddedToken>;
  readonly #positions: Fetches<PositionEncodings>;
  readonly #planes: Fetches<TokenPlane>;
  readonly #resting: Resting;
  readonly #rebuildWhich = keyed(this.#which);
  readonly #client: SessionClient;
  readonly #store: SessionStore;
  #at: Cell | null = null;
  #tokenOf: (column: number) => number | null = (column) => column;

  constructor({ client, store, invalidate, signal }: Cast) {
    this.#client = client;
    this.#store = store;
    this.#parts = new Fetches(client, invalidate, signal);
    this.#tokens = new Fetches(client, invalidate, signal);
    this.#positions = new Fetches(client, invalidate, signal);
    this.#planes = new Fetches(client, invalidate, signal);
    this.#resting = new Resting(invalidate, signal);
    const select = (token: number | null): void => {
      if (token !== null) store.set({ token });
    };
    this.#map = new PositionMap(
      "Embedding",
      {
        enter: (cell) => this.#hover(cell),
        leave: () => this.#hover(null),
        press: ({ column }) => select(this.#tokenOf(column)),
      },
      signal,
    );
    this.#plane = new TokenPlaneChart({
      enter: (token) => store.hover(null, token),
      leave: () => store.hover(null),
      press: select,
    });
    for (const one of [this.#showing, this.#which, this.#of]) {
      one.addEventListener("change", invalidate);
    }
    offersTable(this.el, () => ({ view: "embedding", options: {} }));
    const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Embedding"));
    const chosen = element("div", { class: "mw-choices" });
    chosen.append(this.#showing, this.#which, this.#of);
    this.el.append(head, chosen, this.#said, this.#map.el, this.#plane.el);
    const legends = element("div", { class: "mw-embedding-legends" });
    legends.append(this.#legend.el, this.#other.el);
    this.el.append(legends, this.#reading, this.#steps.el, this.#empty, this.#notes);
  }

  draw(scene: Scene): void {
    const { state } = scene;
    if (!state) return;
    const showing = this.#showing.value as Showing;
    const key = state.tokens.length > 0 ? baselineKey(state) : "";
    setText(this.#notes, CONVENTIONS[showing]);
    const drawn = key ? this.#drawShowing(scene, state, showing, key) : "";
    this.#which.hidden = showing !== "positions" || this.#which.options.length < 2;
    this.#of.hidden = showing !== "plane";
    this.#plane.el.hidden = showing !== "plane" || drawn !== null;
    this.#map.el.hidden = showing === "plane" || drawn !== null;
    this.#legend.el.hidden = this.#map.el.hidden;
    this.#other.el.hidden = this.#map.el.hidden || showing !== "parts";
    this.#reading.hidden = this.#map.el.hidden && this.#plane.el.hidden;
    this.#steps.el.hidden = showing !== "parts" || drawn !== null;
    if (drawn !== null) setText(this.#said, "");
    setText(this.#empty, drawn === null ? "" : drawn || emptyText(scene));
  }

  /** Null where it is drawn; else why it is not, or nothing while it is on its way. */
  #drawShowing(scene: Scene, state: SessionState, showing: Showing, key: string): string | null {
    if (showing === "plane") return this.#drawPlane(scene, state, key);
    if (showing === "positions") return this.#drawPositions(scene, state, key);
    return this.#drawParts(scene, state, key);
  }

  #drawParts(scene: Scene, state: SessionState, key: string): string | null {
    const { page, theme } = scene;
    const now = this.#parts.get(`${key} parts`, (signal) => askParts(this.#client, { signal }));
    const refusal = this.#parts.refusal(`${key} parts`);
    const parts = now ?? this.#parts.last;
    const position = shownToken(scene, state);
    const wish = `${key} token ${position}`;
    const told = this.#resting.on(wish)
      ? this.#tokens.get(wish, (signal) => askEmbedded(this.#client, position, { signal }))
      : this.#tokens.kept(wish);
    const denied = this.#tokens.refusal(wish);
    this.#wait((!now && !refusal) || (!told && !denied));
    if (refusal || !parts || parts.norms.shape[1] !== state.tokens.length) return refusal;
    this.#tokenOf = (column) => column;
    setText(this.#said, sumOf(parts));
    this.#drawMap(scene, partsScene(state, parts, theme));
    const max = largestNorm(parts);
    const norms = "Norms of the parts, of their sum and of the residual";
    const low = { theme, from: 0, to: 1, low: "0", high: plain(max) };
    this.#legend.draw({ ...low, scale: "sequential", label: norms, note: "norm" });
    this.#other.el.style.visibility = parts.parts.length > 1 ? "visible" : "hidden";
    const signed = { theme, from: -1, to: 1, low: "−1", high: "+1" };
    const cosines = "Cosines between parts, and shares of the sum";
    this.#other.draw({ ...signed, scale: "diverging", label: cosines, note: "cosine, share" });
    const row = this.#at?.row ?? 0;
    const token = page.hover.token ?? position;
    setText(this.#reading, sentenceOf(state, linesOf(parts), row, token));
    const shown = told ?? (denied ? null : this.#tokens.last);
    this.#steps.draw({ state, theme, position, parts, told: shown, refusal: denied });
    return null;
  }

  #drawPositions(scene: Scene, state: SessionState, key: string): string | null {
    const wish = `${key} positions`;
    const now = this.#positions.get(wish, (signal) => askPositions(this.#client, { signal }));
    const refusal = this.#positions.refusal(wish);
    this.#wait(!now && !refusal);
    const found = now ?? (refusal ? null : this.#positions.last);
    if (!found) return refusal;
    const named = found.encodings.map(encodingName);
    this.#rebuildWhich(named.join("\n"), () =>
      named.map((name, at) => element("option", { value: at }, name)),
    );
    const one = found.encodings[Number(this.#which.value)] ?? found.encodings[0];
    if (!one) return `No position encoding is shown: ${found.reason}.`;
    const texts = state.tokens.map(({ text }) => text);
    const picture: EncodingPicture = pictureOf(one, texts, scene.theme);
    this.#tokenOf = picture.tokenOf;
    setText(this.#said, encodingWords(one));
    this.#drawMap(scene, picture.map);
    this.#legend.draw({ ...picture.legend, theme: scene.theme });
    const { rows, columns, describe } = picture.map;
    const at = this.#at;
    const known = at && at.row < rows.length && at.column < columns.length;
    setText(this.#reading, known ? describe(at.row, at.column) : "Point at a cell for its number.");
    return null;
  }

  #drawPlane(scene: Scene, state: SessionState, key: string): string | null {
    const of = this.#of.value === "token" ? "token" : "resid_pre";
    const wish = `${key} plane ${of}`;
    const now = this.#planes.get(wish, (signal) => askPlane(this.#client, of, { signal }));
    const refusal = this.#planes.refusal(wish);
    this.#wait(!now && !refusal);
    const plane = now ?? (refusal ? null : this.#planes.last);
    if (!plane || plane.places.shape[0] !== state.tokens.length) return refusal;
    const { page, theme } = scene;
    const [x, y] = plane.explained;
    const places = state.tokens.map(
      (_, at) => [plane.places.at(at, 0), plane.places.at(at, 1)] as const,
    );
    const describe = (at: number): string => {
      const [a = 0, b = 0] = places[at] ?? [];
      if (Number.isNaN(a)) return `${short(state.tokens[at]?.text ?? "", 16)} (${at}): left out`;
      return `${short(state.tokens[at]?.text ?? "", 16)} (${at}): ${plain(a)} across, ${plain(b)} up`;
    };
    const share = `${percent(x)} of the variance across and ${percent(y)} up`;
    const warning =
      x + y < 0.5 ? " Most of it lies outside this plane: what is near here may be far apart." : "";
    const out = plane.leftOut > 0 ? ` ${count(plane.leftOut, "special token")} left out.` : "";
    setText(this.#said, `The first two principal components hold ${share}.${out}${warning}`);
    this.#plane.draw({
      theme,
      places,
      names: state.tokens.map(({ text }) => text),
      lit: page.hover.token,
      selected: page.token,
      label: "Tokens on the plane of their first two principal components",
      describe,
      stamp: [wish, now === null],
    });
    const at = page.hover.token ?? page.token;
    const resting =
      "Later tokens are stronger in colour. Point at one, or walk along them with the arrow keys.";
    setText(this.#reading, at === null || at >= places.length ? resting : describe(at));
    return null;
  }

  #drawMap({ page }: Scene, map: EncodingPicture["map"]): void {
    const columnOf = (token: number | null): number | null => {
      const at = token === null ? -1 : map.columns.findIndex((_, c) => this.#tokenOf(c) === token);
      return at < 0 ? null : at;
    };
    const lit = { row: this.#at?.row ?? null, column: columnOf(page.hover.token) };
    this.#map.draw({ ...map, lit, selected: columnOf(page.token) });
  }

  #hover(cell: Cell | null): void {
    this.#at = cell;
    this.#store.hover(null, cell ? this.#tokenOf(cell.column) : null);
  }

  #wait(waiting: boolean): void {
    this.el.toggleAttribute("data-waiting", waiting);
  }
}

/** The token that is pointed at, else the selected one, else the last. */
function shownToken({ page }: Scene, { tokens }: SessionState): number {
  const at = page.hover.token ?? page.token ?? tokens.length - 1;
  return Math.max(0, Math.min(tokens.length - 1, at));
}

function emptyText({ state, slow, client }: Scene): string {
  if (state?.tokens.length === 0) return "Type a prompt to see how it becomes vectors.";
  return slow || client.status === "live" ? "Reading the embedding …" : "";
}

export const embedding = standalone({
  name: "embedding",
  label: "embedding",
  panes: (cast) => [new EmbeddingPane(cast)],
});
