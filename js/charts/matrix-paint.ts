// Paints a matrix of queries × keys, all of it or its lower triangle: squares with hairline gaps
// where they are large enough to be told apart, one image at device resolution where they are not.

import { LEVELS, level, levelColour, ramp, type Scale, type Theme, ZERO_LEVEL } from "./colour";

export interface MatrixScene {
  rows: number;
  columns: number;
  /** Nothing right of the diagonal exists: no query looks ahead. */
  triangle: boolean;
  /** How many entries the first row lies below the first column; 0 where both begin at one token. */
  shift?: number;
  size: number;
  scale: Scale;
  theme: Theme;
  max: number;
  value(query: number, key: number): number;
}

const SMALLEST_SQUARE = 4;

/** How many keys there are for a query, counted from the first. */
export const reach = (
  { triangle, columns, shift = 0 }: Pick<MatrixScene, "triangle" | "columns" | "shift">,
  query: number,
): number => (triangle ? Math.max(0, Math.min(query + shift + 1, columns)) : columns);

export function paintMatrix(
  context: CanvasRenderingContext2D,
  scene: MatrixScene,
  pixelRatio: number,
): void {
  if (scene.size >= SMALLEST_SQUARE) paintSquares(context, scene);
  else paintImage(context, scene, pixelRatio);
}

function paintSquares(context: CanvasRenderingContext2D, scene: MatrixScene): void {
  const { rows, size, max } = scene;
  const colours = ramp(scene.scale, scene.theme);
  const side = size - (size >= 7 ? 1 : 0.5);
  for (let query = 0; query < rows; query++) {
    for (let key = 0; key < reach(scene, query); key++) {
      context.fillStyle = colours[level(scene.value(query, key), max)] ?? "transparent";
      context.fillRect(key * size, query * size, side, side);
    }
  }
}

function paintImage(
  context: CanvasRenderingContext2D,
  scene: MatrixScene,
  pixelRatio: number,
): void {
  const [width, height] = [scene.columns, scene.rows].map((n) =>
    Math.max(1, Math.round(n * scene.size * pixelRatio)),
  ) as [number, number];
  const levels = denseLevels(scene, width, height);
  const colours = Array.from({ length: LEVELS }, (_, at) =>
    levelColour(at, scene.scale, scene.theme),
  );
  const image = context.createImageData(width, height);
  for (let at = 0; at < levels.length; at++) {
    const colour = colours[levels[at] ?? -1];
    if (!colour) continue;
    image.data.set([colour[0], colour[1], colour[2], 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

/** Levels at device resolution. Where cells share a pixel the one furthest from zero shows:
 * a single bright cell must not vanish because the screen is small. 255 = nothing there. */
export function denseLevels(scene: MatrixScene, width: number, height: number): Uint8Array {
  const levels = new Uint8Array(width * height).fill(255);
  const [down, across] = [pixelsOf(scene.rows, height), pixelsOf(scene.columns, width)];
  for (let query = 0; query < scene.rows; query++) {
    const [top, bottom] = down(query);
    for (let key = 0; key < reach(scene, query); key++) {
      const at = level(scene.value(query, key), scene.max);
      if (at < 0) continue;
      const [left, right] = across(key);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const old = levels[y * width + x] ?? 255;
          if (old === 255 || Math.abs(at - ZERO_LEVEL) > Math.abs(old - ZERO_LEVEL)) {
            levels[y * width + x] = at;
          }
        }
      }
    }
  }
  return levels;
}

/** Which pixels each of `n` cells has on a side of so many: at least one. */
function pixelsOf(n: number, side: number): (cell: number) => readonly [number, number] {
  const edges = Array.from({ length: n + 1 }, (_, i) => Math.floor((i * side) / n));
  return (cell) => {
    const from = edges[cell] ?? 0;
    return [from, Math.min(side, Math.max(from + 1, edges[cell + 1] ?? 0))];
  };
}
