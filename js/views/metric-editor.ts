// The question put to the model: an answer and, against it, a distractor. With both the metric is
// their logit difference, with an answer alone its probability, with neither there is none.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { typed, visible } from "../charts/token-text";
import type { MetricJson, SessionState } from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Pane, Scene } from "./pane";

type Side = "answer" | "distractor";

/** The tokens of a metric as a person would type them. Ids are looked up among the top tokens. */
export function metricTexts(state: SessionState | null): Record<Side, string> {
  const spec = state?.metric?.spec;
  const text = (token: string | number): string => {
    if (typeof token === "string") return visible(token);
    const known =
      state?.outcome?.top.find((top) => top.id === token) ??
      state?.tokens.find((t) => t.id === token);
    return known ? visible(known.text) : `#${token}`;
  };
  if (!spec) return { answer: "", distractor: "" };
  if (spec.type === "probability") return { answer: text(spec.token), distractor: "" };
  return { answer: text(spec.a), distractor: text(spec.b) };
}

/** `#1234` is a vocabulary id; everything else is text. */
const tokenOf = (text: string): string | number =>
  /^#\d+$/.test(text) ? Number(text.slice(1)) : typed(text);

export function metricOf(answer: string, distractor: string): MetricJson | null {
  if (answer === "") return null;
  if (distractor === "") return { type: "probability", token: tokenOf(answer) };
  return { type: "logit_diff", a: tokenOf(answer), b: tokenOf(distractor) };
}

export function metricEditor(client: SessionClient, listId: string): Pane {
  const field = (side: Side, label: string, title: string): HTMLInputElement =>
    element("input", {
      class: "mw-input mw-metric-input",
      type: "text",
      size: 8,
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      list: listId,
      placeholder: "none",
      "aria-label": label,
      "data-testid": `mw-metric-${side}`,
      title,
    });
  const fields: Record<Side, HTMLInputElement> = {
    answer: field(
      "answer",
      "Answer token",
      "The token whose logit counts for. A leading · is a space.",
    ),
    distractor: field(
      "distractor",
      "Distractor token",
      "The token whose logit counts against. Empty: the probability of the answer.",
    ),
  };
  const swap = button(
    {
      class: "mw-icon-button",
      "aria-label": "Swap answer and distractor",
      title: "Swap answer and distractor",
    },
    () => {
      const { answer, distractor } = fields;
      [answer.value, distractor.value] = [distractor.value, answer.value];
      void submit();
    },
    icon("swap"),
  );
  const message = element("div", { class: "mw-field-note", role: "status" });
  const options = element("datalist", { id: listId });
  const line = element("div", { class: "mw-metric-line" });
  line.append("answer", fields.answer, swap, "not", fields.distractor);
  const el = element(
    "section",
    { class: "mw-metric-editor", "aria-label": "Metric" },
    line,
    message,
    options,
  );
  let shownKey = "";
  let dirty = false;

  const restore = (): void => {
    const texts = metricTexts(client.shown);
    fields.answer.value = texts.answer;
    fields.distractor.value = texts.distractor;
    dirty = false;
  };
  const submit = async (): Promise<void> => {
    const metric = metricOf(fields.answer.value, fields.distractor.value);
    if (metric === null && !client.state?.metric) return restore();
    dirty = true;
    if (await client.setMetric(metric)) dirty = false;
  };
  for (const side of ["answer", "distractor"] as const) {
    const input = fields[side];
    input.addEventListener("input", () => {
      dirty = true;
      // An input hides a leading space, and whether it is there decides which token is meant.
      if (input.value.startsWith(" ")) input.value = input.value.replace(/^ /, "·");
    });
    input.addEventListener("change", () => void submit());
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        if (client.lastError?.op === "set_metric") client.dismissError();
        restore();
        input.blur();
      } else if (event.key === "Enter") {
        event.preventDefault();
        // A change event follows only when the text differs from what was last accepted.
        input.blur();
        input.focus();
      }
    });
  }

  return {
    el,
    draw({ state, enabled }: Scene): void {
      const key = JSON.stringify([metricTexts(state)]);
      const refusal = client.lastError?.op === "set_metric" ? client.lastError : null;
      if ((key !== shownKey || !dirty) && !refusal && !isTyping(el)) {
        shownKey = key;
        restore();
      }
      for (const input of Object.values(fields)) {
        setAttributes(input, {
          disabled: !enabled || !state,
          "aria-invalid": refusal ? "true" : null,
        });
      }
      setAttributes(swap, {
        disabled: !enabled || !fields.answer.value || !fields.distractor.value,
      });
      setText(message, refusal ? [refusal.message, refusal.hint].filter(Boolean).join(" ") : "");
      setAttributes(message, {
        "data-error": refusal !== null,
        "data-testid": refusal ? "mw-metric-error" : null,
      });
      drawOptions(options, state);
    },
  };
}

function isTyping(el: Element): boolean {
  const root = el.getRootNode();
  const active = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return active instanceof HTMLInputElement && el.contains(active);
}

function drawOptions(options: HTMLElement, state: SessionState | null): void {
  const texts = state?.outcome?.top.map((top) => visible(top.text)) ?? [];
  const key = texts.join("\n");
  if (options.dataset.key === key) return;
  options.dataset.key = key;
  options.replaceChildren(...texts.map((value) => element("option", { value })));
}
