// The caption of a saved picture: which model, which prompt, which edits, what is measured, and the
// conventions that its numbers follow. No date and no place: the same experiment has the same caption.

import { version } from "../../package.json";
import { metric } from "../charts/format";
import { visible } from "../charts/token-text";
import type { Caption } from "../pictures/picture";
import type { SessionState, TokenJson } from "../types";
import type { Scene } from "./pane";
import { shapeOf } from "./top-bar";

const LONGEST_PROMPT = 600;

/** What stands in a pane as its name. */
export function titleOf(el: Element): string {
  const heading = el.querySelector("h3")?.textContent?.trim();
  const label = el.getAttribute("aria-label") ?? "";
  if (!heading) return label || "mechwidget";
  return label && !heading.toLowerCase().includes(label.toLowerCase())
    ? `${label}: ${heading}`
    : heading;
}

export function captionOf(el: Element, { state, page }: Scene): Caption {
  const title = titleOf(el);
  if (!state) return { title, lines: [] };
  const { model } = state;
  const lines = [
    `Model: ${model.name} (${shapeOf(model)})`,
    `Prompt: ${promptOf(state.tokens)}`,
    state.other ? `Prompt B: ${promptOf(state.other.tokens)}` : "",
    `Edits: ${page.baseline ? "none, the baseline" : editsOf(state)}`,
    measured(state),
    ...conventionsOf(el),
    `mechwidget ${version}`,
  ];
  return { title, lines: lines.filter(Boolean).map((line) => visible(line)) };
}

function promptOf(tokens: readonly TokenJson[]): string {
  const text = tokens.map((token) => visible(token.text)).join(" ");
  const characters = Array.from(text);
  return characters.length <= LONGEST_PROMPT
    ? text
    : `${characters.slice(0, LONGEST_PROMPT).join("")}… (${tokens.length} tokens)`;
}

function editsOf({ interventions }: SessionState): string {
  const on = interventions.filter(({ enabled }) => enabled).map(({ sentence }) => sentence);
  return on.length > 0 ? on.join("; ") : "none";
}

function measured({ metric: question, outcome, revision }: SessionState): string {
  if (!question || !outcome?.metric || outcome.revision !== revision) return "";
  const [before, after] = [outcome.metric.before, outcome.metric.after].map((value) =>
    metric(value, question.unit),
  );
  return `Metric: ${question.label} at position ${question.position}, ${before} → ${after} ${question.unit}`;
}

/** What legends and notes of the pane say of its numbers. */
function conventionsOf(el: Element): string[] {
  const shown = Array.from(el.querySelectorAll<HTMLElement>(".mw-legend[aria-label]")).filter(
    (legend) => legend.offsetParent !== null && legend.style.visibility !== "hidden",
  );
  const said = shown.map((legend) => {
    const ends = Array.from(legend.querySelectorAll(".mw-legend-end"), (end) => end.textContent);
    return `Scale: ${legend.getAttribute("aria-label")} (${ends.join(" to ")})`;
  });
  const notes = Array.from(
    el.querySelectorAll("[data-mw-convention]"),
    (one) => one.textContent ?? "",
  );
  return [...new Set([...said, ...notes.map((note) => note.trim())])].filter(Boolean);
}
