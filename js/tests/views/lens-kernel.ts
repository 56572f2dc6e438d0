// A kernel that has a lens to tell of, for the tests of its pane.

import type { InterventionJson, SessionState } from "../../types";
import { lens } from "../../views/lens";
import { frameOf } from "../../wire/frames";
import type { LensRow } from "../../wire/lens";
import { stateOf } from "../wire/states";
import { FakeSession, mount, painted } from "./fake-session";
import { outcomeOf } from "./outcomes";

export const ROWS: LensRow[] = [
  { layer: 0, end: "pre" },
  { layer: 0, end: "post" },
  { layer: 1, end: "post" },
];
export const CONES = [
  { spread: 1, both_ways: false },
  { spread: 2, both_ways: false },
  { spread: 3, both_ways: false },
];
export const OTHER = {
  prompt: "The city",
  tokens: [
    { id: 1, text: "The", special: false },
    { id: 7, text: " city", special: false },
  ],
  pairs: [
    [0, 0],
    [1, 1],
  ] as [number, number][],
};
export const METRIC: SessionState["metric"] = {
  label: "logit difference x − y",
  unit: "logits",
  position: 1,
  spec: { type: "logit_diff", a: " x", b: " y" },
};
export const PATCHED: InterventionJson = {
  index: 0,
  id: 5,
  type: "patch",
  mode: null,
  component: { type: "residual", layer: 0, end: "post" },
  align: [[0, 1]],
  layers: null,
  strength: null,
  sentence: "Patch the stream",
  enabled: true,
};

/** A kernel that reads words off a table: `said(of, edited, row, position)`. */
export function reading(
  change: Partial<SessionState> = {},
  said = (of: string, edited: boolean, row: number, position: number) =>
    `${of}${edited ? "!" : ""}${row}${position}`,
  value = (edited: boolean, row: number, position: number) =>
    0.1 * (row + 1) + 0.3 * position + (edited ? 0.2 : 0),
): FakeSession {
  const session = new FakeSession(stateOf({ outcome: outcomeOf(), ...change }));
  session.answers.set("lens", ({ of, edited, first, measure }) => {
    const tokens = (of === "b" ? session.state?.other?.tokens : session.state?.tokens) ?? [];
    const columns = Math.min(16, tokens.length - (first as number));
    const places = ROWS.flatMap((_, row) =>
      Array.from({ length: columns }, (__, at) => [row, (first as number) + at] as const),
    );
    const texts = places.map(([row, at]) => said(of as string, edited as boolean, row, at));
    const table = [...new Set(texts)];
    const shape = [ROWS.length, columns];
    const index = frameOf(
      texts.map((text) => table.indexOf(text)),
      shape,
    );
    const p = frameOf(
      places.map(([row, at]) => value(edited as boolean, row, at)),
      shape,
    );
    const ids = table.map((_, i) => i);
    return {
      result: { rows: ROWS, first, vocabulary: 1000, measure, ids, texts: table },
      frames: measure === "probability" ? [index, p] : [index, p, p],
    };
  });
  session.answers.set("lens_cones", () => ({ result: { rows: ROWS, cones: CONES }, frames: [] }));
  return session;
}

export const show = (session: FakeSession) => mount(session, "light", lens);
export const word = (el: HTMLElement, side: string, row: number, column: number): HTMLElement => {
  const found = el.querySelector<HTMLElement>(
    `[data-testid="mw-lens-${side}"] [data-word="${row}.${column}"]`,
  );
  if (!found) throw new Error(`no cell ${row}.${column} in ${side}`);
  return found;
};
export const press = async (node: HTMLElement, key: string): Promise<void> => {
  node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  await painted();
};
