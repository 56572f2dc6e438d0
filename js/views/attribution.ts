// Attribution: what every embedding, head, MLP, neuron and bias adds to the metric, as a waterfall
// that opens layer by layer or ranked; by what was written or by gradients; and beside it what taking
// the largest away really does. A row is its component: hovering lights it up, a click uses the tool.

import { button, element, keyed, setText } from "../charts/dom";
import type { SessionStore } from "../store/session-store";
import type { ComponentJson, SessionState } from "../types";
import { componentKey } from "../types";
import { AttributionControls } from "./attribution-controls";
import { ExactPanel } from "./attribution-exact";
import { TermList } from "./attribution-list";
import { AttributionReadings, type Found, RANKED, type Reading } from "./attribution-readings";
import type { Term } from "./attribution-rows";
import { reasonOf, targetOf } from "./attribution-words";
import { MapEdits } from "./map-edits";
import { type CellMark, kindOf } from "./marks";
import { numbersKey } from "./neuron-rows";
import { editsOf } from "./neuron-words";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { toolPicker } from "./tool-picker";

export class AttributionPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-attribution",
    "aria-label": "Attribution",
    "data-testid": "mw-attribution",
  });
  readonly #target = element("div", { class: "mw-attribution-target" });
  readonly #reason = element("div", { class: "mw-muted mw-attribution-reason" });
  readonly #columns = element("div", { class: "mw-term-columns mw-muted", "aria-hidden": "true" });
  readonly #rebuildColumns = keyed(this.#columns);
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #instead: HTMLButtonElement;
  readonly #progress = element("div", {
    class: "mw-attribution-progress mw-muted",
    "data-testid": "mw-attribution-progress",
  });
  readonly #progressText = element("span", { role: "status" });
  readonly #halt: HTMLButtonElement;
  readonly #said = element("div", { class: "mw-attribution-said mw-muted", role: "status" });
  readonly #notes = element("div", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #controls: AttributionControls;
  readonly #readings: AttributionReadings;
  readonly #list: TermList;
  readonly #exact: ExactPanel;
  readonly #store: SessionStore;
  readonly #edits: MapEdits;
  readonly #invalidate: () => void;
  readonly #open = new Set<string>();
  #largest: readonly Term[] = [];

  constructor({ client, store, actions, invalidate, signal }: Cast) {
    this.#store = store;
    this.#invalidate = invalidate;
    this.#edits = new MapEdits(client, store, actions);
    this.#controls = new AttributionControls(() => {
      this.#list.el.scrollTop = 0;
      invalidate();
    });
    const readings = new AttributionReadings(
      client,
      this.#controls,
      this.#open,
      invalidate,
      signal,
    );
    this.#readings = readings;
    const use = (): void => {
      this.#controls.method = "gradient";
    };
    const instead = { class: "mw-button", "data-testid": "mw-attribution-instead" };
    this.#instead = button(instead, use, "Use act × grad instead");
    const halt = { class: "mw-button", "data-testid": "mw-attribution-halt" };
    this.#halt = button(halt, () => readings.pause());
    this.#list = new TermList({
      look: (row) => this.#look(row),
      use: (row) => this.#use(row),
      lock: (row) => row.component && store.lock(row.component),
      toggle: ({ key }) => this.#toggle(key),
      scrolled: invalidate,
    });
    const rowOf = (key: string | null): Term | null =>
      this.#largest.find((row) => row.key === key) ?? null;
    this.#exact = new ExactPanel(client, invalidate, signal, {
      enter: (key) => this.#look(rowOf(key)),
      press: (key) => this.#use(rowOf(key)),
    });
    this.#build();
  }

  draw(scene: Scene): void {
    const { state } = scene;
    if (!state) return;
    const numbers = numbersKey(state);
    const base =
      numbers && `${numbers} ${JSON.stringify([state.metric?.spec, state.outcome?.position])}`;
    const edited = state.interventions.some((item) => item.enabled);
    this.#controls.draw(edited);
    const direct = this.#controls.method === "direct";
    const found = direct
      ? this.#readings.ofDirect(this.#readings.direct(state, base), base)
      : this.#readings.ofGradients(state, base);
    this.el.toggleAttribute("data-waiting", found.waiting);
    this.#drawWords(scene, found, direct);
    const { value } = found;
    if (!value || value.rows.length === 0) return;
    this.#drawRows(scene, value, edited, base && `${base} ${this.#controls.of}`);
  }

  #drawWords(scene: Scene, { value, refusal }: Found<Reading>, direct: boolean): void {
    const target = value?.target;
    const at = scene.state?.tokens[target?.position ?? 0]?.text ?? "";
    setText(this.#target, target ? targetOf(target, at) : "");
    setText(this.#reason, target ? reasonOf(target) : "");
    this.#drawProgress();
    const none = !value || value.rows.length === 0;
    setText(this.#empty, none ? this.#emptyText(scene, refusal) : "");
    this.#instead.hidden = !none || !refusal || !direct;
    for (const el of [this.#list.el, this.#columns, this.#exact.el]) el.hidden = none;
    setText(this.#notes, value?.convention ?? "");
  }

  #drawRows(scene: Scene, { rows, largest }: Reading, edited: boolean, base: string): void {
    const { page, marks, state } = scene;
    if (!state) return;
    this.#largest = largest;
    const exact = this.#exact.lookup(base);
    this.#drawColumns(edited, exact !== null);
    const mark = (component: ComponentJson): CellMark | null => markOf(component, marks, state);
    this.#list.draw({ scene, rows, edited, exact, mark });
    const { component, token } = page.hover;
    const lit = component ? componentKey(component) : token === null ? null : `token ${token}`;
    this.#exact.draw({ base, terms: largest, lit, enabled: scene.enabled });
  }

  #drawProgress(): void {
    const underway = this.#readings.underway;
    this.#progress.hidden = !underway;
    if (!underway) return;
    const { halted, progress } = underway;
    const far = progress ? `${progress.done} of ${progress.total}` : "";
    setText(this.#halt, halted ? "Go on" : "Stop");
    const stopped = `stopped at ${far || "the start"}: what is done is kept`;
    setText(this.#progressText, halted ? stopped : `gradient ${far}`);
  }

  #drawColumns(edited: boolean, exact: boolean): void {
    const cell = (text: string, title: string, more = ""): HTMLElement =>
      element("span", { class: `mw-term-number ${more}`, title }, text);
    for (const el of [this.#columns, this.#list.el]) el.toggleAttribute("data-exact", exact);
    this.#rebuildColumns(`${edited} ${exact}`, () => [
      element("span", { class: "mw-term-name" }, "part"),
      element("span", { class: "mw-term-track" }),
      ...(edited ? [cell("baseline", "Without the edits, in logits")] : []),
      cell(edited ? "edited" : "logits", edited ? "With the edits, in logits" : "In logits"),
      ...(edited ? [cell("change", "With the edits, minus without", "mw-term-change")] : []),
      ...(exact ? [cell("exact", "What is lost when it is zeroed, in a run of its own")] : []),
    ]);
  }

  #emptyText({ slow, state, client }: Scene, refusal: string): string {
    if (refusal) return refusal;
    if (state?.tokens.length === 0) return "Type a prompt to see what each part adds.";
    if (state?.phase === "error") return "No attribution: the last run failed.";
    if (this.#readings.underway) return "";
    return slow || client.status === "live" ? "Attributing …" : "";
  }

  #look(row: Term | null): void {
    this.#store.hover(row?.component ?? null, row?.token ?? null);
  }

  #use(row: Term | null): void {
    const { component = null, token = null } = row ?? {};
    const { tool, token: selected } = this.#store.value;
    setText(this.#said, "");
    if (token !== null) this.#store.set({ token: selected === token ? null : token });
    else if (!component) return;
    else if (tool === "look") this.#store.lock(component);
    else setText(this.#said, this.#edits.use(component));
  }

  #toggle(key: string): void {
    if (!this.#open.delete(key)) this.#open.add(key);
    this.#invalidate();
  }

  #build(): void {
    const heading = element("h3", {}, "Attribution");
    const head = element("div", { class: "mw-pane-head" }, heading, this.#target);
    head.append(element("span", { class: "mw-grow" }));
    offersTable(this.el, () => {
      const { method, of, steps, asNeurons } = this.#controls;
      const neurons = asNeurons ? RANKED : 0;
      return { view: "attribution", options: { method, of, steps, neurons } };
    });
    this.el.append(head, this.#controls.el, this.#reason, this.#columns, this.#list.el);
    this.#progress.append(this.#halt, this.#progressText);
    this.el.append(this.#progress, this.#empty, this.#instead, this.#said);
    this.el.append(this.#exact.el, this.#notes);
  }
}

/** What is done to a component, as the head map has it. */
function markOf(
  component: ComponentJson,
  marks: Scene["marks"],
  state: SessionState,
): CellMark | null {
  const { type, layer } = component;
  if (type === "head") return marks.head(layer, component.head);
  if (type === "mlp") return marks.mlp(layer);
  if (type === "attention") return marks.attention(layer);
  if (type === "layer") return marks.layer(layer);
  if (type !== "neuron") return null;
  const edits = editsOf(state, component);
  const [shown] = [...edits.filter(({ enabled }) => enabled), ...edits];
  if (!shown) return null;
  const { glyph, did, tone } = kindOf(shown);
  return { mark: shown.enabled ? "edit" : "off", tone, glyph, words: did };
}

export const attribution = standalone({
  name: "attribution",
  label: "attribution",
  panes: (cast) => [toolPicker(cast), new AttributionPane(cast)],
});
