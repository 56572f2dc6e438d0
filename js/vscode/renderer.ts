// The notebook renderer: a view as the notebook has saved it, drawn without a kernel. In: outputs of
// application/vnd.mechwidget.saved+json. Out: the same views, read-only, each in a shadow root.

import { DrawnWidget } from "./drawn-widget";
import { RecipeProblem } from "./recipe-reading";
import { savedModel } from "./saved-kernel";
import { readSaved } from "./saved-result";

/** The styles of the views, put in by build.mjs. */
declare const MECHWIDGET_STYLE: string;

interface OutputItem {
  readonly id: string;
  json(): unknown;
}

export function activate(): {
  renderOutputItem(item: OutputItem, el: HTMLElement): void;
  disposeOutputItem(id?: string): void;
} {
  const drawn = new Map<string, DrawnWidget>();
  return {
    renderOutputItem(item, el) {
      const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
      const sheet = document.createElement("style");
      sheet.textContent = MECHWIDGET_STYLE;
      const inside = document.createElement("div");
      root.replaceChildren(sheet, inside);
      drawn.get(item.id)?.clear();
      const widget = new DrawnWidget(inside);
      drawn.set(item.id, widget);
      try {
        widget.draw(savedModel(readSaved(item.json())));
      } catch (error) {
        const hint = error instanceof RecipeProblem ? error.hint : "";
        widget.say(error instanceof Error ? error.message : String(error), hint);
      }
    },
    disposeOutputItem(id) {
      for (const [name, widget] of drawn) {
        if (id !== undefined && name !== id) continue;
        widget.clear();
        drawn.delete(name);
      }
    },
  };
}
