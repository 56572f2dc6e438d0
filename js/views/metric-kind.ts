// Metrics of other kinds than answer and distractor: a choice of the kind, and a field for each thing
// that a kind has to be told. It shows where plugins bring such kinds, or once one is measured.

import { element, focusedIn, keyed, setAttributes } from "../charts/dom";
import { type AnyMetricJson, type OtherMetricJson, type SessionState, tokenMetric } from "../types";
import { askMetricKinds, type MetricKind, type MetricParameter } from "../wire/plugins";
import type { SessionClient } from "../wire/session-client";
import { tokenOf, tokenText } from "./metric-texts";
import type { Pane, Scene } from "./pane";
import { TokenCombobox } from "./token-combobox";

const TOKENS = "";
/** What attributions fall back on: for most people the probability is the question, so no choice. */
const OURS = "logit";

interface Input {
  readonly parameter: MetricParameter;
  readonly el: HTMLElement;
  readonly input: HTMLInputElement;
  /** Of a token: its list of the vocabulary. */
  readonly box: TokenCombobox | null;
}

export class MetricKindPicker implements Pane {
  readonly el = element("div", { class: "mw-metric-kind", hidden: true });
  readonly #choice = element("select", {
    class: "mw-select",
    "aria-label": "What is measured",
    "data-testid": "mw-metric-kind",
  });
  readonly #options = keyed(this.#choice);
  readonly #fields = element("span", { class: "mw-metric-parameters" });
  readonly #rebuild = keyed(this.#fields);
  #kinds: readonly MetricKind[] = [];
  #inputs: readonly Input[] = [];
  /** Chosen here and not yet measured: it still has to be told something. */
  #wish: string | null = null;
  #measured: AnyMetricJson | null = null;
  #shown = false;

  constructor(
    private readonly client: SessionClient,
    private readonly signal: AbortSignal,
    private readonly onChange: () => void,
  ) {
    this.#choice.addEventListener("change", () => this.#choose());
    this.el.append(this.#choice, this.#fields);
    askMetricKinds(client, { signal }).then(
      (kinds) => {
        this.#kinds = kinds.filter(({ type }) => !tokenMetric({ type }));
        this.#shown = this.#kinds.some(({ type }) => type !== OURS);
        this.onChange();
      },
      () => {}, // a kernel that cannot say has no other kinds
    );
  }

  /** The kind that is measured or being chosen; null for answer and distractor. */
  get chosen(): MetricKind | null {
    const type = this.#wish ?? this.#measured?.type;
    return this.#kinds.find((kind) => kind.type === type) ?? null;
  }

  draw({ state, enabled }: Scene): void {
    this.#measured = state?.metric?.spec ?? null;
    if (this.#measured?.type === this.#wish) this.#wish = null;
    const { chosen } = this;
    this.#shown ||= chosen !== null;
    this.el.hidden = !this.#shown;
    if (this.el.hidden) return;
    this.#options(JSON.stringify(this.#kinds.map(({ type }) => type)), () => [
      element("option", { value: TOKENS }, "answer token"),
      ...this.#kinds.map(({ type, title }) => element("option", { value: type }, title)),
    ]);
    const value = chosen?.type ?? TOKENS;
    if (this.#choice.value !== value) this.#choice.value = value;
    setAttributes(this.#choice, { disabled: !enabled || !state });
    this.#rebuild(value, () => this.#build(chosen));
    const typing = focusedIn(this.#fields) instanceof HTMLInputElement;
    for (const { parameter, input, box } of this.#inputs) {
      setAttributes(input, { disabled: !enabled || !state });
      if (enabled) box?.draw();
      const known = this.#known(parameter, state);
      if (!typing && !box?.dirty && known !== null && input.value !== known) input.value = known;
    }
  }

  #choose(): void {
    const type = this.#choice.value;
    if (type === TOKENS) {
      this.#wish = null;
      void this.client.setMetric(null);
    } else {
      this.#wish = type;
      const complete = this.chosen?.parameters.every((p) => p.default !== null) ?? false;
      if (complete) void this.#submit();
    }
    this.onChange();
  }

  #build(kind: MetricKind | null): Node[] {
    this.#inputs = (kind?.parameters ?? []).map((parameter) => this.#input(parameter));
    return this.#inputs.map(({ parameter, el }) =>
      element("label", { class: "mw-metric-parameter" }, parameter.title, " ", el),
    );
  }

  #input(parameter: MetricParameter): Input {
    const testid = `mw-metric-parameter-${parameter.name}`;
    if (parameter.kind === "number") {
      const input = element("input", {
        class: "mw-input mw-metric-input",
        type: "number",
        step: "any",
        value: parameter.default ?? "",
        "aria-label": parameter.title,
        "data-testid": testid,
      });
      input.addEventListener("change", () => void this.#submit());
      return { parameter, el: input, input, box: null };
    }
    const forgive = (): void => {
      if (this.client.lastError?.op === "set_metric") this.client.dismissError();
    };
    const box: TokenCombobox = new TokenCombobox(
      this.client,
      {
        label: parameter.title,
        title: "Type to search; a leading · is a space, #12 an id.",
        testid,
        typing: forgive,
        choose: ({ id }) => {
          box.input.value = `#${id}`;
          void this.#submit();
        },
        submit: () => void this.#submit(),
        restore: () => {
          forgive();
          box.dirty = false;
          this.onChange();
        },
      },
      this.signal,
    );
    return { parameter, el: box.el, input: box.input, box };
  }

  /** What a field holds now, as a person would type it. */
  #known(
    { name, kind, default: given }: MetricParameter,
    state: SessionState | null,
  ): string | null {
    const spec = this.#wish === null ? (this.#measured as OtherMetricJson | null) : null;
    const value = spec?.[name] ?? given;
    if (value === undefined || value === null) return null;
    return kind === "token" && state ? tokenText(state, value) : String(value);
  }

  async #submit(): Promise<void> {
    const kind = this.chosen;
    if (!kind) return;
    const told: Record<string, string | number> = {};
    for (const { parameter, input } of this.#inputs) {
      const text = input.value || String(parameter.default ?? "");
      if (text === "") return;
      told[parameter.name] = parameter.kind === "number" ? Number(text) : tokenOf(text);
    }
    for (const { name, default: given } of kind.parameters) {
      if (!(name in told) && given !== null) told[name] = given;
    }
    const measured = this.#measured as OtherMetricJson | null;
    const at = measured?.type === kind.type ? measured.position : undefined;
    if (typeof at === "number") told.position = at;
    if (!(await this.client.setMetric({ ...told, type: kind.type }))) return;
    for (const { box } of this.#inputs) if (box) box.dirty = false;
  }
}
