// Arcs by keyboard: from the strongest key of a query to the next, also faster than frames come.

import { expect, it } from "vitest";
import { type ArcsScene, AttentionArcs, type Place } from "../../charts/attention-arcs";

const TOKENS = [0, 1, 2, 3].map((at) => ({ text: `t${at}`, special: false }));

const scene: ArcsScene = {
  label: "Head 0.0",
  queries: TOKENS,
  keys: TOKENS,
  triangle: true,
  scale: "sequential",
  theme: "light",
  max: 1,
  by: "query",
  room: { width: 400, height: 400 },
  at: { query: null, key: null },
  lit: { query: null, key: null },
  tone: "head",
  stamp: [],
  value: (_, key) => [0.1, 0.4, 0.3, 0.2][key] ?? 0,
  cut: () => null,
  describe: (query, key) => `${query} reads ${key}`,
};

function made(): { press(key: string): void; looked: Place[]; pressed: number[][] } {
  const looked: Place[] = [];
  const pressed: number[][] = [];
  const arcs = new AttentionArcs({
    look: (at) => looked.push(at),
    press: (query, key) => pressed.push([query, key]),
    scroll: () => {},
  });
  document.body.append(arcs.el);
  Object.defineProperty(arcs.el, "clientHeight", { value: scene.room.height }); // all is in sight
  arcs.draw(scene);
  const queries = arcs.el.querySelector("[role=listbox]") as HTMLElement;
  const press = (key: string): void => {
    queries.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  };
  return { press, looked, pressed };
}

it("walks along a query's keys, however many keys are pressed within a frame", () => {
  const { press, looked, pressed } = made();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) press(key);
  for (const key of ["ArrowRight", "ArrowRight", "ArrowRight"]) press(key);
  expect(looked.slice(-3).map(({ key }) => key)).toEqual([1, 2, 3]);
  press("Enter");
  expect(pressed).toEqual([[3, 3]]);
});
