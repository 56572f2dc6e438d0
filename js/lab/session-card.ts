// One live session in the panel: model, metric, the list with its switches, undo and redo, memory.
// In: the kernel's answer. Out: elements; what a person changes goes through `act`.

import { button, element, icon } from "../charts/dom";
import { switchButton } from "../views/switch";
import type { InterventionAnswer, KernelAnswer, SessionAnswer } from "./answers";
import { memory, metricWords, modelFacts } from "./words";

export type Act = (
  session: SessionAnswer,
  action: string,
  given?: { which?: number },
) => Promise<void>;

export interface CardContext {
  act: Act;
  /** How many interventions are listed at first. */
  listed: number;
  /** Sessions whose whole list is wanted. */
  readonly unfolded: Set<string>;
  /** Draws again what has changed here and not in the kernel. */
  again(): void;
}

const TONES: Record<string, string> = { steer: "steer", patch: "patch" };

export function sessionCard(
  kernel: KernelAnswer,
  session: SessionAnswer,
  context: CardContext,
): HTMLElement {
  return element(
    "article",
    { class: "mw-lab-session", "data-testid": "mw-lab-session", "data-phase": session.phase },
    header(session, context),
    ...question(session),
    ...interventions(session, context),
    ...trouble(session, context),
    element("p", { class: "mw-lab-facts" }, memory(kernel, session)),
  );
}

function header(session: SessionAnswer, context: CardContext): HTMLElement {
  const { name } = session.model;
  return element(
    "header",
    { class: "mw-lab-head" },
    element("h4", { class: "mw-lab-model", title: `${name}: ${modelFacts(session)}` }, name),
    history("undo", session, context),
    history("redo", session, context),
  );
}

function history(which: "undo" | "redo", session: SessionAnswer, context: CardContext) {
  const what = session[which];
  const label = which === "undo" ? "Undo" : "Redo";
  const said = what === null ? `Nothing to ${which}` : `${label}: ${what}`;
  return button(
    {
      class: "mw-icon-button",
      disabled: what === null,
      title: said,
      "aria-label": said,
      "data-key": `${session.id} ${which}`,
      "data-testid": `mw-lab-${which}`,
    },
    () => void context.act(session, which),
    icon(which),
  );
}

function question(session: SessionAnswer): HTMLElement[] {
  const prompt = session.prompt ?? `${session.tokens} token ids`;
  const found = [
    element("p", { class: "mw-lab-facts" }, modelFacts(session)),
    element("p", { class: "mw-lab-prompt", title: prompt }, prompt),
  ];
  if (session.metric) {
    found.push(
      element(
        "p",
        { class: "mw-lab-metric", title: session.metric.label },
        element("span", { class: "mw-lab-label" }, session.metric.label),
        element("strong", { "data-testid": "mw-lab-metric" }, metricWords(session)),
      ),
    );
  }
  return found;
}

function interventions(session: SessionAnswer, context: CardContext): HTMLElement[] {
  if (session.interventions.length === 0) {
    return [element("p", { class: "mw-lab-none" }, "No interventions.")];
  }
  const all = context.unfolded.has(session.id);
  const shown = all ? session.interventions : session.interventions.slice(0, context.listed);
  const list = element(
    "ul",
    { class: "mw-lab-list", "aria-label": `Interventions on ${session.model.name}` },
    ...shown.map((each) => row(session, each, context)),
  );
  const left = session.interventions_total - shown.length;
  return left > 0 ? [list, more(session, left, context)] : [list];
}

function row(session: SessionAnswer, each: InterventionAnswer, context: CardContext): HTMLElement {
  const toggle = switchButton(() => {
    toggle.draw(!each.enabled, words, true); // at once; the kernel's answer draws it anew
    void context.act(session, each.enabled ? "disable" : "enable", { which: each.id });
  }, "mw-lab-switch");
  const words = each.name ?? each.sentence;
  toggle.draw(each.enabled, words, false);
  toggle.el.dataset.key = `${session.id} ${each.id}`;
  return element(
    "li",
    { class: "mw-lab-row", "data-off": !each.enabled, "data-tone": TONES[each.type] ?? "ablate" },
    toggle.el,
    element("span", { class: "mw-swatch" }),
    element("span", { class: "mw-lab-words", title: each.sentence }, words),
  );
}

function more(session: SessionAnswer, left: number, context: CardContext): HTMLElement {
  const unlisted = session.interventions_total - session.interventions.length;
  if (left === unlisted) {
    return element("p", { class: "mw-lab-none" }, `and ${unlisted} more, in the notebook`);
  }
  return button(
    { class: "mw-lab-more", "data-key": `${session.id} more` },
    () => {
      context.unfolded.add(session.id);
      context.again();
    },
    `${left} more`,
  );
}

function trouble(session: SessionAnswer, context: CardContext): HTMLElement[] {
  const found = [];
  if (session.error) found.push(element("p", { class: "mw-lab-error" }, session.error));
  if (session.sweep) {
    const { done, total } = session.sweep;
    found.push(
      element(
        "p",
        { class: "mw-lab-sweep" },
        element("progress", { value: done, max: total, "aria-label": "Sweep" }),
        element("span", {}, `Sweep: ${done} of ${total}`),
        button(
          {
            class: "mw-icon-button",
            title: "Cancel the sweep",
            "aria-label": "Cancel the sweep",
            "data-key": `${session.id} cancel`,
          },
          () => void context.act(session, "cancel_sweep"),
          icon("cross"),
        ),
      ),
    );
  }
  return found;
}
