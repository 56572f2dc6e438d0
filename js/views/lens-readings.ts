// What each cell of the lens says, before it is drawn: the likeliest token, the number that colours
// it and a sentence, of one run, of the change between two, or of the patching map. Made anew for each
// frame; what is slow is looked up once per block.

import { signed } from "../charts/format";
import { short } from "../charts/token-text";
import type { SessionState } from "../types";
import type { Cones, LensBlock, LensRow, MeasureName, Side } from "../wire/lens";
import type { Choice } from "./lens-controls";
import {
  changeOf,
  changeShading,
  patchingShading,
  printed,
  printedChange,
  type Shading,
  shadingOf,
} from "./lens-measures";
import { type Column, depthOf } from "./lens-rows";
import { blockOf, type Known, type LensValues, type Slot, type Wish } from "./lens-values";

/** What one cell shows. */
export interface Reading {
  readonly text: string;
  /** NaN: not known. */
  readonly value: number;
  readonly words: string;
  readonly strong: boolean;
  readonly changed: boolean;
}

const NOTHING: Reading = { text: "", value: Number.NaN, words: "", strong: false, changed: false };

export class LensReadings {
  readonly wish: Wish;
  readonly #known = new Map<string, Known | null>();
  readonly #shadings = new Map<Side, Shading>();
  #rows: readonly LensRow[] | null = null;

  constructor(
    private readonly state: SessionState,
    private readonly values: LensValues,
    private readonly cones: Cones | null,
    private readonly choice: Choice & { readonly columns: readonly Column[] },
  ) {
    const measure: MeasureName = choice.colouring === "patching" ? "probability" : choice.colouring;
    this.wish = { ...depthOf(choice.depth), measure };
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

  /** Is there anything to say of this prompt yet? */
  known(of: Side): boolean {
    return this.rows.length > 0 && this.anyOf(of) !== null;
  }

  refusal(of: Side): string {
    const slot = of === "b" ? "b" : (this.slots[0] ?? "before");
    for (const position of new Set(this.choice.columns.flatMap((column) => blockOf(column[of])))) {
      const why = this.values.refusal(this.state, slot, this.wish, position);
      if (why) return why;
    }
    return this.choice.map?.refusal ?? "";
  }

  /** Any block of a prompt. */
  anyOf(of: Side): Known | null {
    const slots: Slot[] = of === "b" ? ["b"] : [...this.slots, "before", "after"];
    const firsts = new Set(this.choice.columns.flatMap((column) => blockOf(column[of])));
    for (const slot of slots) {
      for (const first of firsts) {
        const known = this.at(slot, first);
        if (known) return known;
      }
    }
    return null;
  }

  /** What is known at a position. */
  at(slot: Slot, position: number): Known | null {
    const key = `${slot} ${blockOf(position)[0]}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.values.at(this.state, slot, this.wish, position);
      this.#known.set(key, known);
    }
    return known;
  }

  /** What a cell says. */
  reading(of: Side, row: number, column: number): Reading {
    const position = this.choice.columns[column]?.[of] ?? null;
    if (position === null) return NOTHING;
    if (of === "a" && this.choice.colouring === "patching") return this.#patched(row, position);
    if (of === "b") return this.#single("b", row, position);
    const { moment } = this.choice;
    if (moment === "before") return this.#single("before", row, position);
    const after = this.at("after", position) ?? this.at("before", position);
    const before = this.at("before", position);
    if (moment === "after" || !after || !before) {
      return this.#single(this.at("after", position) ? "after" : "before", row, position);
    }
    return this.#changed(before, after, row, position);
  }

  #single(slot: Slot, row: number, position: number): Reading {
    const known = this.at(slot, position);
    if (!known) return NOTHING;
    const { block } = known;
    const { measure } = this.wish;
    const { id, text } = block.token(row, position);
    const value = block.measure === measure ? block.value(row, position) : Number.NaN;
    const also = measure === "probability" ? "" : ` · ${printed(measure, value)}`;
    const probability = printed("probability", block.probability(row, position));
    const strong = id === block.token(this.rows.length - 1, position).id;
    const words = `“${named(text)}” ${probability}${also}`;
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
      ? `“${named(one.text)}” → “${named(other.text)}”`
      : `“${named(other.text)}”`;
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

  /** How its number becomes a colour. */
  shading(of: Side): Shading {
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
    const vocabulary = this.anyOf(of)?.block.vocabulary ?? 1;
    if (of === "a" && moment === "change") return changeShading(measure, this.#largest(of));
    // Both prompts on one scale, so that the same colour is the same number.
    const largest = measure === "logit_diff" ? Math.max(this.#largest("a"), this.#largest("b")) : 1;
    return shadingOf(measure, vocabulary, largest);
  }

  /** The largest magnitude among all that is here of a prompt. */
  #largest(of: Side): number {
    const { measure } = this.wish;
    const change = of === "a" && this.choice.moment === "change";
    const slot = of === "b" ? "b" : (this.slots[0] ?? "before");
    const firsts = new Set(this.choice.columns.flatMap((column) => blockOf(column[of])));
    const found = [...firsts].map((first) => {
      const [block, other] = [this.at(slot, first), change ? this.at("before", first) : null];
      if (!block || (change && !other)) return 0;
      return largestIn(block.block, other?.block ?? null, measure);
    });
    return Math.max(0, ...found);
  }

  #anyBlock(): Known | null {
    return this.anyOf("a") ?? this.anyOf("b");
  }
}

/** The largest magnitude in a block, or of its change against another: looked for once. */
function largestIn(block: LensBlock, other: LensBlock | null, measure: MeasureName): number {
  const known = LARGEST.get(block);
  if (known?.other === other) return known.largest;
  let largest = 0;
  const fits = block.measure === measure && (!other || other.measure === measure);
  for (let row = 0; fits && row < block.rows.length; row++) {
    for (let at = block.first; at < block.first + block.count; at++) {
      const value = block.value(row, at);
      const size = Math.abs(other ? changeOf(measure, other.value(row, at), value) : value);
      if (size > largest && Number.isFinite(size)) largest = size;
    }
  }
  if (fits) LARGEST.set(block, { other, largest });
  return largest;
}
const LARGEST = new WeakMap<LensBlock, { other: LensBlock | null; largest: number }>();

/** −12%, 0%, +100%. */
function percents(share: number): string {
  const whole = Math.round(100 * share);
  return whole === 0 ? "0%" : `${signed(whole).replace(/\.\d+$/, "")}%`;
}

/** A token in a sentence, cut once for each text: they are written in every frame. */
export function named(text: string): string {
  let known = NAMED.get(text);
  if (known === undefined) {
    if (NAMED.size > 5000) NAMED.clear();
    known = short(text, 24);
    NAMED.set(text, known);
  }
  return known;
}
const NAMED = new Map<string, string>();
