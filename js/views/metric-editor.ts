// The question put to the model: an answer and, against it, a distractor. With both the metric is
// their logit difference, with an answer alone its probability, with neither there is none. A token
// without the space that the prompt goes on with is warned of, the other one a click away.

import { button, element, focusedIn, icon, setAttributes } from "../charts/dom";
import { Floating } from "../charts/floating";
import { percent } from "../charts/format";
import { typed, visible } from "../charts/token-text";
import { type SessionState, tokenMetric } from "../types";
import type { SessionClient } from "../wire/session-client";
import {
  chooseToken,
  type KnownToken,
  type MetricToken,
  metricTokens,
  type Side,
  searchVocabulary,
} from "../wire/vocabulary";
import { baselineKey, Fetches } from "./fetches";
import { drawFieldNote } from "./field-note";
import { MetricKindPicker } from "./metric-kind";
import { metricOf, metricTexts } from "./metric-texts";
import type { Pane, Scene } from "./pane";
import { TokenCombobox } from "./token-combobox";

const SIDES: Record<Side, { label: string; title: string }> = {
  answer: {
    label: "Answer token",
    title: "The token whose logit counts for. Type to search; a leading · is a space, #12 an id.",
  },
  distractor: {
    label: "Distractor token",
    title: "The token whose logit counts against. Empty: the probability of the answer.",
  },
};
const BOTH = ["answer", "distractor"] as const;

export class MetricEditor implements Pane {
  readonly el = element("section", { class: "mw-metric-editor", "aria-label": "Metric" });
  readonly #fields: Record<Side, TokenCombobox>;
  readonly #swap: HTMLButtonElement;
  readonly #note = element("div", { class: "mw-field-note", role: "status" });
  readonly #offer = element("div", { class: "mw-metric-offer" });
  readonly #line = element("div", { class: "mw-metric-line" });
  readonly #refusal: Floating;
  readonly #warnings = element("div", { class: "mw-metric-warnings", role: "status" });
  readonly #tokens: Fetches<MetricToken[]>;
  readonly #kinds: MetricKindPicker;
  #scene: Scene | null = null;
  #warned = "";

  constructor(
    private readonly client: SessionClient,
    signal: AbortSignal,
  ) {
    this.#tokens = new Fetches(client, () => this.#drawTokens(client.shown), signal);
    this.#fields = {
      answer: this.#field("answer", signal),
      distractor: this.#field("distractor", signal),
    };
    const swap = "Swap answer and distractor";
    this.#swap = button(
      { class: "mw-icon-button", "aria-label": swap, title: swap },
      () => this.#exchange(),
      icon("swap"),
    );
    this.#line.append(
      "answer",
      this.#fields.answer.el,
      this.#swap,
      "not",
      this.#fields.distractor.el,
    );
    // Over what is below, so that a typing error moves nothing.
    const refusal = element("div", { class: "mw-metric-refusal" }, this.#note, this.#offer);
    this.#refusal = new Floating(refusal, signal);
    this.#kinds = new MetricKindPicker(client, signal, () => {
      if (this.#scene) this.draw(this.#scene);
    });
    this.el.append(this.#kinds.el, this.#line, refusal, this.#warnings);
  }

  draw(scene: Scene): void {
    const { state, enabled } = scene;
    this.#scene = scene;
    this.#kinds.draw(scene);
    this.#line.hidden = this.#kinds.chosen !== null;
    const inputs = BOTH.map((side) => this.#fields[side].input);
    const refused = drawFieldNote(this.#note, inputs, this.client, "set_metric", "");
    if (refused) this.#refusal.show(this.#line);
    else {
      this.#refusal.hide();
      this.#offer.replaceChildren();
    }
    if (!this.#dirty && !refused && !(focusedIn(this.el) instanceof HTMLInputElement))
      this.#restore(state);
    for (const input of inputs) setAttributes(input, { disabled: !enabled || !state });
    const [answer, distractor] = inputs;
    setAttributes(this.#swap, { disabled: !enabled || !answer?.value || !distractor?.value });
    for (const side of BOTH) {
      if (enabled) this.#fields[side].draw();
      else this.#fields[side].close();
    }
    this.#drawTokens(state);
  }

  get #dirty(): boolean {
    return BOTH.some((side) => this.#fields[side].dirty);
  }

  #field(side: Side, signal: AbortSignal): TokenCombobox {
    const field = {
      ...SIDES[side],
      testid: `mw-metric-${side}`,
      typing: (): void => this.#forgive(),
      choose: (token: KnownToken): void => void this.#choose(side, token),
      submit: (): void => void this.#submit(),
      restore: (): void => {
        this.#forgive();
        this.#restore(this.client.shown);
      },
    };
    return new TokenCombobox(this.client, field, signal);
  }

  #forgive(): void {
    if (this.client.lastError?.op === "set_metric") this.client.dismissError();
  }

  #restore(state: SessionState | null): void {
    const texts = metricTexts(state, this.#known(state) ?? []);
    for (const side of BOTH) {
      const field = this.#fields[side];
      field.dirty = false;
      if (field.input.value !== texts[side]) field.input.value = texts[side];
    }
  }

  async #choose(side: Side, token: KnownToken): Promise<void> {
    this.#forgive();
    for (const one of BOTH) this.#fields[one].dirty = false;
    if (!(await chooseToken(this.client, side, token.id))) this.#restore(this.client.shown);
  }

  #exchange(): void {
    const { answer, distractor } = this.#fields;
    [answer.input.value, distractor.input.value] = [distractor.input.value, answer.input.value];
    void this.#submit();
  }

  async #submit(): Promise<void> {
    const { answer, distractor } = this.#fields;
    const old = this.client.state?.metric ?? null;
    const metric = metricOf(answer.input.value, distractor.input.value, old?.spec.position);
    if (metric === null && old === null) return this.#restore(this.client.shown);
    answer.dirty = distractor.dirty = true;
    if (await this.client.setMetric(metric)) answer.dirty = distractor.dirty = false;
    else await Promise.all(BOTH.map((side) => this.#offerFirst(side)));
  }

  /** Refused because it is several tokens: the first of them is the next best thing. */
  async #offerFirst(side: Side): Promise<void> {
    const { value } = this.#fields[side].input;
    const found = await searchVocabulary(this.client, typed(value), 1).catch(() => null);
    const first = found?.pieces[0];
    if (!first || this.client.lastError?.op !== "set_metric") return;
    const take = button(
      { class: "mw-button", "data-testid": `mw-metric-${side}-first` },
      () => void this.#choose(side, first),
      "take the first, ",
      quoted(first),
    );
    this.#offer.append(take);
    this.#refusal.show(this.#line);
  }

  /** What the kernel says of the metric's tokens, as soon as there are numbers to say it by. */
  #known(state: SessionState | null): MetricToken[] | null {
    if (!tokenMetric(state?.metric?.spec) || !state?.metric) return null;
    if (state.outcome?.revision !== state.revision) return null;
    const key = `${baselineKey(state)} ${JSON.stringify(state.metric.spec)}`;
    return this.#tokens.get(key, (signal) => metricTokens(this.client, { signal }));
  }

  #drawTokens(state: SessionState | null): void {
    const known = this.#known(state);
    if (known === null && state?.metric) return;
    const bare = (known ?? []).flatMap((token, at) =>
      token.spaced ? [{ side: BOTH[at] ?? "answer", token, spaced: token.spaced }] : [],
    );
    const key = JSON.stringify(bare);
    if (key === this.#warned) return;
    this.#warned = key;
    this.#warnings.replaceChildren(
      ...bare.map(({ side, token, spaced }) => this.#warningOf(side, token, spaced)),
    );
  }

  #warningOf(side: Side, token: KnownToken, spaced: KnownToken): HTMLElement {
    const words = element("span", {});
    words.append("no space before ", quoted(token), ": likelier with one");
    words.title = `${percent(spaced.probability ?? 0)} against ${percent(token.probability ?? 0)} at the baseline`;
    const use = button(
      { class: "mw-button", "data-testid": `mw-metric-${side}-spaced` },
      () => void this.#choose(side, spaced),
      "use ",
      quoted(spaced),
    );
    return element(
      "div",
      { class: "mw-metric-warning", "data-testid": "mw-metric-warning" },
      words,
      use,
    );
  }
}

const quoted = ({ text }: KnownToken): HTMLElement =>
  element("bdi", { class: "mw-quoted" }, visible(text));
