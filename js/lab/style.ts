// The look of what is drawn outside a cell: the tokens and controls that every view has, and ours.
// It comes with what is drawn rather than with the page, which then starts no later for it.

import base from "../style/base.css";
import interventions from "../style/interventions.css";
import theme from "../style/theme.css";
import panel from "./panel.css";

export function sheet(): HTMLStyleElement {
  const style = document.createElement("style");
  style.textContent = [theme, base, interventions, panel].join("\n");
  return style;
}
