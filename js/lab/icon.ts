// The mark of mechwidget: a map of heads, one of them switched off.

import { LabIcon } from "@jupyterlab/ui-components";

const SQUARES = [
  [3, 3],
  [9, 3],
  [15, 3],
  [3, 9],
  [15, 9],
  [3, 15],
  [9, 15],
  [15, 15],
];

const filled = SQUARES.map(([x, y]) => `<rect x="${x}" y="${y}" width="4.5" height="4.5" rx="1"/>`);

export const headsIcon = new LabIcon({
  name: "mechwidget:heads",
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 22.5 22.5">' +
    `<g class="jp-icon3" fill="#616161">${filled.join("")}</g>` +
    '<rect class="jp-icon3-stroke" x="9.6" y="9.6" width="3.3" height="3.3" rx="0.6" fill="none" stroke="#c2330c" stroke-width="1.4"/>' +
    "</svg>",
});
