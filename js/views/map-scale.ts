// Which ramp the head map is drawn with and where it is full: effects are symmetric about a true
// zero, scores and KL start at zero, and noise is never blown up to full colour.

import type { Scale } from "../charts/colour";
import { change, nats, plain } from "../charts/format";
import { CHOICES, type Choice, type MapValues } from "./map-values";

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

const LEAST: Record<string, number> = { logits: 0.02, probability: 0.002, nats: 0.002 };

function largest(values: Float32Array): number {
  let max = 0;
  for (const value of values) if (Math.abs(value) > max) max = Math.abs(value);
  return max;
}

function effectScale(values: MapValues): MapScale {
  const unit = values.effects?.unit ?? "logits";
  const max = Math.max(
    LEAST[unit] ?? 0.01,
    largest(values.effects?.values.values ?? new Float32Array()),
  );
  const name = unit === "logits" ? "logits" : "";
  if (unit === "nats") {
    return {
      scale: "sequential",
      max,
      from: 0,
      low: "0",
      high: nats(max),
      caption: "KL from the baseline when ablated, in nats",
      print: nats,
    };
  }
  const end = (value: number): string => change(value, unit);
  const label =
    values.effects?.label || (unit === "probability" ? "probability" : "logit difference");
  return {
    scale: "diverging",
    max,
    from: -max,
    low: end(-max).replace(" pp", ""),
    high: `${end(max)} ${name}`.trim(),
    caption: `change of the metric when ablated (${label})`,
    print: (value) => `${end(value)} ${name}`.trim(),
  };
}

function scoreScale(choice: Choice): MapScale {
  return {
    scale: "sequential",
    max: 1,
    from: 0,
    low: "0",
    high: "1",
    caption: `${CHOICES[choice]}, share of attention from 0 to 1`,
    print: plain,
  };
}

export function scaleOf(values: MapValues): MapScale {
  const { shown } = values;
  return shown === "effect" ? effectScale(values) : scoreScale(shown);
}
