// A pattern as small as a stamp: one pixel per entry, made larger by the page. An image and not a canvas,
// because a page puts every canvas on a layer of its own and a hundred of them together in every
// frame. Written out as a bitmap with a palette: nothing is read back from a canvas, which some
// browsers answer with noise.

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

const HEADER = 54;
const PALETTE = 256;
/** What lies above the diagonal: the ground of the picture. */
const NOTHING = 255;
const GROUND: Record<Theme, readonly [number, number, number]> = {
  light: [244, 246, 248],
  dark: [27, 32, 38],
};

/** The picture as a data URI. */
export function thumbnail(scene: ThumbnailScene): string {
  return `data:image/bmp;base64,${base64(bitmap(scene))}`;
}

export function bitmap(scene: ThumbnailScene): Uint8Array {
  const { rows, columns, triangle, max } = scene;
  const stride = 4 * Math.ceil(columns / 4);
  const first = HEADER + 4 * PALETTE;
  const bytes = new Uint8Array(first + stride * rows);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, first, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, columns, true);
  view.setInt32(22, -rows, true); // from the top down
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  view.setUint32(46, PALETTE, true);
  for (let at = 0; at < PALETTE; at++) {
    const colour = at < LEVELS ? levelColour(at, scene.scale, scene.theme) : GROUND[scene.theme];
    bytes.set([colour[2], colour[1], colour[0], 0], HEADER + 4 * at);
  }
  for (let row = 0; row < rows; row++) {
    const end = triangle ? Math.min(row + 1, columns) : columns;
    for (let column = 0; column < columns; column++) {
      const at = column < end ? level(scene.value(row, column), max) : -1;
      bytes[first + row * stride + column] = at < 0 ? NOTHING : at;
    }
  }
  return bytes;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return btoa(text);
}
