// Paints the lower triangle of a token × token matrix: squares with hairline gaps where they are
// large enough to be told apart, one image at device resolution where they are not.

import { LEVELS, level, levelColour, ramp, type Scale, type Theme, ZERO_LEVEL } from "./colour";

export interface MatrixScene {
  n: number;
  size: number;
  scale: Scale;
  theme: Theme;
  max: number;
  value(query: number, key: number): number;
}

const SMALLEST_SQUARE = 4;

export function paintMatrix(
  context: CanvasRenderingContext2D,
  scene: MatrixScene,
  pixelRatio: number,
): void {
  if (scene.size >= SMALLEST_SQUARE) paintSquares(context, scene);
  else paintImage(context, scene, pixelRatio);
}

function paintSquares(context: CanvasRenderingContext2D, scene: MatrixScene): void {
  const { n, size, max } = scene;
  const colours = ramp(scene.scale, scene.theme);
  const side = size - (size >= 7 ? 1 : 0.5);
  for (let query = 0; query < n; query++) {
    for (let key = 0; key <= query; key++) {
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
  const side = Math.max(1, Math.round(scene.n * scene.size * pixelRatio));
  const levels = denseLevels(scene, side);
  const colours = Array.from({ length: LEVELS }, (_, at) =>
    levelColour(at, scene.scale, scene.theme),
  );
  const image = context.createImageData(side, side);
  for (let at = 0; at < levels.length; at++) {
    const colour = colours[levels[at] ?? -1];
    if (!colour) continue;
    image.data.set([colour[0], colour[1], colour[2], 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}

/** Levels at device resolution. Where cells share a pixel the one furthest from zero shows:
 * a single bright cell must not vanish because the screen is small. 255 = nothing there. */
export function denseLevels(scene: MatrixScene, side: number): Uint8Array {
  const levels = new Uint8Array(side * side).fill(255);
  const edge = Array.from({ length: scene.n + 1 }, (_, i) => Math.floor((i * side) / scene.n));
  const span = (i: number): readonly [number, number] => {
    const from = edge[i] ?? 0;
    return [from, Math.min(side, Math.max(from + 1, edge[i + 1] ?? 0))];
  };
  for (let query = 0; query < scene.n; query++) {
    const [top, bottom] = span(query);
    for (let key = 0; key <= query; key++) {
      const at = level(scene.value(query, key), scene.max);
      if (at < 0) continue;
      const [left, right] = span(key);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const old = levels[y * side + x] ?? 255;
          if (old === 255 || Math.abs(at - ZERO_LEVEL) > Math.abs(old - ZERO_LEVEL)) {
            levels[y * side + x] = at;
          }
        }
      }
    }
  }
  return levels;
}
