// Token positions that a person selects: by click, Shift-click (a range), Ctrl-click (one more) or
// drag. In: what was selected and what is done. Out: what is selected then, in order; none means all.

export type Positions = readonly number[];

/** Both ends and all between. */
export function range(one: number, other: number): number[] {
  const first = Math.min(one, other);
  return Array.from({ length: Math.abs(one - other) + 1 }, (_, i) => first + i);
}

/** A plain click: this one alone, or none if it was alone already. */
export const clicked = (selected: Positions, index: number): Positions =>
  selected.length === 1 && selected[0] === index ? [] : [index];

/** A click with Ctrl or ⌘: one more, or one less. */
export const toggled = (selected: Positions, index: number): Positions =>
  selected.includes(index)
    ? selected.filter((position) => position !== index)
    : [...selected, index].sort((one, other) => one - other);

/** For people: "2–4, 7". */
export function positionsText(positions: Positions): string {
  const runs: [number, number][] = [];
  for (const position of positions) {
    const last = runs.at(-1);
    if (last && last[1] === position - 1) last[1] = position;
    else runs.push([position, position]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(", ");
}
