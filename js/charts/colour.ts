// Numbers to colours: a diverging ramp with a true zero for effects, a sequential one for scores,
// ink for attention. In goes a value and the largest magnitude on show; out comes a ramp level
// (0…254, 127 = zero) or a CSS colour. The ramps live here and not in CSS because canvases need them.

export type Theme = "light" | "dark";
export type Scale = "diverging" | "sequential" | "ink";

type Rgb = readonly [number, number, number];

interface Ends {
  zero: Rgb;
  negative: Rgb;
  positive: Rgb;
  score: Rgb;
  ink: Rgb;
}

// Blue and orange stay apart under every common colour blindness; both leave the neutral
// at the same pace, so that equal magnitudes look equally strong.
const ENDS: Record<Theme, Ends> = {
  light: {
    zero: [244, 245, 247],
    negative: [33, 84, 158],
    positive: [176, 84, 6],
    score: [98, 60, 158],
    ink: [27, 31, 36],
  },
  dark: {
    zero: [35, 40, 47],
    negative: [126, 178, 245],
    positive: [244, 164, 88],
    score: [190, 160, 245],
    ink: [230, 233, 237],
  },
};

export const LEVELS = 255;
export const ZERO_LEVEL = 127;

// Small effects are the many: a power below one lifts them out of the neutral without
// breaking order or symmetry.
const POWER = 0.7;

const mix = (from: Rgb, to: Rgb, share: number): Rgb => [
  Math.round(from[0] + (to[0] - from[0]) * share),
  Math.round(from[1] + (to[1] - from[1]) * share),
  Math.round(from[2] + (to[2] - from[2]) * share),
];

function end(scale: Scale, theme: Theme, negative: boolean): Rgb {
  const ends = ENDS[theme];
  if (scale === "ink") return ends.ink;
  if (scale === "sequential") return ends.score;
  return negative ? ends.negative : ends.positive;
}

/** The level of a value on a ramp that is full at ±max; -1 for a number that is not known. */
export function level(value: number, max: number): number {
  if (Number.isNaN(value)) return -1;
  if (!(max > 0)) return ZERO_LEVEL;
  const share = Math.min(1, Math.abs(value) / max) ** POWER;
  return ZERO_LEVEL + Math.round(Math.sign(value) * share * ZERO_LEVEL);
}

export function levelColour(at: number, scale: Scale, theme: Theme): Rgb {
  const share = Math.abs(at - ZERO_LEVEL) / ZERO_LEVEL;
  return mix(ENDS[theme].zero, end(scale, theme, at < ZERO_LEVEL), share);
}

const css = (colour: Rgb): string => `rgb(${colour[0]},${colour[1]},${colour[2]})`;

/** All levels of a ramp as CSS colours, made once per scale and theme. */
export function ramp(scale: Scale, theme: Theme): readonly string[] {
  const key = `${scale} ${theme}`;
  let colours = RAMPS.get(key);
  if (!colours) {
    colours = Array.from({ length: LEVELS }, (_, at) => css(levelColour(at, scale, theme)));
    RAMPS.set(key, colours);
  }
  return colours;
}
const RAMPS = new Map<string, readonly string[]>();

/** The CSS colour of a value, or null for a number that is not known: unknown is not zero. */
export function colour(value: number, max: number, scale: Scale, theme: Theme): string | null {
  const at = level(value, max);
  return at < 0 ? null : (ramp(scale, theme)[at] ?? null);
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one: Rgb, other: Rgb): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const INKS: readonly Rgb[] = [
  [0, 0, 0],
  [255, 255, 255],
];

/** Black or white, whichever reads better on the fill of this value: one of them always passes AA. */
export function inkOn(value: number, max: number, scale: Scale, theme: Theme): string {
  const fill = levelColour(Math.max(0, level(value, max)), scale, theme);
  const [dark, light] = INKS as [Rgb, Rgb];
  return css(contrast(fill, dark) >= contrast(fill, light) ? dark : light);
}

/** A CSS gradient that is linear in the value, as the legend's axis is. */
export function gradient(scale: Scale, theme: Theme, from: number, to: number): string {
  const stops = Array.from({ length: 17 }, (_, i) => {
    const value = from + ((to - from) * i) / 16;
    return colour(value, Math.max(Math.abs(from), Math.abs(to)), scale, theme);
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
