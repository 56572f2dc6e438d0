// What else a token of a continuation could have been: its likeliest rivals with their probabilities
// in the baseline and under the edits, side by side for as long as the two texts agree.

import { element, keyed, setAttributes, setText } from "../charts/dom";
import { percent } from "../charts/format";
import { short } from "../charts/token-text";
import type { Continuation, Written } from "../wire/continuation";

const ROWS = 5;

export type RowName = "baseline" | "edited";

export interface Rival {
  readonly id: number;
  readonly text: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly chosen: boolean;
}

/** Do both rows speak of the same text at this place? */
export const comparable = ({ edited, divergence }: Continuation, index: number): boolean =>
  edited !== null && (divergence === null || index <= divergence);

/** The tokens that were likely at one place, those that were chosen among them. */
export function rivalsOf(text: Continuation, row: RowName, index: number): Rival[] {
  const both = comparable(text, index);
  const token = text[row]?.[index];
  if (!token) return [];
  const sides: Record<RowName, Written | undefined> = both
    ? { baseline: text.baseline[index], edited: text.edited?.[index] }
    : { baseline: undefined, edited: undefined, [row]: token };
  const ids = [...(sides.baseline?.likely ?? []), ...(sides.edited?.likely ?? []), token];
  const rivals = new Map<number, Rival>();
  for (const { id, text: shown } of ids) {
    const [before, after] = [shareOf(sides, "baseline", id), shareOf(sides, "edited", id)];
    rivals.set(id, { id, text: shown, before, after, chosen: id === token.id });
  }
  const largest = ({ before, after }: Rival): number => Math.max(before ?? 0, after ?? 0);
  const sorted = [...rivals.values()].sort((one, other) => largest(other) - largest(one));
  const shown = sorted.slice(0, ROWS);
  const chosen = rivals.get(token.id);
  return chosen && !shown.includes(chosen) ? [...shown.slice(0, ROWS - 1), chosen] : shown;
}

/** The probability of a token on one side, where it is known. */
function shareOf(
  sides: Record<RowName, Written | undefined>,
  name: RowName,
  id: number,
): number | null {
  const side = sides[name];
  if (side?.id === id) return side.probability;
  const listed = side?.likely.find((one) => one.id === id);
  if (listed) return listed.probability;
  const other = sides[name === "baseline" ? "edited" : "baseline"];
  return side && other?.id === id ? other.beside : null;
}

export class ContinuationDetails {
  readonly #about = element("div", { class: "mw-muted mw-rivals-about" });
  readonly #list = element("ol", { class: "mw-rivals" });
  readonly #rebuild = keyed(this.#list);
  readonly el = element(
    "div",
    { class: "mw-written-details", "data-testid": "mw-written-details", "aria-live": "polite" },
    this.#about,
    this.#list,
  );

  draw(text: Continuation | null, looked: { row: RowName; index: number } | null): void {
    const token = looked && text ? text[looked.row]?.[looked.index] : undefined;
    if (!text || !looked || !token) {
      setText(this.#about, text ? "Point at a token to see what else it could have been." : "");
      this.#rebuild("", () => []);
      return;
    }
    const both = comparable(text, looked.index);
    const parted = text.edited !== null && !both;
    const sides = both ? "baseline → edited" : looked.row;
    setText(
      this.#about,
      `token ${looked.index + 1} · ${sides}${parted ? ", after the texts part" : ""}`,
    );
    const rivals = rivalsOf(text, looked.row, looked.index);
    this.#rebuild(JSON.stringify([rivals, both]), () => rivals.map((one) => rivalLine(one, both)));
  }
}

function rivalLine({ text, before, after, chosen }: Rival, both: boolean): HTMLElement {
  const said = (share: number | null): string => (share === null ? "–" : percent(share));
  const line = element("li", { class: "mw-rival" });
  setAttributes(line, { "data-chosen": chosen });
  line.append(element("bdi", { class: "mw-rival-token" }, short(text, 16)));
  if (both) {
    line.append(
      element("span", { class: "mw-before" }, said(before)),
      element("span", { class: "mw-arrow", "aria-hidden": "true" }, "→"),
    );
  }
  line.append(element("span", { class: "mw-after" }, said(both ? after : (before ?? after))));
  return line;
}
