// Both themes have to pass WCAG AA with the very tokens that are shipped.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrast, levelColour, type Theme, ZERO_LEVEL } from "../../charts/colour";

type Rgb = [number, number, number];

const css = readFileSync(`${import.meta.dirname}/../../style/theme.css`, "utf8");

function tokens(block: string): Map<string, Rgb> {
  const found = block.matchAll(/--mw-([a-z-]+):\s*#([0-9a-f]{6});/g);
  return new Map(
    Array.from(found, ([, name, hex]) => {
      const number = Number.parseInt(hex as string, 16);
      return [name as string, [number >> 16, (number >> 8) & 255, number & 255]];
    }),
  );
}

const [light, dark] = css.split('[data-mw-theme="dark"]').map(tokens) as [
  Map<string, Rgb>,
  Map<string, Rgb>,
];

const TEXT = 4.5;
const GRAPHIC = 3;
const PAIRS: [ink: string, on: string, least: number][] = [
  ["ink", "ground", TEXT],
  ["ink", "raised", TEXT],
  ["ink", "error-ground", TEXT],
  ["muted", "ground", TEXT],
  ["muted", "raised", TEXT],
  ["faint", "ground", TEXT],
  ["faint", "raised", TEXT],
  ["ground", "ink", TEXT],
  ["ground", "muted", TEXT],
  ["error", "ground", TEXT],
  ["error", "error-ground", TEXT],
  ["warn-ink", "warn-ground", TEXT],
  ["ablate", "ground", GRAPHIC],
  ["ablate", "raised", GRAPHIC],
  ["patch", "ground", GRAPHIC],
  ["patch", "raised", GRAPHIC],
  ["steer", "ground", GRAPHIC],
  ["steer", "raised", GRAPHIC],
  ["ground", "ablate", TEXT],
  ["ground", "patch", TEXT],
  ["ground", "steer", TEXT],
  ["focus", "ground", GRAPHIC],
  ["control", "ground", GRAPHIC],
  ["control", "raised", GRAPHIC],
  ["after", "ground", GRAPHIC],
  ["after", "before", GRAPHIC],
];

describe.each([
  ["light", light],
  ["dark", dark],
])("the %s theme", (_, theme) => {
  it.each(PAIRS)("%s on %s reaches %d : 1", (ink, on, least) => {
    const [one, other] = [theme.get(ink), theme.get(on)];
    if (!one || !other) throw new Error(`no colour named ${ink} or ${on}`);
    expect(contrast(one, other)).toBeGreaterThanOrEqual(least);
  });
});

it.each([
  ["light", light],
  ["dark", dark],
] as [Theme, Map<string, Rgb>][])(
  "a strike stands out from a neutral cell in the %s theme",
  (name, theme) => {
    const zero = levelColour(ZERO_LEVEL, "diverging", name);
    expect(contrast(theme.get("ablate") as Rgb, zero)).toBeGreaterThanOrEqual(GRAPHIC);
  },
);

it("both themes define the same colours", () => {
  expect([...dark.keys()].sort()).toEqual([...light.keys()].sort());
});
