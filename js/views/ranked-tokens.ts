// A short list of tokens, or of pairs, each with its number and a bar as long as it: pressed, a token
// becomes the one that is asked about. One stop of the keyboard per list, arrows within it.

import { button, element, keyed, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { WeightToken } from "../wire/weights";

export interface RankedRow {
  readonly tokens: readonly WeightToken[];
  readonly value: number;
}

export class RankedTokens {
  readonly el: HTMLElement;
  readonly #list = element("ol", { class: "mw-ranked-rows" });
  readonly #rebuild = keyed(this.#list);
  readonly #why = element("p", { class: "mw-muted mw-ranked-why" });

  constructor(
    title: string,
    hint: string,
    testid: string,
    private readonly choose: (token: WeightToken) => void,
    private readonly sign = true,
  ) {
    const heading = element("h4", { class: "mw-muted", title: hint }, title);
    this.#list.setAttribute("aria-label", title);
    this.el = element(
      "div",
      { class: "mw-ranked", "data-testid": testid },
      heading,
      this.#list,
      this.#why,
    );
    this.#list.addEventListener("keydown", (event) => rove(this.#list, event));
  }

  /** The rows, or why there are none. */
  draw(rows: readonly RankedRow[] | null, why: string): void {
    setText(this.#why, rows ? "" : why);
    const key = JSON.stringify(rows?.map(({ tokens, value }) => [tokens, value.toPrecision(6)]));
    this.#rebuild(key, () => {
      const max = Math.max(...(rows ?? []).map(({ value }) => Math.abs(value)), 0);
      return (rows ?? []).map((row, at) => element("li", {}, this.#row(row, max, at === 0)));
    });
  }

  #row({ tokens, value }: RankedRow, max: number, first: boolean): HTMLElement {
    const limit = tokens.length > 1 ? 11 : 16;
    const number = (this.sign ? signed : plain)(value);
    const said = tokens.map(({ text }) => visible(text)).join(" → ");
    const names = tokens.flatMap(({ text }, at) => [
      ...(at > 0 ? [element("span", { class: "mw-muted" }, " → ")] : []),
      element("bdi", {}, short(text, limit)),
    ]);
    const bar = element("span", { class: "mw-ranked-bar", "aria-hidden": "true" });
    bar.style.width = `${max > 0 ? (100 * Math.abs(value)) / max : 0}%`;
    bar.toggleAttribute("data-negative", value < 0);
    const [token] = tokens;
    return button(
      {
        class: "mw-ranked-row",
        tabindex: first ? 0 : -1,
        title: `${said}: ${number}${tokens.map(({ id }) => ` #${id}`).join("")}`,
      },
      () => token && this.choose(token),
      bar,
      element("span", { class: "mw-ranked-names" }, ...names),
      element("span", { class: "mw-ranked-number" }, number),
    );
  }
}

/** The keyboard's one stop in a list of rows moves along with the arrows. */
export function rove(list: HTMLElement, event: KeyboardEvent): void {
  const rows = Array.from(list.querySelectorAll<HTMLElement>(".mw-ranked-row"));
  const at = rows.indexOf(event.target as HTMLElement);
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: rows.length - 1,
  };
  const next = rows[steps[event.key] ?? -1];
  if (at < 0 || !next) return;
  event.preventDefault();
  for (const row of rows) row.tabIndex = row === next ? 0 : -1;
  next.focus();
}
