// One picture of the lens, put together from what is known: the words, colours, marks and sentences
// of every cell of both grids. Made anew for each frame; what is slow is looked up once per column.

import { colour, inkOn } from "../charts/colour";
import { plain, signed } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import type { LegendScene } from "../charts/legend";
import { short, visible } from "../charts/token-text";
import type { Outline, WordCell, WordColumn, WordScene } from "../charts/word-grid";
import type { SessionState } from "../types";
import type { Cones, LensRow, MeasureName, Side } from "../wire/lens";
import type { Looked } from "./lens-cell";
import type { Choice } from "./lens-controls";
import type { Drag } from "./lens-drag";
import {
  changeOf,
  changeShading,
  patchingShading,
  printed,
  printedChange,
  type Shading,
  shadingOf,
} from "./lens-measures";
import {
  type Column,
  coneCorners,
  depthOf,
  rowText,
  rowWords,
  type StreamMark,
  streamMarks,
} from "./lens-rows";
import type { Known, LensValues, Slot, Wish } from "./lens-values";
import type { Scene } from "./pane";

const MOST_CONES = 6;

export interface PictureChoice extends Choice {
  readonly columns: readonly Column[];
  readonly drag: Drag | null;
  readonly looked: Looked | null;
}

/** What one cell shows. */
interface Reading {
  readonly text: string;
  /** NaN: not known. */
  readonly value: number;
  readonly words: string;
  readonly strong: boolean;
  readonly changed: boolean;
}

const NOTHING: Reading = { text: "", value: Number.NaN, words: "", strong: false, changed: false };

export class LensPicture {
  readonly wish: Wish;
  readonly columns: readonly Column[];
  readonly #state: SessionState;
  readonly #known = new Map<string, Known | null>();
  readonly #marks: readonly StreamMark[];
  readonly #shadings = new Map<Side, Shading>();
  #rows: readonly LensRow[] | null = null;

  constructor(
    private readonly frame: Scene,
    private readonly values: LensValues,
    private readonly cones: Cones | null,
    private readonly choice: PictureChoice,
  ) {
    if (!frame.state) throw new Error("a picture needs a state");
    this.#state = frame.state;
    this.columns = choice.columns;
    const measure: MeasureName = choice.colouring === "patching" ? "probability" : choice.colouring;
    this.wish = { ...depthOf(choice.depth), measure };
    this.#marks = streamMarks(this.rows, this.#state.interventions);
  }

  /** What has to be fetched for A. */
  get slots(): Slot[] {
    const { moment } = this.choice;
    if (moment === "change") return ["after", "before"];
    return [moment === "before" ? "before" : "after"];
  }

  get rows(): readonly LensRow[] {
    this.#rows ??= this.cones?.rows ?? this.#anyBlock()?.block.rows ?? null;
    return this.#rows ?? [];
  }

  /** Are the rows known, so that there is room to draw in? */
  get hasRows(): boolean {
    return this.rows.length > 0;
  }

  /** Is there anything to say of this prompt yet? */
  known(of: Side): boolean {
    return this.hasRows && this.#anyOf(of) !== null;
  }

  refusal(of: Side): string {
    const slot = of === "b" ? "b" : (this.slots[0] ?? "before");
    const positions = this.columns.flatMap((column) => column[of] ?? []);
    for (const position of [...new Set(positions.map((at) => at - (at % 16)))]) {
      const why = this.values.refusal(this.#state, slot, this.wish, position);
      if (why) return why;
    }
    return this.choice.map?.refusal ?? "";
  }

  /** Which stream and position a cell is. */
  place(of: Side, { row, column }: Cell): Looked | null {
    const stream = this.rows[row];
    const position = this.columns[column]?.[of] ?? null;
    return stream && position !== null ? { ...stream, of, position } : null;
  }

  scene(of: Side, height: number): WordScene {
    const { drag } = this.choice;
    const target =
      of === "a" && drag && drag.over !== null ? { row: drag.from.row, column: drag.over } : null;
    const moment = of === "b" ? "before" : this.choice.moment;
    return {
      label: `Logit lens of prompt ${of.toUpperCase()}, ${moment}: layers down, tokens across`,
      corner: this.choice.showing === "both" ? of.toUpperCase() : "",
      rows: this.rows.map((row) => ({
        text: rowText(row, this.wish.sublayers),
        title: `The stream ${rowWords(row)}${row === this.rows.at(-1) ? ": the model's own prediction" : ""}`,
      })),
      columns: this.columns.map((column) => this.#head(of, column)),
      selected: this.#cellOf(of, this.choice.looked) ?? (of === "b" ? (drag?.from ?? null) : null),
      target,
      outlines: of === "a" ? this.#outlines(target) : [],
      height,
      cell: (row, column) => this.#cell(of, row, column),
    };
  }

  legend(): Omit<LegendScene, "theme"> {
    const side = this.choice.showing === "b" ? "b" : "a";
    const { scale, low, high, label } = this.#shading(side);
    const note = this.choice.colouring === "patching" ? this.#mapNote() : "";
    return { scale, from: scale === "diverging" ? -1 : 0, to: 1, low, high, label, note };
  }

  /** One cell as a sentence. */
  words(of: Side, cell: Cell): string {
    const place = this.place(of, cell);
    if (!place) return " ";
    return `${this.#where(of, cell)}: ${this.#reading(of, cell.row, cell.column).words || "…"}`;
  }

  /** With nothing under the pointer: from which row on the answer is there. */
  restingWords(): string {
    const of: Side = this.choice.showing === "b" ? "b" : "a";
    const position = this.columns.reduce((last, column) => column[of] ?? last, 0);
    const slot = of === "b" ? "b" : (this.slots[0] ?? "before");
    const known = this.#at(slot, position);
    if (!known) return " ";
    const last = this.rows.length - 1;
    const answer = known.block.token(last, position);
    let first = last;
    while (first > 0 && known.block.token(first - 1, position).id === answer.id) first -= 1;
    const row = this.rows[first];
    const here = this.#state.model.predicts === "here" ? "at" : "after";
    return row
      ? `${here} ${this.#token(of, position)}: ${short(answer.text, 20)} on top from ${rowWords(row).replace(/^after /, "")} on`
      : " ";
  }

  carried({ from }: Drag): string {
    return this.#reading("b", from.row, from.column).text;
  }

  dragWords({ from, over }: Drag): string {
    const row = this.rows[from.row];
    const there = this.columns[from.column]?.b ?? null;
    const here = over === null ? null : (this.columns[over]?.a ?? null);
    if (!row || there === null) return " ";
    const what = `The stream of B ${rowWords(row)} at ${this.#token("b", there)}`;
    if (here === null) return `${what}: drop it on a token of A`;
    return `${what} → A at ${this.#token("a", here)}`;
  }

  #anyBlock(): Known | null {
    return this.#anyOf("a") ?? this.#anyOf("b");
  }

  #anyOf(of: Side): Known | null {
    const slots: Slot[] = of === "b" ? ["b"] : [...this.slots, "before", "after"];
    const firsts = new Set(
      this.columns.flatMap((column) => {
        const position = column[of];
        return position === null ? [] : [position - (position % 16)];
      }),
    );
    for (const slot of slots) {
      for (const first of firsts) {
        const known = this.#at(slot, first);
        if (known) return known;
      }
    }
    return null;
  }

  #at(slot: Slot, position: number): Known | null {
    const key = `${slot} ${position - (position % 16)}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.values.at(this.#state, slot, this.wish, position);
      this.#known.set(key, known);
    }
    return known;
  }

  #head(of: Side, column: Column): WordColumn | null {
    const position = column[of];
    if (position === null) return null;
    const token = (of === "a" ? this.#state.tokens : this.#state.other?.tokens)?.[position];
    const { page } = this.frame;
    const lit = column.a !== null && column.a === (page.hover.token ?? page.token);
    const text = token?.text ?? "";
    const title = `${visible(text)} (${position})`;
    return { text, title, special: token?.special ?? false, lit };
  }

  #cellOf(of: Side, looked: Looked | null): Cell | null {
    if (looked?.of !== of) return null;
    const row = this.rows.findIndex(
      ({ layer, end }) => layer === looked.layer && end === looked.end,
    );
    const column = this.columns.findIndex((each) => each[of] === looked.position);
    return row >= 0 && column >= 0 ? { row, column } : null;
  }

  #outlines(target: Cell | null): Outline[] {
    const size = { rows: this.rows.length, columns: this.columns.length };
    const around = (row: number, column: number, tone: string): Outline[] => {
      const cone = this.cones?.cones[row];
      return cone ? [{ corners: coneCorners(cone, row, column, size), tone }] : [];
    };
    if (target) return around(target.row, target.column, "patch");
    if (this.choice.moment === "before") return [];
    return this.#marks
      .filter(({ enabled, positions }) => enabled && positions !== null)
      .flatMap(({ row, positions, tone }) =>
        (positions ?? []).map((at) => [row, this.#columnOf(at), tone] as const),
      )
      .filter(([, column]) => column >= 0)
      .slice(0, MOST_CONES)
      .flatMap(([row, column, tone]) => around(row, column, tone));
  }

  readonly #columnOf = (position: number): number =>
    this.columns.findIndex(({ a }) => a === position);

  #cell(of: Side, row: number, column: number): WordCell {
    const { theme } = this.frame;
    const { text, value, words, strong, changed } = this.#reading(of, row, column);
    const { scale, shade } = this.#shading(of);
    const shown = shade(value);
    const fill = colour(shown, 1, scale, theme) ?? "";
    const position = this.columns[column]?.a ?? null;
    const mark = of === "a" ? this.#markAt(row, position) : null;
    const done = mark ? ` · ${mark.words}` : "";
    return {
      text: short(text, 24),
      fill,
      ink: fill ? inkOn(shown, 1, scale, theme) : "",
      label: `${this.#where(of, { row, column })}: ${words || "not known yet"}${done}`,
      strong,
      changed,
      tone: mark?.tone ?? null,
      off: mark?.enabled === false,
    };
  }

  #markAt(row: number, position: number | null): StreamMark | null {
    const here = this.#marks.filter(
      (mark) =>
        mark.row === row &&
        position !== null &&
        (mark.positions === null || mark.positions.includes(position)),
    );
    return here.find(({ enabled }) => enabled) ?? here[0] ?? null;
  }

  #reading(of: Side, row: number, column: number): Reading {
    const position = this.columns[column]?.[of] ?? null;
    if (position === null) return NOTHING;
    if (of === "a" && this.choice.colouring === "patching") return this.#patched(row, position);
    if (of === "b") return this.#single("b", row, position);
    const { moment } = this.choice;
    if (moment === "before") return this.#single("before", row, position);
    const after = this.#at("after", position) ?? this.#at("before", position);
    const before = this.#at("before", position);
    if (moment === "after" || !after || !before) {
      return this.#single(this.#at("after", position) ? "after" : "before", row, position);
    }
    return this.#changed(before, after, row, position);
  }

  #single(slot: Slot, row: number, position: number): Reading {
    const known = this.#at(slot, position);
    if (!known) return NOTHING;
    const { block } = known;
    const { measure } = this.wish;
    const { id, text } = block.token(row, position);
    const value = block.measure === measure ? block.value(row, position) : Number.NaN;
    const also = measure === "probability" ? "" : ` · ${printed(measure, value)}`;
    const probability = printed("probability", block.probability(row, position));
    const strong = id === block.token(this.rows.length - 1, position).id;
    const words = `${short(text, 24)} ${probability}${also}`;
    return { text, value, words, strong, changed: false };
  }

  #changed(before: Known, after: Known, row: number, position: number): Reading {
    const { measure } = this.wish;
    const [old, now] = [before.block, after.block];
    const fresh = old.measure === measure && now.measure === measure;
    const [was, is] = [old.value(row, position), now.value(row, position)];
    const [one, other] = [old.token(row, position), now.token(row, position)];
    const changed = one.id !== other.id;
    const tokens = changed
      ? `${short(one.text, 16)} → ${short(other.text, 16)}`
      : short(other.text, 24);
    return {
      text: other.text,
      value: fresh ? changeOf(measure, was, is) : Number.NaN,
      words: `${tokens} · ${fresh ? printedChange(measure, was, is) : "…"}`,
      strong: other.id === now.token(this.rows.length - 1, position).id,
      changed,
    };
  }

  #patched(row: number, position: number): Reading {
    const map = this.choice.map?.map;
    if (!map) return NOTHING;
    const effect = map.effects.values[row * (map.effects.shape[1] ?? 0) + position] ?? Number.NaN;
    if (Number.isNaN(effect)) return NOTHING;
    const apart = map.metric_b - map.metric_a;
    const share = apart === 0 ? Number.NaN : effect / apart;
    const amount =
      map.unit === "probability" ? `${signed(100 * effect)} pp` : `${signed(effect)} ${map.unit}`;
    const words = `patched from B ${amount}${Number.isNaN(share) ? "" : `, ${percents(share)} of the way to B`}`;
    const text = Number.isNaN(share) ? signed(effect) : percents(share);
    return { text, value: share, words, strong: false, changed: false };
  }

  #shading(of: Side): Shading {
    let shading = this.#shadings.get(of);
    if (!shading) {
      shading = this.#shadingOf(of);
      this.#shadings.set(of, shading);
    }
    return shading;
  }

  #shadingOf(of: Side): Shading {
    const { colouring, moment } = this.choice;
    if (of === "a" && colouring === "patching") return patchingShading();
    const { measure } = this.wish;
    const vocabulary = this.#anyOf(of)?.block.vocabulary ?? 1;
    if (of === "a" && moment === "change") return changeShading(measure, this.#largest(of));
    // Both prompts on one scale, so that the same colour is the same number.
    const largest = measure === "logit_diff" ? Math.max(this.#largest("a"), this.#largest("b")) : 1;
    return shadingOf(measure, vocabulary, largest);
  }

  /** The largest magnitude among all that is here. */
  #largest(of: Side): number {
    let most = 0;
    this.columns.forEach((_, column) => {
      for (let row = 0; row < this.rows.length; row++) {
        const { value } = this.#reading(of, row, column);
        if (Math.abs(value) > most) most = Math.abs(value);
      }
    });
    return most;
  }

  #where(of: Side, { row, column }: Cell): string {
    const stream = this.rows[row];
    const position = this.columns[column]?.[of] ?? null;
    if (!stream || position === null) return "";
    return `${of === "b" ? "B, " : ""}${this.#token(of, position)} ${rowWords(stream)}`;
  }

  #token(of: Side, position: number): string {
    const tokens = (of === "a" ? this.#state.tokens : this.#state.other?.tokens) ?? [];
    return `${short(tokens[position]?.text ?? "", 20)} (${position})`;
  }

  #mapNote(): string {
    const map = this.choice.map?.map;
    if (!map || map.metric_a === null) return "";
    const [a, b] = [plain(map.metric_a), plain(map.metric_b)];
    return map.metric_a === map.metric_b
      ? `A and B both have ${a}: no share to show`
      : `${map.label}: A ${a}, B ${b}`;
  }
}

const percents = (share: number): string => `${signed(100 * share).replace(/\.\d+$/, "")}%`;
