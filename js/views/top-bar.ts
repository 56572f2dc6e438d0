// The line on top: which model, which tool is armed, whether work is going on, undo and redo.

import { button, element, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import type { ModelJson } from "../types";
import { baselineButton } from "./baseline-button";
import type { KeySheet } from "./key-sheet";
import type { Pane, Scene } from "./pane";
import type { Cast } from "./stage";
import { toolPicker } from "./tool-picker";
import { undoRedo } from "./undo-redo";

const DTYPES: Record<string, string> = {
  float32: "fp32",
  float16: "fp16",
  bfloat16: "bf16",
  float64: "fp64",
};

function range(numbers: readonly number[]): string {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return low === high ? String(low) : `${low}–${high}`;
}

export function shapeOf(model: ModelJson): string {
  const heads = model.heads.filter((n) => n > 0);
  const layers = count(model.n_layers, "layer");
  const parts = heads.length > 0 ? `${layers} × ${range(heads)} heads` : `${layers}, no heads`;
  const dtype = model.dtype.replace(/^torch\./, "");
  return [parts, DTYPES[dtype] ?? dtype, model.device].join(" · ");
}

function detailsOf(model: ModelJson): string {
  const lines = [
    `${count(model.parameters, "parameter")}, width ${model.d_model}`,
    model.max_positions === null ? "" : `at most ${count(model.max_positions, "token")}`,
    ...model.notes,
  ];
  return lines.filter(Boolean).join("\n");
}

export function topBar(cast: Cast, keys: KeySheet): Pane {
  const { client, store } = cast;
  const name = element("span", { class: "mw-model", dir: "auto" });
  const shape = element("span", { class: "mw-muted mw-model-shape" });
  const tools = toolPicker(cast);
  const dot = element("span", { class: "mw-running-dot", "aria-hidden": "true" });
  const running = button(
    {
      class: "mw-running mw-button",
      "data-testid": "mw-stop-run",
      title: "Stop this run; what was asked for stays",
    },
    () => void client.act("cancel_run"),
    dot,
    "running · stop",
  );
  const history = undoRedo(client);
  const baseline = baselineButton(store);
  const el = element("header", { class: "mw-top" }, name, shape, tools.el);
  el.append(element("span", { class: "mw-grow" }), running, baseline.el, history.el, keys.opener());

  return {
    el,
    draw(scene: Scene): void {
      tools.draw(scene);
      const { state, slow } = scene;
      setText(name, state?.model.name ?? "mechwidget");
      setText(shape, state ? shapeOf(state.model) : "");
      setAttributes(shape, { title: state ? detailsOf(state.model) : null });
      tools.el.hidden = !state;
      setAttributes(running, { "data-on": slow });
      history.draw(scene);
      baseline.draw(scene);
    },
  };
}
