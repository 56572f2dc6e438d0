// What a notebook saved of a view (application/vnd.mechwidget.saved+json), read. In: JSON from a file.
// Out: what `savedModel` takes.

import { readState } from "../wire/state";
import { objectOf, textOf } from "./json";
import { RecipeProblem, readEffects, type Saved } from "./recipe-reading";

/** Throws RecipeProblem where it is not what this version saves. */
export function readSaved(value: unknown): Saved {
  const { view, state, numbers } = objectOf(value);
  const sound = readState(state);
  if (!sound) throw new RecipeProblem("This output is of another version of mechwidget.", AGAIN);
  // Another output may show the same session, also with a kernel: they are not linked.
  const session = `saved ${sound.session}`;
  const loaded = { sentence: "The result as the notebook has saved it.", differences: 0 };
  const { effects } = objectOf(numbers);
  return {
    view: textOf(view) || "workbench",
    state: { ...sound, session, loaded, can_undo: false, can_redo: false },
    effects: readEffects(effects),
  };
}

const AGAIN = "Run its cell again.";
