// A widget model with no kernel behind it: it holds a saved result, answers what that can answer, and
// says of everything else why not. In: what was saved. Out: an AnyModel, as a host would hand one out.

import type { AnyModel } from "@anywidget/types";
import { PROTOCOL } from "../types";
import type { Saved, SavedEffects } from "./recipe-reading";

type Callback = (content: unknown, buffers: unknown) => void;
interface Answer {
  result: unknown;
  frames?: object[];
  buffers?: DataView[];
}

const HINT = "Run the recipe in a kernel, or its cell in the notebook.";
const WANTED: Record<string, string> = {
  pattern: "Attention patterns are not saved with a result.",
  lens: "The readings of the lens are not saved with a result.",
  score: "Only the effect of each head is saved with a result.",
};
/** MLP, attention and the whole layer stand beside the heads, and are not saved. */
const BESIDE = 3;

export function savedModel({ view, state, effects }: Saved): AnyModel {
  const traits: Record<string, unknown> = { _view: view, _protocol: PROTOCOL, state };
  const listeners = new Set<Callback>();
  const say = (content: object, buffers: DataView[] = []): void => {
    for (const each of [...listeners]) each(content, buffers);
  };
  const model = {
    get: (name: string): unknown => traits[name],
    set(): void {},
    save_changes(): void {},
    on(event: string, callback: Callback): void {
      if (event === "msg:custom") listeners.add(callback);
    },
    off(event?: string | null, callback?: Callback | null): void {
      if (event === "msg:custom" && callback) listeners.delete(callback);
    },
    send(content: unknown): void {
      const { id, op, args } = content as { id: unknown; op: unknown; args?: { name?: unknown } };
      if (typeof id !== "string" || typeof op !== "string") return;
      const envelope = { v: PROTOCOL, id };
      // As late as a kernel would: whoever asked is not listening yet.
      queueMicrotask(() => {
        const answer = answerTo(op, args?.name, state, effects);
        if (answer) {
          const { result, frames, buffers } = answer;
          say({ ...envelope, ok: true, result, ...(frames ? { frames } : {}) }, buffers);
        } else say({ ...envelope, ok: false, error: refusalOf(op) });
      });
    },
  };
  return model as unknown as AnyModel;
}

function answerTo(
  op: string,
  name: unknown,
  { session, model, metric }: Saved["state"],
  effects: SavedEffects | null,
): Answer | null {
  switch (op) {
    case "hello":
      return { result: { protocol: PROTOCOL, session } };
    case "ping":
    case "select":
    case "looks":
      return { result: {} };
    case "recent_prompts":
      return { result: { prompts: [] } };
    case "reference":
      return { result: { prompts: [], others: 0 } };
    case "score_menu":
      return { result: { scores: effects ? [menuEntry(effects, metric !== null)] : [] } };
    case "score":
      return effects && name === "effect" ? frameOf(effects, model.heads, metric !== null) : null;
    default:
      return null;
  }
}

const menuEntry = (effects: SavedEffects, diverging: boolean): object => ({
  name: "effect",
  title: "effect when ablated",
  convention: "what zero-ablating each head alone does, as it was saved",
  follows_edits: false,
  missing: "",
  ...styleOf(effects, diverging),
});

const styleOf = ({ label, unit }: SavedEffects, diverging: boolean): object => ({
  unit,
  label,
  scale: diverging ? "diverging" : "sequential",
  range: null,
});

function frameOf(effects: SavedEffects, heads: readonly number[], diverging: boolean): Answer {
  const most = Math.max(...heads);
  const width = most + BESIDE;
  const values = new Float32Array(heads.length * width).fill(Number.NaN);
  effects.values.slice(0, heads.length).forEach((row, layer) => {
    row.slice(0, heads[layer]).forEach((value, head) => {
      values[layer * width + head] = value ?? Number.NaN;
    });
  });
  const header = { dtype: "f32", shape: [heads.length, width], layout: "dense" };
  const reason = "What MLPs and whole layers do was not saved.";
  const result = { name: "effect", reason, ...styleOf(effects, diverging) };
  return { result, frames: [header], buffers: [new DataView(values.buffer)] };
}

function refusalOf(op: string): object {
  const message =
    WANTED[op.split("_")[0] ?? ""] ?? "This is a saved result: no kernel is behind it.";
  return { type: "NoKernel", message, hint: HINT };
}
