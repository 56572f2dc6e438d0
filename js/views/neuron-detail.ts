// One neuron large: the prompt with each token on the neuron's own scale and its number beneath, the
// tokens that it speaks for and against, and a slider that clamps it to a value of its own units.

import { button, element, icon, keyed, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { InterventionJson } from "../types";
import type { NeuronTokens, RankedNeuron, ToldToken } from "../wire/neurons";
import { neuronName, type Strip } from "./neuron-strips";
import { editsOf, place, TOKENS_CONVENTION, tokensOf } from "./neuron-words";
import type { Scene } from "./pane";
import { tokenActivation, tokenOf } from "./token-activations";

const MOST_TOKENS = 160;

export interface DetailScene {
  readonly scene: Scene;
  readonly neuron: RankedNeuron;
  readonly strip: Strip | null;
  readonly told: NeuronTokens | null;
  readonly refusal: string;
  readonly locked: boolean;
  /** Where direct effects are read; null where there are none. */
  readonly effectPosition: number | null;
}

export interface DetailEvents {
  lock(neuron: RankedNeuron): void;
  /** Shows all there is to know of it. */
  deepen(neuron: RankedNeuron): void;
  hover(neuron: RankedNeuron, token: number | null): void;
  choose(token: number): void;
  /** Clamp to this value; one drag is one step to undo. */
  clamp(neuron: RankedNeuron, value: number, drag: number): void;
  release(neuron: RankedNeuron): void;
}

/** What clamps a neuron at all positions or at some, if anything does. */
export function clampOf(edits: readonly InterventionJson[]): InterventionJson | null {
  return edits.find(({ type, strength }) => type === "set_value" && strength !== null) ?? null;
}

export class NeuronDetail {
  readonly el = element("div", { class: "mw-neuron-detail", "data-testid": "mw-neuron-detail" });
  readonly #title = element("h3", {});
  readonly #lock: HTMLButtonElement;
  readonly #facts = element("span", { class: "mw-muted mw-neuron-facts" });
  readonly #tokens = element("div", {
    class: "mw-neuron-tokens",
    role: "list",
    tabindex: 0,
    "aria-label": "Activations along the tokens",
  });
  readonly #rebuildTokens = keyed(this.#tokens);
  readonly #slider = element("input", {
    class: "mw-strength mw-neuron-clamp",
    type: "range",
    step: "any",
    "data-testid": "mw-neuron-clamp",
  });
  readonly #clampNumber = element("span", { class: "mw-neuron-clamp-number" });
  readonly #release: HTMLButtonElement;
  readonly #for = element("ol", { class: "mw-neuron-told", "aria-label": "Tokens it promotes" });
  readonly #against = element("ol", {
    class: "mw-neuron-told",
    "aria-label": "Tokens it suppresses",
  });
  readonly #rebuildFor = keyed(this.#for);
  readonly #rebuildAgainst = keyed(this.#against);
  readonly #saysNote = element("div", {
    class: "mw-muted mw-neuron-convention",
    "data-mw-convention": "",
  });
  #shown: DetailScene | null = null;
  #held = false;
  #drag = Date.now();

  constructor(private readonly events: DetailEvents) {
    this.#lock = button(
      { class: "mw-icon-button mw-lock", "data-testid": "mw-neuron-lock" },
      () => this.#shown && events.lock(this.#shown.neuron),
      icon("pin"),
    );
    this.#release = button(
      { class: "mw-button", "data-testid": "mw-neuron-release" },
      () => this.#shown && events.release(this.#shown.neuron),
      "release",
    );
    const deep = button(
      {
        class: "mw-button mw-neuron-deep",
        title: "What it reads, writes and is most active on (N)",
        "data-testid": "mw-neuron-in-depth",
      },
      () => this.#shown && events.deepen(this.#shown.neuron),
      "in depth",
    );
    const head = element("div", { class: "mw-pane-head" }, this.#title, this.#lock, this.#facts);
    head.append(deep);
    const clamp = element("div", { class: "mw-neuron-clamp-line" });
    clamp.append(
      element("span", { class: "mw-muted" }, "clamp to"),
      this.#slider,
      this.#clampNumber,
      this.#release,
    );
    const column = (title: string, list: HTMLElement): HTMLElement =>
      element("div", {}, element("div", { class: "mw-muted mw-neuron-column" }, title), list);
    const told = element("div", { class: "mw-neuron-says" });
    told.append(column("promotes", this.#for), column("suppresses", this.#against));
    this.el.append(head, this.#tokens, clamp, told, this.#saysNote);
    this.#listen();
  }

  draw(shown: DetailScene): void {
    this.#shown = shown;
    const { neuron, locked } = shown;
    setText(this.#title, `Neuron ${neuronName(neuron)}`);
    setAttributes(this.#lock, {
      "aria-pressed": String(locked),
      "aria-label": locked ? "Unlock the neuron" : "Lock this neuron",
      title: locked ? "Unlock (Esc)" : "Keep this neuron here (L, or Shift-click it)",
    });
    setText(this.#facts, this.#factsOf(shown));
    this.#drawTokens(shown);
    this.#drawClamp(shown);
    this.#drawSays(shown);
  }

  #factsOf({ scene, neuron, strip, effectPosition }: DetailScene): string {
    const { state, page } = scene;
    if (!state) return "";
    const at = page.hover.token ?? neuron.position;
    const before = strip?.before[at] ?? neuron.before;
    const after = strip ? (strip.after ?? strip.before)[at] : neuron.after;
    const now = page.baseline ? before : (after ?? neuron.after);
    const effect = page.baseline ? neuron.effectBefore : neuron.effect;
    const where = effectPosition === at || effectPosition === null ? "" : ` (${effectPosition})`;
    const parts = [
      `${plain(now)} at ${place(state, neuron.layer, at)}`,
      now === before ? "" : `was ${plain(before)}`,
      Number.isNaN(effect) ? "" : `direct ${signed(effect)} logits${where && ` at${where}`}`,
    ];
    return parts.filter(Boolean).join(" · ");
  }

  #drawTokens({ scene, neuron, strip }: DetailScene): void {
    const { state, theme, page } = scene;
    const tokens = state ? tokensOf(state, neuron.layer) : [];
    const values = page.baseline ? strip?.before : (strip?.after ?? strip?.before);
    const [from, to] = windowAround(neuron.position, tokens.length);
    const key = [strip?.stamp, theme, page.baseline, from, tokens.length].join(" ");
    this.#rebuildTokens(key, () => {
      const shown = tokens.slice(from, to).map((token, i) => {
        const at = from + i;
        const look = { ...token, at, value: values?.[at] ?? Number.NaN };
        return tokenActivation(look, strip?.max ?? 1, theme, true);
      });
      if (to - from === tokens.length) return shown;
      const words = `tokens ${from} to ${to - 1} of ${tokens.length}, around its largest`;
      return [
        ...shown,
        element("span", { class: "mw-muted mw-neuron-window", role: "listitem" }, words),
      ];
    });
    const looked = page.hover.token ?? page.token;
    for (const node of Array.from(this.#tokens.children) as HTMLElement[]) {
      setAttributes(node, { "data-lit": looked !== null && node.dataset.at === String(looked) });
    }
  }

  #drawClamp({ scene, neuron, strip }: DetailScene): void {
    const { state, enabled } = scene;
    const clamp = state ? clampOf(editsOf(state, neuron)) : null;
    const value = clamp?.strength ?? (Number.isNaN(neuron.after) ? 0 : neuron.after);
    if (!this.#held) {
      // Twice its largest on this prompt, so that what it never does here can be tried.
      const reach = Math.max(2 * (strip?.usual ?? 0), Math.abs(value), 1);
      setAttributes(this.#slider, { min: -reach, max: reach });
      if (this.#slider.valueAsNumber !== value) this.#slider.value = String(value);
    }
    const name = `Clamp neuron ${neuronName(neuron)}, in units of its activation`;
    setAttributes(this.#slider, {
      disabled: !enabled,
      "aria-label": name,
      "aria-valuetext": clamp ? plain(value) : `not clamped, ${plain(value)} now`,
      title: name,
      "data-idle": clamp === null,
    });
    setText(this.#clampNumber, clamp ? plain(value) : "free");
    this.#release.style.visibility = clamp ? "visible" : "hidden";
  }

  #drawSays({ scene, told, refusal }: DetailScene): void {
    const said = (list: readonly ToldToken[]): Node[] =>
      list.map(({ text, gain }) => {
        const token = element("bdi", { title: visible(text) }, short(text, 14));
        return element("li", {}, token, element("span", { class: "mw-muted" }, signed(gain)));
      });
    const key = JSON.stringify([told?.promoted, told?.suppressed]);
    this.#rebuildFor(key, () => said(told?.promoted ?? []));
    this.#rebuildAgainst(key, () => said(told?.suppressed ?? []));
    const at = told && scene.state ? `at ${place(scene.state, 0, told.position)}` : "";
    const words = told ? [TOKENS_CONVENTION.replace("at this token", at), told.note] : [refusal];
    setText(this.#saysNote, words.filter(Boolean).join(" · ") || " ");
  }

  #listen(): void {
    this.#tokens.addEventListener("pointerover", (event) => {
      if (this.#shown) this.events.hover(this.#shown.neuron, tokenOf(event));
    });
    this.#tokens.addEventListener("pointerleave", () => {
      if (this.#shown) this.events.hover(this.#shown.neuron, null);
    });
    this.#tokens.addEventListener("click", (event) => {
      const token = tokenOf(event);
      if (token !== null) this.events.choose(token);
    });
    const slider = this.#slider;
    slider.addEventListener("pointerdown", () => {
      this.#held = true;
      this.#drag += 1;
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) {
      slider.addEventListener(end, () => {
        this.#held = false;
      });
    }
    slider.addEventListener("keydown", (event) => {
      if (!event.repeat) this.#drag += 1;
    });
    slider.addEventListener("input", () => {
      const shown = this.#shown;
      if (!shown) return;
      setText(this.#clampNumber, plain(slider.valueAsNumber));
      this.events.clamp(shown.neuron, slider.valueAsNumber, this.#drag);
    });
  }
}

/** All tokens, or as many as a person can look at around the one that counts. */
function windowAround(at: number, n: number): [number, number] {
  if (n <= MOST_TOKENS) return [0, n];
  const from = Math.max(0, Math.min(n - MOST_TOKENS, at - MOST_TOKENS / 2));
  return [from, from + MOST_TOKENS];
}
