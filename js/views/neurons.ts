// The neurons that stand out: on this token, anywhere, by what the edits changed or by what they do
// to the metric directly; all layers at once, ranked or each layer's top, or one layer. A click uses
// the armed tool; hovering lights up the MLP's cell in the map, the token and the neuron everywhere.

import { element, keyed, setAttributes, setText } from "../charts/dom";
import { Legend } from "../charts/legend";
import { short } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import {
  askNeurons,
  askNeuronTokens,
  type NeuronAddress,
  type NeuronOrder,
  type NeuronRanking,
  type NeuronTokens,
  type RankedNeuron,
} from "../wire/neurons";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import { Fetches } from "./fetches";
import { clampOf, NeuronDetail } from "./neuron-detail";
import { NeuronList } from "./neuron-list";
import { type Layers, numbersKey, rowsOf } from "./neuron-rows";
import { NeuronStrips, neuronName } from "./neuron-strips";
import { conventionOf, countOf, editsOf, missingOf, ORDERS } from "./neuron-words";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { Resting } from "./resting";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { toolPicker } from "./tool-picker";

const PER_LAYER = 16;
const MOST_PER_LAYER = 256;

export class NeuronsPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-neurons",
    "aria-label": "Neurons",
    "data-testid": "mw-neurons",
  });
  readonly #order = orderChoice();
  readonly #layers = element("select", {
    class: "mw-select",
    "aria-label": "Which layers",
    "data-testid": "mw-neurons-layers",
  });
  readonly #rebuildLayers = keyed(this.#layers);
  readonly #count = element("span", {
    class: "mw-muted mw-progress",
    title: "How many of all neurons are listed",
  });
  readonly #more: HTMLButtonElement;
  readonly #columns = element("div", {
    class: "mw-neuron-columns mw-muted",
    "aria-hidden": "true",
  });
  readonly #rebuildColumns = keyed(this.#columns);
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #legend = new Legend();
  readonly #notes = element("div", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #list: NeuronList;
  readonly #detail: NeuronDetail;
  readonly #client: SessionClient;
  readonly #store: SessionStore;
  readonly #actions: Actions;
  readonly #invalidate: () => void;
  readonly #rankings: Fetches<NeuronRanking>;
  readonly #told: Fetches<NeuronTokens>;
  readonly #strips: NeuronStrips;
  readonly #resting: Resting;
  #wish: NeuronOrder = "here";
  #which: Layers = "ranked";
  #k = PER_LAYER;
  #position: number | null = null;
  #last: RankedNeuron | null = null;
  /** Where a slider went on to while the kernel had yet to agree to its clamp. */
  #late: { neuron: NeuronAddress; value: number; drag: number } | null = null;

  constructor({ client, store, actions, invalidate, signal }: Cast) {
    this.#client = client;
    this.#store = store;
    this.#actions = actions;
    this.#invalidate = invalidate;
    this.#resting = new Resting(invalidate, signal);
    this.#rankings = new Fetches(client, invalidate, signal);
    this.#told = new Fetches(client, invalidate, signal);
    this.#strips = new NeuronStrips(client, invalidate, signal);
    this.#list = new NeuronList({
      look: (neuron, token) => store.hover(neuron && partOf(neuron), token),
      use: (neuron) => this.#use(neuron),
      lock: (neuron) => store.lock(partOf(neuron)),
      scrolled: invalidate,
    });
    this.#detail = new NeuronDetail({
      lock: (neuron) => store.lock(partOf(neuron)),
      deepen: (neuron) => store.set({ locked: partOf(neuron), tab: "neuron" }),
      hover: (neuron, token) => store.hover(token === null ? null : partOf(neuron), token),
      choose: (token) => store.set({ token }),
      clamp: (neuron, value, drag) => this.#clamp(neuron, value, drag),
      release: (neuron) => this.#release(neuron),
    });
    this.#more = element("button", {
      type: "button",
      class: "mw-button",
      "data-testid": "mw-neurons-more",
    });
    this.#build();
  }

  draw(scene: Scene): void {
    const { state } = scene;
    if (!state) return;
    if (this.#late) this.#clamp(this.#late.neuron, this.#late.value, this.#late.drag);
    const base = numbersKey(state);
    const ranking = this.#ranking(state, base);
    this.el.toggleAttribute("data-waiting", ranking.waiting);
    this.#drawLayers(state);
    const shown = ranking.value;
    const rows = shown ? rowsOf(shown, this.#which, this.#k) : [];
    setText(this.#empty, rows.length > 0 ? "" : emptyText(scene, ranking.refusal, shown));
    for (const el of [this.#list.el, this.#columns, this.#detail.el, this.#legend.el, this.#more]) {
      el.hidden = rows.length === 0;
    }
    const layer = typeof this.#which === "number" ? this.#which : null;
    setText(this.#count, shown ? countOf(shown, rows.length, layer) : "");
    setText(
      this.#notes,
      shown ? [conventionOf(shown), missingOf(shown)].filter(Boolean).join(" · ") : "",
    );
    if (!shown || rows.length === 0) return;
    this.#drawRows(scene, shown, rows, base);
  }

  #drawRows(
    scene: Scene,
    ranking: NeuronRanking,
    rows: readonly RankedNeuron[],
    base: string,
  ): void {
    const { page, theme, state } = scene;
    if (!state) return;
    const neuron = this.#looked(scene, rows);
    const current = base !== "";
    if (current) this.#strips.want(base, [...this.#list.seen(rows), neuron]);
    const edited = state.interventions.some((item) => item.enabled);
    const effects = ranking.reason === "";
    const token = page.hover.token;
    this.#drawColumns(
      edited,
      effects,
      token !== null && state.tokens[token] !== undefined
        ? `at ${short(state.tokens[token]?.text ?? "", 8)}`
        : "value",
    );
    const name = neuronName(neuron);
    const locked = page.locked?.type === "neuron" ? neuronName(page.locked) : null;
    this.#list.draw({
      scene,
      rows,
      looked: page.hover.component?.type === "neuron" ? neuronName(page.hover.component) : null,
      locked,
      edited,
      effects,
      token,
      byLayer: this.#which === "each",
      strip: (one) => this.#strips.of(one),
    });
    const strip = this.#strips.of(neuron);
    const { told, refusal } = current ? this.#says(neuron, base) : { told: null, refusal: "" };
    this.#detail.draw({
      scene,
      neuron,
      strip,
      told,
      refusal,
      locked: locked === name,
      effectPosition: ranking.effectPosition,
    });
    this.#legend.draw({
      scale: "diverging",
      theme,
      from: -1,
      to: 1,
      low: "−max",
      high: "+max",
      label: "Activation along the tokens, each neuron on its own scale, zero in the middle",
      note: edited && !page.baseline ? "before over after" : "of each neuron",
    });
    const rest = ranking.layers.some(({ top, total }) => top.length < total);
    const grows = this.#which !== "each" && rest && this.#k < MOST_PER_LAYER;
    this.#more.style.visibility = grows ? "visible" : "hidden";
  }

  /** The ranking if it is here; else the last one, to be drawn dimmed. */
  #ranking(
    state: SessionState,
    base: string,
  ): { value: NeuronRanking | null; waiting: boolean; refusal: string } {
    const { token } = this.#store.value;
    const position = token ?? state.outcome?.position ?? state.tokens.length - 1;
    const at = this.#wish === "here" ? position : this.#wish === "change" ? token : null;
    this.#position = at;
    const key = `${base} ${this.#wish} ${at} ${this.#k} ${JSON.stringify(state.metric?.spec)}`;
    // A click must not wait for a picture: the numbers of an edit are asked for once it has run.
    const args = { order: this.#wish, position: at, k: this.#k };
    const now =
      base && state.tokens.length > 0
        ? this.#rankings.get(key, (signal) => askNeurons(this.#client, args, { signal }))
        : null;
    const refusal = this.#rankings.refusal(key);
    const value = now ?? (refusal ? null : this.#rankings.last);
    return { value, waiting: !now && !refusal, refusal };
  }

  /** The neuron that the detail is about: pointed at, locked, looked at before, or the first. */
  #looked({ page, state }: Scene, rows: readonly RankedNeuron[]): RankedNeuron {
    const inRows = (part: NeuronAddress): RankedNeuron | undefined =>
      rows.find((one) => neuronName(one) === neuronName(part));
    for (const part of [page.hover.component, page.locked]) {
      if (part?.type !== "neuron") continue;
      const row = inRows(part) ?? this.#unranked(part, page.token ?? state?.outcome?.position ?? 0);
      this.#last = row;
      return row;
    }
    this.#last = (this.#last && inRows(this.#last)) ?? (rows[0] as RankedNeuron);
    return this.#last;
  }

  /** A neuron that is looked at and not among those listed, with what its strip says of it. */
  #unranked({ layer, index }: NeuronAddress, position: number): RankedNeuron {
    const strip = this.#strips.of({ layer, index });
    const before = strip?.before[position] ?? Number.NaN;
    const after = (strip?.after ?? strip?.before)?.[position] ?? Number.NaN;
    const none = { effect: Number.NaN, effectBefore: Number.NaN };
    return { layer, index, position, before, after, ...none };
  }

  #says(neuron: RankedNeuron, base: string): { told: NeuronTokens | null; refusal: string } {
    const { layer, index, position } = neuron;
    const key = `${base} ${neuronName(neuron)} at ${position}`;
    if (!this.#resting.on(key)) return { told: null, refusal: " " };
    const told = this.#told.get(key, (signal) =>
      askNeuronTokens(this.#client, { layer, index, position }, { signal }),
    );
    return { told, refusal: this.#told.refusal(key) };
  }

  #use(neuron: NeuronAddress): void {
    if (this.#store.value.tool === "look") this.#store.lock(partOf(neuron));
    else this.#actions.use(partOf(neuron));
  }

  #clamp(neuron: NeuronAddress, value: number, drag: number): void {
    const listed = this.#clamped(neuron);
    this.#late = null;
    if (listed && listed.id !== null) void this.#client.setStrength(listed.id, value, drag);
    else if (listed) this.#late = { neuron, value, drag };
    else {
      const component = partOf(neuron);
      const { positions } = this.#store.value;
      const at = positions.length > 0 ? { ...component, positions: [...positions] } : component;
      const said = `Set neuron ${neuronName(neuron)} to ${Number(value.toPrecision(6))}`;
      this.#actions.perform({ type: "set_value", component: at, value, said });
    }
  }

  #release(neuron: NeuronAddress): void {
    const listed = this.#clamped(neuron);
    if (listed && listed.id !== null) void this.#client.remove(listed.id);
  }

  #clamped(neuron: NeuronAddress): ReturnType<typeof clampOf> {
    const state = this.#client.shown;
    return state ? clampOf(editsOf(state, neuron)) : null;
  }

  #drawLayers({ model }: SessionState): void {
    this.#rebuildLayers(`${model.n_layers}`, () => [
      element("option", { value: "ranked" }, "all layers"),
      element("option", { value: "each" }, "each layer’s top"),
      ...Array.from({ length: model.n_layers }, (_, layer) =>
        element("option", { value: layer }, `layer ${layer}`),
      ),
    ]);
    const now = String(this.#which);
    if (this.#layers.value !== now) this.#layers.value = now;
  }

  #drawColumns(edited: boolean, effects: boolean, value: string): void {
    const cell = (text: string, name: string, title = ""): HTMLElement =>
      element("span", { class: name, title: title || null }, text);
    this.#rebuildColumns([edited, effects, value].join(), () => [
      cell("", "mw-neuron-mark"),
      cell("neuron", "mw-neuron-name", "layer.index"),
      cell("along the tokens", "mw-neuron-strip-holder"),
      cell(value, "mw-neuron-number", "Activation, where the line under the strip is"),
      ...(edited ? [cell("change", "mw-neuron-number", "After the edits, minus before")] : []),
      ...(effects ? [cell("direct", "mw-neuron-number", ORDERS.effect.title)] : []),
    ]);
  }

  #build(): void {
    const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Neurons"));
    head.append(this.#order, this.#layers, element("span", { class: "mw-grow" }), this.#count);
    const foot = element("div", { class: "mw-neuron-foot" }, this.#legend.el, this.#more);
    this.#more.append("more");
    setAttributes(this.#more, { title: "Twice as many of each layer" });
    this.#more.addEventListener("click", () => {
      this.#k = Math.min(MOST_PER_LAYER, this.#k * 2);
      this.#invalidate();
    });
    this.#order.addEventListener("change", () => {
      this.#wish = this.#order.value as NeuronOrder;
      this.#list.el.scrollTop = 0;
      this.#invalidate();
    });
    this.#layers.addEventListener("change", () => {
      const { value } = this.#layers;
      this.#which = value === "ranked" || value === "each" ? value : Number(value);
      this.#list.el.scrollTop = 0;
      this.#invalidate();
    });
    offersTable(this.el, () => ({
      view: "neurons",
      options: { order: this.#wish, position: this.#position, k: this.#k },
    }));
    this.el.append(head, this.#columns, this.#list.el, foot, this.#empty);
    this.el.append(this.#detail.el, this.#notes);
  }
}

const partOf = ({ layer, index }: NeuronAddress) => ({ type: "neuron" as const, layer, index });

function orderChoice(): HTMLSelectElement {
  const choice = element("select", {
    class: "mw-select",
    "aria-label": "Which neurons",
    "data-testid": "mw-neurons-order",
  });
  for (const [value, { text, title }] of Object.entries(ORDERS)) {
    choice.append(element("option", { value, title }, text));
  }
  return choice;
}

function emptyText(
  { slow, state, client }: Scene,
  refusal: string,
  shown: NeuronRanking | null,
): string {
  if (refusal) return refusal;
  if (shown?.order === "change") return "No edit changes a neuron here.";
  if (shown) return "This layer has no neurons of its own.";
  if (state?.tokens.length === 0) return "Type a prompt to see which neurons fire.";
  if (state?.phase === "error") return "No neurons: the last run failed.";
  return slow || client.status === "live" ? "Reading the neurons …" : "";
}

export const neurons = standalone({
  name: "neurons",
  label: "neurons",
  panes: (cast) => [toolPicker(cast), new NeuronsPane(cast)],
});
