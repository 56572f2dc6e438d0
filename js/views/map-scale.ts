// Which ramp the head map is drawn with and where it is full: effects are symmetric about a true
// zero, scores and KL start at zero, and noise is never blown up to full colour. The heads decide
// where it is full; a whole layer that moves more than any head is full too.

import type { Scale } from "../charts/colour";
import { change, nats, plain, signed } from "../charts/format";
import type { ModelJson } from "../types";
import { EFFECT, type MapValues, type Moment } from "./map-values";

export interface MapScale {
  scale: Scale;
  max: number;
  from: number;
  low: string;
  high: string;
  /** What the colours say, in words and with the unit. */
  caption: string;
  print(value: number): string;
}

const LEAST: Record<string, number> = {
  logits: 0.02,
  probability: 0.002,
  nats: 0.002,
  share: 0.02,
};

export function scaleOf(values: MapValues, model: ModelJson, moment: Moment = "before"): MapScale {
  const style = values.style;
  const scale: Scale = moment === "change" ? "diverging" : style.scale;
  const { range } = style;
  const fixed = range && moment !== "change" ? Math.max(...range.map(Math.abs)) : 0;
  const least = LEAST[style.unit] ?? 1e-6;
  const max = fixed > 0 ? fixed : Math.max(least, largest(values, model, moment));
  const print = printer(style.unit, scale, max);
  const from = scale === "diverging" ? -max : 0;
  const end = (value: number): string =>
    fixed > 0 ? plain(value).replace(/\.0+$/, "") : print(value);
  return {
    scale,
    max,
    from,
    low: scale === "diverging" ? bare(end(-max), style.unit) : "0",
    high: fixed > 0 && named(style.unit) ? `${end(max)} ${style.unit}` : end(max),
    caption: captionOf(values, moment, end(from), end(max)),
    print,
  };
}

/** The largest of the heads; of everything where there are none, or nothing of them is known. */
function largest(values: MapValues, model: ModelJson, moment: Moment): number {
  const heads = Math.max(0, ...model.heads);
  const numbers = values.numbers(moment);
  return numbers.largest(0, heads) || numbers.largest(heads, heads + 3);
}

function printer(unit: string, scale: Scale, max: number): (value: number) => string {
  if (unit === "nats" && scale === "sequential") return nats;
  if (unit === "probability") return (value) => change(value, unit);
  // A person's own numbers may be of any size.
  const fine = (value: number): string =>
    max >= 0.05 ? signed(value) : sign(value) + Math.abs(value).toPrecision(2);
  const print = scale === "diverging" ? fine : (value: number) => fine(value).replace(/^\+/, "");
  if (!named(unit)) return print;
  return (value) => `${print(value)} ${unit}`;
}

/** Is there more to say of the unit than that the number is one? */
const named = (unit: string): boolean => unit !== "" && unit !== "share";

const sign = (value: number): string => (value < 0 ? "−" : "+");

/** Without its unit, which the other end of the legend has. */
const bare = (text: string, unit: string): string =>
  text.replace(unit === "probability" ? " pp" : ` ${unit}`, "");

const RUNS: Record<Moment, string> = {
  before: "of the run without edits",
  after: "of the run with the edits",
  change: "with the edits, minus without",
};

function captionOf(values: MapValues, moment: Moment, low: string, high: string): string {
  const { entry } = values;
  const { label, unit } = values.style;
  if (values.shown === EFFECT) {
    const convention = entry ? `. ${entry.convention}` : "";
    if (unit === "nats") return `KL from the baseline when ablated, in nats${convention}`;
    return `change of the metric when ablated (${label || "metric"})${convention}`;
  }
  const name = label || entry?.title || values.shown;
  const run = entry?.followsEdits ? `, ${RUNS[moment]}` : "";
  return `${name}${run}, from ${low} to ${high}${entry ? `. ${entry.convention}` : ""}`;
}
