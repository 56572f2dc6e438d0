// One neuron in depth: the one that is locked or pointed at anywhere on the page, else the one that
// writes most to the metric. What it does along the prompt, which experts the tokens went to, what it
// reads and writes by its weights, and the contexts in which it is most active.

import { button, element, icon, keyed, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import {
  askCandidates,
  askContexts,
  askNeuronWeights,
  askOnPrompt,
  type Candidates,
  type Contexts,
  type NeuronPart,
  type NeuronWeights,
  type OnPrompt,
} from "../wire/neuron";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import { CorpusEditor } from "./corpus-editor";
import { baselineKey, Fetches } from "./fetches";
import { NeuronContextsList } from "./neuron-contexts";
import { NeuronPicker, partName } from "./neuron-picker";
import { NeuronRouting } from "./neuron-routing";
import { numbersKey } from "./neuron-rows";
import { NeuronWeightsTable } from "./neuron-weights";
import { place, tokensOf } from "./neuron-words";
import { expertOf, neuronOf, type Pane, type Scene, sameNeuron } from "./pane";
import { offersTable } from "./picture-table";
import { Resting } from "./resting";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { Stoppable } from "./stoppable";
import { tokenActivation, tokenOf } from "./token-activations";
import { toolPicker } from "./tool-picker";
import { TOOLS } from "./tools";

const CANDIDATES = 8;
const MOST_TOKENS = 160;

export class NeuronPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-neuron",
    "aria-label": "Neuron in depth",
    "data-testid": "mw-neuron-pane",
  });
  readonly #title = element("h3", {}, "Neuron");
  readonly #lock: HTMLButtonElement;
  readonly #use: HTMLButtonElement;
  readonly #facts = element("div", { class: "mw-muted mw-neuron-facts" });
  readonly #tokens = element("div", {
    class: "mw-neuron-tokens",
    role: "list",
    tabindex: 0,
    "aria-label": "Activations along the prompt",
  });
  readonly #rebuildTokens = keyed(this.#tokens);
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #body = element("div", { class: "mw-neuron-body" });
  readonly #picker: NeuronPicker;
  readonly #routing: NeuronRouting;
  readonly #weights = new NeuronWeightsTable();
  readonly #contexts: NeuronContextsList;
  readonly #corpus: CorpusEditor;
  readonly #client: SessionClient;
  readonly #store: SessionStore;
  readonly #actions: Actions;
  readonly #resting: Resting;
  readonly #candidates: Fetches<Candidates>;
  readonly #onPrompt: Fetches<OnPrompt>;
  readonly #told: Fetches<NeuronWeights>;
  readonly #search: Stoppable<Contexts>;
  #neuron: NeuronPart | null = null;
  #chosen = false;
  #question = "";

  constructor({ client, store, actions, invalidate, signal }: Cast) {
    this.#client = client;
    this.#store = store;
    this.#actions = actions;
    this.#resting = new Resting(invalidate, signal);
    this.#candidates = new Fetches(client, invalidate, signal);
    this.#onPrompt = new Fetches(client, invalidate, signal);
    this.#told = new Fetches(client, invalidate, signal);
    this.#search = new Stoppable(client, invalidate, signal);
    const choose = (neuron: NeuronPart): void => store.set({ locked: neuron });
    this.#picker = new NeuronPicker(choose);
    this.#routing = new NeuronRouting((expert) => {
      const { layer = 0, index = 0 } = this.#neuron ?? {};
      choose({ type: "expert_neuron", layer, expert, index });
    });
    this.#contexts = new NeuronContextsList({
      stop: () => this.#search.stop(),
      goOn: () => this.#search.goOn(),
      take: (index) => void client.act("prompt_from_corpus", { index }),
      changed: invalidate,
    });
    this.#corpus = new CorpusEditor(client, invalidate);
    this.#lock = button(
      { class: "mw-icon-button mw-lock", "data-testid": "mw-neuron-keep" },
      () => this.#neuron && store.lock(this.#neuron),
      icon("pin"),
    );
    this.#use = button(
      { class: "mw-button", "data-testid": "mw-neuron-use" },
      () => this.#neuron && this.#actions.use(this.#neuron),
    );
    this.#build();
  }

  draw(scene: Scene): void {
    const { state } = scene;
    if (!state) return;
    const base = numbersKey(state);
    const spec = JSON.stringify(state.metric?.spec);
    // Without the edits: what is looked at stays where it is while they are tried.
    const key = state.outcome ? `${baselineKey(state)} candidates ${spec}` : "";
    const ready = key !== "" && state.tokens.length > 0;
    const now = ready
      ? this.#candidates.get(key, (signal) => askCandidates(this.#client, CANDIDATES, { signal }))
      : null;
    const refusal = this.#candidates.refusal(key);
    const candidates = now ?? this.#candidates.last;
    this.#follow(scene, now ? key : "", candidates);
    const neuron = this.#neuron;
    this.#picker.draw(candidates, neuron);
    this.#body.hidden = neuron === null;
    setText(this.#empty, neuron ? "" : emptyText(scene, refusal));
    const onPrompt = neuron ? this.#drawPrompt(scene, neuron, base) : true;
    const weights = neuron ? this.#drawWeights(state, neuron) : true;
    const waiting = ready ? !(now || refusal) || !onPrompt || !weights : state.phase !== "error";
    this.el.toggleAttribute("data-waiting", waiting && state.tokens.length > 0);
    if (!neuron) return;
    this.#drawHead(scene, neuron);
    this.#drawContexts(scene, neuron);
  }

  /**
   * Which neuron it is about: one pointed at for a while, the locked one, the one before. Until a
   * person has chosen one, it is the first candidate of each new question.
   */
  #follow({ page }: Scene, question: string, candidates: Candidates | null): void {
    const hovered = neuronOf(page.hover.component);
    // Asked also where nothing is pointed at: the next one has to be rested on anew.
    const rested = this.#resting.on(hovered ? partName(hovered) : "nothing");
    const looked = rested ? hovered : null;
    const first = candidates?.neurons[0]?.neuron ?? null;
    const wanted = looked ?? neuronOf(page.locked);
    if (wanted) this.#chosen = true;
    const anew = !this.#chosen && question !== "" && question !== this.#question;
    if (anew) this.#question = question;
    const next = wanted ?? (anew ? first : this.#neuron) ?? first;
    if (next && !sameNeuron(next, this.#neuron)) {
      const { positions: _, ...whole } = next;
      this.#neuron = whole;
    }
  }

  #drawHead({ page, state, enabled }: Scene, neuron: NeuronPart): void {
    const locked = sameNeuron(neuronOf(page.locked), neuron);
    setText(this.#title, titleOf(neuron));
    setAttributes(this.#lock, {
      "aria-pressed": String(locked),
      "aria-label": locked ? "Unlock the neuron" : "Lock this neuron",
      title: locked ? "Unlock (Esc)" : "Keep this neuron here (L)",
    });
    const tool = TOOLS[page.tool];
    const lacks = tool.lacks(state, page);
    const listed = this.#actions.find(neuron);
    this.#use.hidden = page.tool === "look";
    setText(this.#use, listed?.enabled ? `${tool.text} ✓` : tool.text);
    setAttributes(this.#use, {
      "aria-pressed": String(listed?.enabled ?? false),
      "data-tone": tool.tone,
      disabled: !enabled || lacks !== "",
      title: lacks ? `${tool.text} ${lacks}` : `A click ${tool.verb} this neuron`,
    });
  }

  /** Its activations along the prompt; true when they are those of now. */
  #drawPrompt(scene: Scene, neuron: NeuronPart, base: string): boolean {
    const { state, page, theme } = scene;
    if (!state) return false;
    const key = `${base} on prompt ${partName(neuron)}`;
    const now = base
      ? this.#onPrompt.get(key, (signal) => askOnPrompt(this.#client, neuron, { signal }))
      : null;
    const refusal = this.#onPrompt.refusal(key);
    const shown = now ?? (refusal ? null : this.#onPrompt.last);
    const values = page.baseline ? shown?.before : (shown?.after ?? shown?.before);
    const tokens = tokensOf(state, neuron.layer);
    const max = largest([shown?.before, shown?.after]);
    const stamp = `${key} ${now !== null} ${tokens.length}`;
    this.#rebuildTokens([stamp, theme, page.baseline].join(" "), () =>
      tokens.slice(0, MOST_TOKENS).map((token, at) => {
        const look = { ...token, at, value: values?.[at] ?? Number.NaN };
        return tokenActivation(look, max, theme, true);
      }),
    );
    const looked = page.hover.token ?? page.token;
    for (const node of Array.from(this.#tokens.children) as HTMLElement[]) {
      setAttributes(node, { "data-lit": looked !== null && node.dataset.at === String(looked) });
    }
    setText(this.#facts, refusal || (shown ? factsOf(state, neuron, shown, looked) : " "));
    const expert = expertOf(neuron) ?? -1;
    this.#routing.draw(shown?.routing ?? null, tokens, expert, theme, stamp);
    return now !== null || refusal !== "";
  }

  #drawWeights(state: SessionState, neuron: NeuronPart): boolean {
    const key = `${modelKey(state)} weights ${partName(neuron)}`;
    const now = state.outcome
      ? this.#told.get(key, (signal) => askNeuronWeights(this.#client, neuron, { signal }))
      : null;
    const refusal = this.#told.refusal(key);
    this.#weights.draw(now ?? (refusal ? null : this.#told.last), refusal);
    return now !== null || refusal !== "";
  }

  #drawContexts(scene: Scene, neuron: NeuronPart): void {
    const { state } = scene;
    if (!state) return;
    this.#corpus.draw(scene);
    this.#contexts.el.hidden = !state.corpus;
    if (!state.corpus || !state.outcome) {
      this.#search.rest();
      return;
    }
    const key = `${modelKey(state)} in ${state.corpus.id} ${partName(neuron)}`;
    const sofar = this.#search.now(key, (signal, partly) =>
      askContexts(this.#client, neuron, signal, partly),
    );
    this.#contexts.draw(scene, sofar);
  }

  #build(): void {
    const head = element("div", { class: "mw-pane-head" }, this.#title, this.#lock);
    head.append(element("span", { class: "mw-grow" }), this.#use);
    const part = (title: string, ...nodes: HTMLElement[]): HTMLElement =>
      element("div", { class: "mw-neuron-part" }, element("h4", {}, title), ...nodes);
    this.#body.append(
      part("On this prompt", this.#facts, this.#tokens, this.#routing.el),
      part("Weights", this.#weights.el),
      part("Contexts", this.#contexts.el, this.#corpus.el),
    );
    this.el.append(head, this.#picker.el, this.#empty, this.#body);
    const over = (token: number | null): void =>
      this.#store.hover(token === null ? null : this.#neuron, token);
    this.#tokens.addEventListener("pointerover", (event) => over(tokenOf(event)));
    this.#tokens.addEventListener("pointerleave", () => over(null));
    this.#tokens.addEventListener("click", (event) => {
      const token = tokenOf(event);
      if (token !== null) this.#store.set({ token });
    });
    offersTable(this.el, () =>
      this.#neuron ? { view: "neuron", options: this.#options() } : null,
    );
  }

  #options(): Record<string, unknown> {
    return { neuron: this.#neuron, what: this.#client.shown?.corpus ? "contexts" : "prompt" };
  }
}

function titleOf(neuron: NeuronPart): string {
  if (neuron.type === "neuron") return `Neuron ${partName(neuron)}`;
  return `Neuron ${neuron.index} of expert ${neuron.layer}.${neuron.expert}`;
}

/** What weights and contexts depend on: the model, whatever the prompt. */
const modelKey = ({ session, outcome }: SessionState): string =>
  `${session} model ${outcome?.model_version ?? `at ${outcome?.revision}`}`;

function largest(lanes: readonly (Float32Array | null | undefined)[]): number {
  let size = 0;
  for (const lane of lanes) for (const one of lane ?? []) size = Math.max(size, Math.abs(one) || 0);
  return size;
}

/** The number at the token that is looked at, else at its peak. */
function factsOf(
  state: SessionState,
  neuron: NeuronPart,
  { before, after }: OnPrompt,
  looked: number | null,
): string {
  const now = after ?? before;
  let peak = 0;
  for (let at = 1; at < now.length; at++) {
    if (Math.abs(now[at] ?? 0) > Math.abs(now[peak] ?? 0) || Number.isNaN(now[peak])) peak = at;
  }
  const at = looked !== null && looked < now.length ? looked : peak;
  const [was, is] = [before[at] ?? Number.NaN, now[at] ?? Number.NaN];
  const none = Number.isNaN(is) ? "was sent to other experts" : plain(is);
  const parts = [
    at === looked ? `${none} at ${place(state, neuron.layer, at)}` : "",
    at === looked ? "" : `peak ${none} at ${place(state, neuron.layer, at)}`,
    was === is || Number.isNaN(was) ? "" : `was ${plain(was)}`,
    now.length > MOST_TOKENS ? `the first ${MOST_TOKENS} of ${now.length} tokens below` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

function emptyText({ state, slow, client }: Scene, refusal: string): string {
  if (refusal) return refusal;
  if (state?.tokens.length === 0) return "Type a prompt to see what its neurons do.";
  if (state?.phase === "error") return "No neuron: the last run failed.";
  return slow || client.status === "live" ? "Looking for the neurons that matter …" : "";
}

export const neuron = standalone({
  name: "neuron",
  label: "neuron in depth",
  panes: (cast) => [toolPicker(cast), new NeuronPane(cast)],
});
