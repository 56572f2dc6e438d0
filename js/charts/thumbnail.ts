// A pattern as small as a stamp: one canvas pixel per entry, made larger by the page. Marks of cut
// edges and the light on a cell lie over it as elements, so that moving the pointer paints nothing.

import { LEVELS, level, levelColour, type Scale, type Theme } from "./colour";

export interface ThumbnailScene {
  rows: number;
  columns: number;
  triangle: boolean;
  scale: Scale;
  theme: Theme;
  max: number;
  value(row: number, column: number): number;
}

export function paintThumbnail(canvas: HTMLCanvasElement, scene: ThumbnailScene): void {
  const { rows, columns, triangle, max } = scene;
  canvas.width = Math.max(1, columns);
  canvas.height = Math.max(1, rows);
  const context = canvas.getContext?.("2d");
  if (!context) return;
  const colours = coloursOf(scene.scale, scene.theme);
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) {
    const end = triangle ? Math.min(row + 1, columns) : columns;
    for (let column = 0; column < end; column++) {
      pixels[row * columns + column] = colours[level(scene.value(row, column), max)] ?? 0;
    }
  }
  context.putImageData(image, 0, 0);
}

const made = new Map<string, Uint32Array>();

/** All levels as pixels, alpha last as canvases have it on little-endian machines. */
function coloursOf(scale: Scale, theme: Theme): Uint32Array {
  const key = `${scale} ${theme}`;
  let colours = made.get(key);
  if (!colours) {
    colours = Uint32Array.from({ length: LEVELS }, (_, at) => {
      const [red, green, blue] = levelColour(at, scale, theme);
      return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    });
    made.set(key, colours);
  }
  return colours;
}
