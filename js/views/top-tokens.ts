// The top tokens as paired bars, before over after, with their probability, logit or rank. Bars are
// probabilities, on a scale shared by all rows. What the baseline expected keeps its place.

import { button, element, setAttributes, setText } from "../charts/dom";
import { percent, signed } from "../charts/format";
import { PairedBars } from "../charts/paired-bars";
import { short, visible } from "../charts/token-text";
import type { Printed } from "../store/session-store";
import type { TopTokenJson } from "../types";
import type { Role } from "./answer-click";

export const ROWS = 8;

/** What the baseline already expected keeps its place; what rose from nothing follows, largest first. */
const EXPECTED = 0.01;

export const largest = ({ before, after }: TopTokenJson): number => Math.max(before, after);

export function topRows(top: readonly TopTokenJson[], most = ROWS): TopTokenJson[] {
  const rows = [...top].sort((one, other) => largest(other) - largest(one)).slice(0, most);
  const expected = rows.filter((row) => row.before >= EXPECTED);
  expected.sort((one, other) => other.before - one.before);
  return [...expected, ...rows.filter((row) => row.before < EXPECTED)];
}

interface Drawn {
  readonly printed: Printed;
  /** Show the baseline in the place of what is after. */
  readonly baseline: boolean;
  role(token: TopTokenJson): Role | null;
}

interface Row {
  readonly el: HTMLElement;
  draw(top: TopTokenJson | undefined, max: number, drawn: Drawn): void;
}

export class TopTokens {
  readonly el: HTMLElement;
  readonly #rows: readonly Row[];

  /** `onPick` makes the rows something to click. */
  constructor(
    label: string,
    count: number = ROWS,
    onPick?: (token: TopTokenJson, role: Role) => void,
  ) {
    this.el = element("ol", { class: "mw-outcome-rows", "aria-label": label });
    this.#rows = Array.from({ length: count }, () => tokenRow(onPick));
    this.el.append(...this.#rows.map(({ el }) => el));
    this.el.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(shown: readonly TopTokenJson[], drawn: Drawn): void {
    const max = Math.max(...shown.map(largest), 0.01);
    this.#rows.forEach((row, i) => {
      row.draw(shown[i], max, drawn);
    });
    const stops = [...this.el.querySelectorAll<HTMLElement>("button")];
    if (stops.length > 0 && !stops.some(({ tabIndex }) => tabIndex === 0))
      setAttributes(stops[0] as HTMLElement, { tabindex: 0 });
  }

  /** One tab stop; arrows walk. */
  #key(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined || event.altKey) return;
    const stops = [...this.el.querySelectorAll<HTMLElement>("li:not([aria-hidden]) button")];
    const at = stops.indexOf(event.target as HTMLElement);
    const next = stops[at + step];
    if (at < 0 || !next) return;
    event.preventDefault();
    for (const stop of stops) setAttributes(stop, { tabindex: stop === next ? 0 : -1 });
    next.focus();
  }
}

function tokenRow(onPick?: (token: TopTokenJson, role: Role) => void): Row {
  let shown: TopTokenJson | undefined;
  const token = element("bdi", { class: "mw-outcome-token" });
  const bars = new PairedBars();
  const before = element("span", { class: "mw-before" });
  const after = element("span", { class: "mw-after" });
  const cells = [
    token,
    bars.el,
    before,
    element("span", { class: "mw-arrow", "aria-hidden": "true" }, "→"),
    after,
  ];
  const attributes = { class: "mw-outcome-row", "data-testid": "mw-outcome-row" };
  const pick = ({ shiftKey }: MouseEvent): void => {
    if (shown) onPick?.(shown, shiftKey ? "distractor" : "answer");
  };
  const row = onPick
    ? button({ ...attributes, tabindex: -1 }, pick, ...cells)
    : element("div", { ...attributes, role: "img" }, ...cells);
  const el = element("li", {}, row);
  return {
    el,
    draw(top, max, { printed, baseline, role }): void {
      shown = top;
      el.style.visibility = top ? "visible" : "hidden";
      setAttributes(el, { "aria-hidden": top ? null : "true" });
      if (!top) {
        setAttributes(row, { "aria-label": null });
        return;
      }
      const [was, is] = numbers(top, printed);
      setText(token, short(top.text, 12));
      setText(before, was);
      setText(after, baseline ? was : is);
      bars.draw(top.before, baseline ? top.before : top.after, max);
      const ranks = `rank ${top.rank_before} → ${top.rank_after}`;
      const logits = `logit ${signed(top.logit_before)} → ${signed(top.logit_after)}`;
      const chances = `${percent(top.before)} before, ${percent(top.after)} after`;
      const part = role(top);
      const title = [`${visible(top.text)} (id ${top.id})`, chances, ranks, logits];
      if (onPick) title.push("Click: the answer of the metric · Shift-click: the distractor");
      setAttributes(row, {
        title: title.join("\n"),
        "data-token-id": top.id,
        "data-role": part,
        "aria-label": [`${visible(top.text)}: ${chances}`, ranks, logits, part]
          .filter(Boolean)
          .join(", "),
      });
    },
  };
}

function numbers(top: TopTokenJson, printed: Printed): [string, string] {
  if (printed === "rank") return [String(top.rank_before), String(top.rank_after)];
  if (printed === "logit") return [signed(top.logit_before), signed(top.logit_after)];
  return [percent(top.before), percent(top.after)];
}
