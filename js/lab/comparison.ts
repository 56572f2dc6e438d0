// Two recipes side by side: what the server says is different. In: two paths. Out: a table, old and
// new, each change with its sentence.

import { element } from "../charts/dom";
import { createHost } from "../host/host";
import type { ChangeAnswer, DifferenceAnswer } from "./answers";
import { inWords } from "./connection";
import { sheet } from "./style";

export async function showComparison(
  el: HTMLElement,
  old: string,
  recent: string,
  ask: () => Promise<DifferenceAnswer>,
  signal: AbortSignal,
): Promise<void> {
  const { el: root } = createHost(el, signal);
  root.classList.add("mw-lab-page");
  const note = element("p", { class: "mw-lab-note", role: "status" }, "Comparing …");
  root.append(sheet(), note);
  try {
    const { same, changes, complete } = await ask();
    const n = changes.length === 1 ? "1 difference" : `${changes.length} differences`;
    note.textContent = same ? "They are the same." : complete ? n : `The first ${n}`;
    if (!same) root.append(table(old, recent, changes));
  } catch (error) {
    note.textContent = inWords(error);
    note.setAttribute("data-trouble", "");
  }
}

function table(old: string, recent: string, changes: readonly ChangeAnswer[]): HTMLElement {
  const head = ["Where", old, recent, "In words"].map((words) =>
    element("th", { scope: "col" }, words),
  );
  const rows = changes.map(({ path, before, after, sentence }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, path),
      element("td", {}, short(before)),
      element("td", {}, short(after)),
      element("td", {}, sentence),
    ),
  );
  return element(
    "table",
    { class: "mw-lab-comparison", "data-testid": "mw-lab-comparison" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

function short(value: unknown): string {
  if (value === null || value === undefined) return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
