// One picture of the lens, put together from what is known: the words, colours, marks and sentences
// of every cell of both grids. Made anew for each frame; what is slow is looked up once per column.

import { colour, inkOn } from "../charts/colour";
import { plain } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import type { LegendScene } from "../charts/legend";
import { short, visible } from "../charts/token-text";
import type { Outline, WordCell, WordColumn, WordScene } from "../charts/word-scene";
import type { SessionState } from "../types";
import type { Cones, LensRow, Side } from "../wire/lens";
import type { Looked } from "./lens-cell";
import type { Choice } from "./lens-controls";
import type { Drag } from "./lens-drag";
import { LensReadings, named } from "./lens-readings";
import {
  type Column,
  coneCorners,
  rowText,
  rowWords,
  type StreamMark,
  streamMarks,
} from "./lens-rows";
import type { LensValues } from "./lens-values";
import type { Scene } from "./pane";

const MOST_CONES = 6;

export interface PictureChoice extends Choice {
  readonly columns: readonly Column[];
  readonly drag: Drag | null;
  readonly looked: Looked | null;
}

export class LensPicture {
  /** What every cell says. */
  readonly readings: LensReadings;
  readonly columns: readonly Column[];
  readonly #state: SessionState;
  readonly #marks: readonly StreamMark[];

  constructor(
    private readonly frame: Scene,
    private readonly values: LensValues,
    private readonly cones: Cones | null,
    private readonly choice: PictureChoice,
  ) {
    if (!frame.state) throw new Error("a picture needs a state");
    this.#state = frame.state;
    this.columns = choice.columns;
    this.readings = new LensReadings(frame.state, values, cones, choice);
    this.#marks = streamMarks(this.rows, this.#state.interventions);
  }

  get rows(): readonly LensRow[] {
    return this.readings.rows;
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
        text: rowText(row, this.readings.wish.sublayers),
        title: `The stream ${rowWords(row)}${row === this.rows.at(-1) ? ": the model's own prediction" : ""}`,
      })),
      columns: this.columns.map((column) => this.#head(of, column)),
      selected: this.#cellOf(of, this.choice.looked) ?? (of === "b" ? (drag?.from ?? null) : null),
      target,
      outlines: of === "a" ? this.#outlines(target) : [],
      height,
      stamp: this.#stamp(of, target),
      cell: (row, column) => this.#cell(of, row, column),
    };
  }

  /** All that the cells depend on: while it is the same, none has to be written again. */
  #stamp(of: Side, target: Cell | null): unknown[] {
    const { state, frame, choice } = { state: this.#state, frame: this.frame, choice: this.choice };
    const { interventions, tokens, other, outcome, metric, revision } = state;
    const told = [interventions, tokens, other, outcome, metric, revision, this.values.version];
    const chosen = [choice.colouring, choice.depth, choice.showing, choice.moment, choice.map?.map];
    const marked = [this.cones, choice.looked, choice.drag?.from, target?.row, target?.column];
    return [of, frame.theme, ...told, ...chosen, ...marked];
  }

  /** What the colours of a prompt mean. */
  legend(of: Side): Omit<LegendScene, "theme"> {
    const { scale, low, high, label } = this.readings.shading(of);
    return { scale, from: scale === "diverging" ? -1 : 0, to: 1, low, high, label };
  }

  /** Are both prompts on one scale? */
  get oneScale(): boolean {
    return this.readings.shading("a").label === this.readings.shading("b").label;
  }

  /** One cell as a sentence. */
  words(of: Side, cell: Cell): string {
    const place = this.place(of, cell);
    if (!place) return " ";
    return `${this.#where(of, cell)}: ${this.readings.reading(of, cell.row, cell.column).words || "…"}`;
  }

  /** With nothing under the pointer: from which row on the answer is there. */
  restingWords(): string {
    if (this.choice.colouring === "patching") return this.#mapWords();
    const of: Side = this.choice.showing === "b" ? "b" : "a";
    const position = this.columns.reduce((last, column) => column[of] ?? last, 0);
    const slot = of === "b" ? "b" : (this.readings.slots[0] ?? "before");
    const known = this.readings.at(slot, position);
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
    return this.readings.reading("b", from.row, from.column).text;
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
    const { text, value, words, strong, changed } = this.readings.reading(of, row, column);
    const { scale, shade } = this.readings.shading(of);
    const shown = shade(value);
    const fill = colour(shown, 1, scale, theme) ?? "";
    const position = this.columns[column]?.a ?? null;
    const mark = of === "a" ? this.#markAt(row, position) : null;
    const done = mark ? ` · ${mark.words}` : "";
    return {
      text: named(text),
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

  #mapWords(): string {
    const map = this.choice.map?.map;
    if (!map || map.metric_a === null) return "Patching the stream of A from B, cell by cell …";
    const [a, b] = [plain(map.metric_a), plain(map.metric_b)];
    return map.metric_a === map.metric_b
      ? `${map.label}: both prompts have ${a}, so that there is no way from A to B`
      : `share of the way from A (${a}) to B (${b}) in ${map.label}`;
  }
}
