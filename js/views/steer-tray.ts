// What the armed steer does: a button that says it in a few characters, and a tray under it with the
// direction, how far, and the directions that were kept. It lies over the page, so that nothing
// moves when it opens.

import { button, element, focusedIn, icon, keyed, setAttributes, setText } from "../charts/dom";
import { plain } from "../charts/format";
import { visible } from "../charts/token-text";
import type { PageState, SessionStore, SteerWish } from "../store/session-store";
import type { DirectionJson, SessionState } from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import type { Pane, Scene } from "./pane";
import { positionsText } from "./positions";
import { directionOf, fromOf, steerEdit, steered, steerHint, steerSummary } from "./steering";
import { positionsAt } from "./tools";

const MODES: Record<SteerWish["mode"], { text: string; title: string }> = {
  add: { text: "Add", title: "Move the stream along the direction" },
  "clamp along": { text: "Clamp", title: "Set how far the stream reaches along the direction" },
  "project out": { text: "Project out", title: "Take away all that lies along the direction" },
};

let trays = 0;

export class SteerTray implements Pane {
  readonly el = element("div", { class: "mw-steer", "data-tone": "steer" });
  readonly #open: HTMLButtonElement;
  readonly #tray: HTMLElement;
  readonly #from = element("select", {
    class: "mw-select",
    "aria-label": "Direction",
    "data-testid": "mw-steer-from",
  });
  readonly #rebuildFrom = keyed(this.#from);
  readonly #options = element("datalist", { id: `mw-steer-tokens-${++trays}` });
  readonly #rebuildOptions = keyed(this.#options);
  readonly #token = this.#tokenField("token", "most likely", "Token whose unembedding is meant");
  readonly #minus = this.#tokenField("minus", "nothing", "Token whose unembedding is taken off");
  readonly #tokens: HTMLElement;
  readonly #words = element("div", { class: "mw-muted mw-steer-words" });
  readonly #modes = new Map<SteerWish["mode"], HTMLButtonElement>();
  readonly #slider = this.#strengthField("range", "mw-steer-strength");
  readonly #number = this.#strengthField("number", "mw-steer-number");
  readonly #strength: HTMLElement;
  readonly #hint = element("p", {
    class: "mw-muted mw-steer-hint",
    "data-testid": "mw-steer-hint",
  });
  readonly #layer = element("input", {
    class: "mw-input mw-steer-number",
    type: "number",
    min: 0,
    step: 1,
    "aria-label": "Layer",
    "data-testid": "mw-steer-layer",
  });
  readonly #where = element("span", { class: "mw-muted" });
  readonly #apply: HTMLButtonElement;
  readonly #name = element("input", {
    class: "mw-input",
    type: "text",
    maxlength: 80,
    placeholder: "a name",
    spellcheck: "false",
    autocomplete: "off",
    "aria-label": "Name to keep this direction under",
    "data-testid": "mw-steer-name",
  });
  readonly #keep: HTMLButtonElement;
  readonly #error = element("p", { class: "mw-field-note", role: "status" });
  readonly #list = element("ul", { class: "mw-directions", "aria-label": "Kept directions" });
  readonly #rebuildList = keyed(this.#list);
  #opened = false;
  #scene: Scene | null = null;

  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    private readonly actions: Actions,
    signal: AbortSignal,
  ) {
    const id = `mw-steer-tray-${trays}`;
    this.#open = button(
      {
        class: "mw-button mw-steer-open",
        "aria-expanded": "false",
        "aria-controls": id,
        "data-testid": "mw-steer-open",
      },
      () => this.#toggle(!this.#opened),
    );
    const modes = element("div", { class: "mw-segments", role: "group", "aria-label": "How" });
    for (const [mode, { text, title }] of Object.entries(MODES)) {
      const name = mode as SteerWish["mode"];
      const attributes = { title, "data-tone": "steer", "data-testid": `mw-steer-${text}` };
      const node = button(attributes, () => this.#set({ mode: name }), text);
      this.#modes.set(name, node);
      modes.append(node);
    }
    this.#apply = button(
      { class: "mw-button mw-primary", "data-testid": "mw-steer-apply" },
      () => this.#steer(),
      "Steer here",
    );
    this.#keep = button(
      { class: "mw-button", "data-testid": "mw-steer-keep" },
      () => void this.#save(),
      "Keep",
    );
    this.#tokens = element("div", { class: "mw-steer-tokens" }, this.#token, "−", this.#minus);
    const line = (label: string, ...parts: (Node | string)[]): HTMLElement =>
      element(
        "div",
        { class: "mw-steer-row" },
        element("span", { class: "mw-muted" }, label),
        element("div", { class: "mw-steer-line" }, ...parts),
      );
    const unit = element("span", { class: "mw-muted mw-steer-unit" }, "of its norm");
    this.#strength = line("By", this.#slider, this.#number, unit);
    this.#tray = element(
      "div",
      { id, class: "mw-steer-tray", role: "dialog", "aria-label": "Steer", tabindex: -1 },
      line("Along", this.#from),
      line("", this.#tokens, this.#words),
      line("How", modes),
      this.#strength,
      this.#hint,
      line("After layer", this.#layer, this.#where, this.#apply),
      line("Keep as", this.#name, this.#keep),
      this.#error,
      this.#list,
      this.#options,
    );
    this.#tray.hidden = true;
    this.el.append(this.#open, this.#tray);
    this.#listen(signal);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state, page } = scene;
    const armed = page.tool === "steer" && state !== null;
    this.el.hidden = !armed;
    if (!armed && this.#opened) this.#toggle(false);
    if (!state || !armed) return;
    setText(this.#open, `${steerSummary(page, state)} ▾`);
    const hint = steerHint(page, state);
    setAttributes(this.#open, { title: hint, "aria-label": `Steer: ${hint}` });
    if (!this.#opened) return;
    this.#drawDirection(scene, state);
    const { mode, strength } = page.steer;
    for (const [name, node] of this.#modes)
      setAttributes(node, { "aria-pressed": String(name === mode) });
    this.#strength.style.visibility = mode === "project out" ? "hidden" : "visible";
    for (const input of [this.#slider, this.#number]) {
      if (input.valueAsNumber !== strength && focusedIn(this.el) !== this.#number)
        input.value = String(strength);
    }
    const { lacks } = directionOf(page, state);
    setText(this.#hint, lacks ? `The direction ${lacks}.` : hint);
    this.#drawPlace(scene, state);
    const refused = this.client.lastError?.op === "save_direction" ? this.client.lastError : null;
    setText(this.#error, refused ? [refused.message, refused.hint].filter(Boolean).join(" ") : "");
    setAttributes(this.#error, { "data-error": refused !== null });
    setAttributes(this.#keep, { disabled: !scene.enabled || lacks !== "" });
    this.#drawList(state.directions, scene.enabled);
  }

  #drawDirection({ page }: Scene, state: SessionState): void {
    const from = fromOf(page, state);
    const names = state.directions.map(({ name }) => name);
    this.#rebuildFrom(JSON.stringify(names), () => {
      const kept = names.map((name) => element("option", { value: `saved ${name}` }, name));
      const group = element("optgroup", { label: "kept" }, ...kept);
      return [
        element("option", { value: "other" }, "B − A at this token"),
        element("option", { value: "answer" }, "answer − distractor"),
        element("option", { value: "token" }, "unembedding of a token"),
        ...(kept.length > 0 ? [group] : []),
      ];
    });
    const value = from === "saved" ? `saved ${page.steer.saved}` : from;
    if (this.#from.value !== value) this.#from.value = value;
    this.#tokens.hidden = from !== "token";
    this.#words.hidden = from === "token";
    setText(this.#words, aboutOf(from, page, state));
    for (const [input, text] of [
      [this.#token, page.steer.token],
      [this.#minus, page.steer.minus],
    ] as const) {
      if (focusedIn(this.el) !== input && input.value !== text) input.value = text;
    }
    const likely = state.outcome?.top.map(({ text }) => visible(text)) ?? [];
    this.#rebuildOptions(likely.join("\n"), () =>
      likely.map((text) => element("option", { value: text })),
    );
  }

  #drawPlace({ page, enabled }: Scene, state: SessionState): void {
    const last = state.model.n_layers - 1;
    setAttributes(this.#layer, { max: last });
    const layer = Math.max(0, Math.min(Math.trunc(this.#layer.valueAsNumber || 0), last));
    if (this.#layer.value === "" && focusedIn(this.el) !== this.#layer)
      this.#layer.value = String(Math.floor(last / 2));
    const positions = positionsAt(page, state, layer);
    setText(this.#where, positions.length > 0 ? `at ${positionsText(positions)}` : "at all tokens");
    const { lacks } = directionOf(page, state);
    setAttributes(this.#apply, { disabled: !enabled || lacks !== "" });
  }

  #drawList(directions: readonly DirectionJson[], enabled: boolean): void {
    this.#rebuildList(JSON.stringify([directions, enabled]), () =>
      directions.map(({ name, norm, origin }) => {
        const drop = button(
          { class: "mw-chip-remove", "aria-label": `Delete ${name}`, title: "Delete" },
          () => void this.client.act("delete_direction", { name }),
          icon("cross"),
        );
        setAttributes(drop, { disabled: !enabled });
        const unit = Math.abs(norm - 1) < 1e-3 ? "unit length" : `norm ${plain(norm)}`;
        const title = element("bdi", { class: "mw-direction-name", title: name }, visible(name));
        const about = element("span", { class: "mw-muted", title: origin }, `${unit} · ${origin}`);
        return element("li", { class: "mw-direction" }, title, about, drop);
      }),
    );
    this.#list.hidden = directions.length === 0;
  }

  #listen(signal: AbortSignal): void {
    this.#from.addEventListener("change", () => {
      const { value } = this.#from;
      if (value.startsWith("saved ")) this.#set({ from: "saved", saved: value.slice(6) });
      else this.#set({ from: value as SteerWish["from"] });
    });
    this.#layer.addEventListener("input", () => this.#redraw());
    this.#name.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) void this.#save();
    });
    this.el.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#opened) return;
      // Esc here means this tray, not the lock.
      event.stopPropagation();
      this.#toggle(false);
      this.#open.focus();
    });
    const outside = (event: Event): void => {
      if (this.#opened && !event.composedPath().includes(this.el)) this.#toggle(false);
    };
    document.addEventListener("pointerdown", outside, { signal });
  }

  #tokenField(side: "token" | "minus", placeholder: string, label: string): HTMLInputElement {
    const input = element("input", {
      class: "mw-input",
      type: "text",
      list: this.#options.id,
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      placeholder,
      "aria-label": label,
      title: `${label}. A leading · is a space.`,
      "data-testid": `mw-steer-${side}`,
    });
    input.addEventListener("input", () => {
      // An input hides a leading space, and whether it is there decides which token is meant.
      if (input.value.startsWith(" ")) input.value = input.value.replace(/^ /, "·");
      this.#set({ [side]: input.value });
    });
    return input;
  }

  #strengthField(type: "range" | "number", testid: string): HTMLInputElement {
    const input = element("input", {
      class: type === "range" ? "mw-strength" : "mw-input mw-steer-number",
      type,
      step: type === "range" ? 0.01 : "any",
      "aria-label": "Strength, in shares of the norm",
      "data-testid": testid,
    });
    if (type === "range") setAttributes(input, { min: -1, max: 1 });
    input.addEventListener("input", () => {
      if (Number.isFinite(input.valueAsNumber)) this.#set({ strength: input.valueAsNumber });
    });
    return input;
  }

  #set(change: Partial<SteerWish>): void {
    this.store.set({ steer: { ...this.store.value.steer, ...change } });
  }

  #steer(): void {
    // Not as it was drawn last: a click may follow another within one frame.
    const { shown: state } = this.client;
    const page = this.store.value;
    const layer = Math.trunc(this.#layer.valueAsNumber);
    if (!state || !(layer >= 0 && layer < state.model.n_layers)) return;
    const part = { type: "residual", layer, end: "post" } as const;
    this.actions.perform(steerEdit(page, state, part, positionsAt(page, state, layer)));
  }

  async #save(): Promise<void> {
    const { shown: state } = this.client;
    const name = this.#name.value.trim();
    if (name === "" || !state) return this.#name.focus();
    const { spec } = directionOf(this.store.value, state);
    const layer = Math.trunc(this.#layer.valueAsNumber) || 0;
    const component = steered({ type: "layer", layer }, []);
    const saved = await this.client.act("save_direction", { name, direction: spec, component });
    if (saved) this.#name.value = "";
  }

  #toggle(open: boolean): void {
    this.#opened = open;
    this.#tray.hidden = !open;
    setAttributes(this.#open, { "aria-expanded": String(open) });
    if (!open) return;
    this.#redraw();
    this.#place();
    this.#from.focus({ preventScroll: true });
  }

  /** Under its button, and not beyond the right edge. */
  #place(): void {
    const { offsetLeft, offsetTop, offsetHeight, offsetParent } = this.#open;
    const room = (offsetParent?.clientWidth ?? 0) - this.#tray.offsetWidth - 12;
    this.#tray.style.left = `${Math.max(12, Math.min(offsetLeft, room))}px`;
    this.#tray.style.top = `${offsetTop + offsetHeight + 6}px`;
  }

  #redraw(): void {
    if (this.#scene) this.draw(this.#scene);
  }
}

/** Which numbers the direction is made of. */
function aboutOf(from: ReturnType<typeof fromOf>, page: PageState, state: SessionState): string {
  const { words, lacks } = directionOf(page, state);
  if (lacks) return lacks;
  if (from === "other") return `${words}, where it is put to work`;
  if (from === "answer") return words;
  return state.directions.find(({ name }) => name === page.steer.saved)?.origin ?? words;
}
