// Which tool is armed: one segment per tool in the colour of what it does, greyed with the reason
// where it lacks something, and beside them what the armed one needs to know: the factor of the
// scale, or the direction and strength of the steer.

import { button, element, focusedIn, setAttributes } from "../charts/dom";
import type { ToolName } from "../types";
import type { Pane, Scene } from "./pane";
import type { Cast } from "./stage";
import { SteerTray } from "./steer-tray";
import { TOOL_NAMES, TOOLS } from "./tools";

/** What it needs of the stage that it stands on. */
export type ToolMeans = Pick<Cast, "client" | "store" | "actions" | "signal">;

export function toolPicker({ client, store, actions, signal }: ToolMeans): Pane {
  const segments = new Map<ToolName, HTMLButtonElement>();
  for (const name of TOOL_NAMES) {
    const { text, tone } = TOOLS[name];
    const attributes = { "data-testid": `mw-tool-${name}`, "data-tone": tone };
    segments.set(
      name,
      button(attributes, () => store.set({ tool: name }), text),
    );
  }
  const factor = element("input", {
    class: "mw-input mw-factor",
    type: "number",
    step: 0.1,
    "aria-label": "Factor of the scale",
    "data-testid": "mw-factor",
    title: "The factor that the output is multiplied by",
  });
  factor.addEventListener("input", () => {
    if (factor.value !== "" && Number.isFinite(factor.valueAsNumber))
      store.set({ factor: factor.valueAsNumber });
  });
  const steer = new SteerTray(client, store, actions, signal);
  const group = element("div", {
    class: "mw-segments mw-tool-segments",
    role: "group",
    "aria-label": "What a click does",
  });
  group.append(...segments.values());
  const el = element("div", { class: "mw-tools" }, group, factor, steer.el);
  return {
    el,
    draw(scene: Scene): void {
      const { state, page } = scene;
      for (const [name, node] of segments) {
        const { key, title, lacks } = TOOLS[name];
        const missing = lacks(state, page);
        setAttributes(node, {
          "aria-pressed": String(page.tool === name),
          "data-lacks": missing !== "",
          title: [`${title} (${key.toUpperCase()})`, missing].filter(Boolean).join("\n"),
        });
      }
      factor.hidden = page.tool !== "scale";
      if (factor.valueAsNumber !== page.factor && !focusedIn(factor))
        factor.value = String(page.factor);
      steer.draw(scene);
    },
  };
}
