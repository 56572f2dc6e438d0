// The attention of a session: one head large, or many side by side; before the edits, after them, or the
// change; the pattern itself or what its edges move. What is chosen here changes no number; a click
// on an edge cuts it.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { signed } from "../charts/format";
import type { SessionStore } from "../store/session-store";
import type { TableWish } from "../wire/tables";
import { ChoiceBar, type Choices } from "./attention-choices";
import { Edges } from "./attention-edges";
import { LargeHead } from "./attention-large";
import { Multiples } from "./attention-multiples";
import { emptyWords } from "./attention-words";
import { headOf, type Pane, type Scene } from "./pane";
import { PatternStore } from "./pattern-store";
import { offersTable } from "./picture-table";
import { isPinned, togglePinned } from "./pinned";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { toolPicker } from "./tool-picker";

export class AttentionPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-attention",
    "aria-label": "Attention pattern",
    "data-testid": "mw-attention",
  });
  readonly #title = element("h3", {});
  readonly #facts = element("span", { class: "mw-muted mw-facts" });
  readonly #lock: HTMLButtonElement;
  readonly #pin: HTMLButtonElement;
  readonly #choices: ChoiceBar;
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #large: LargeHead;
  readonly #multiples: Multiples;
  readonly #pictures: PatternStore;
  readonly #store: SessionStore;
  #scene: Scene | null = null;

  constructor({ client, store, actions, patterns, invalidate, signal }: Cast) {
    this.#store = store;
    this.#pictures = new PatternStore(client, invalidate, signal);
    const edges = new Edges(client, store, actions);
    this.#choices = new ChoiceBar(invalidate);
    this.#large = new LargeHead(store, patterns, this.#pictures, edges, invalidate, signal);
    this.#multiples = new Multiples(
      store,
      this.#pictures,
      (head) => {
        store.set({ locked: { type: "head", ...head } });
        this.#choices.set({ scope: "head" });
      },
      invalidate,
      signal,
    );
    this.#lock = button(
      { class: "mw-button mw-lock", "data-testid": "mw-attention-lock" },
      () => this.#toggleLock(),
      icon("pin"),
      element("span", {}),
    );
    this.#pin = button(
      { class: "mw-button mw-lock mw-choose", "data-testid": "mw-attention-pin" },
      () => {
        const head = this.#scene?.head;
        if (head) togglePinned(store, { type: "head", ...head });
      },
      "",
    );
    const head = element("div", { class: "mw-pane-head" }, this.#title, this.#lock);
    head.append(this.#facts, element("span", { class: "mw-grow" }));
    head.append(this.#choices.stacks, this.#choices.moments);
    this.#choices.el.firstElementChild?.after(this.#pin);
    offersTable(this.el, () => this.#tableWish());
    this.el.append(head, this.#choices.el, this.#empty, this.#multiples.el, this.#large.el);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state, head } = scene;
    const choices = this.#choices.of(scene);
    this.#choices.draw(scene, choices);
    this.#drawHead(scene, choices);
    const some = state !== null && state.tokens.length > 0 && head !== null;
    const one = choices.scope === "head";
    this.#multiples.el.hidden = !some || one;
    this.#large.el.hidden = !some || !one;
    let shown = false;
    let waiting = false;
    let refusal = "";
    if (some && one) {
      const values = this.#large.draw(scene, { ...head, cross: choices.cross }, choices);
      ({ waiting, refusal } = values);
      shown = values.picture !== null;
    } else if (some) ({ waiting, refusal, shown } = this.#multiples.draw(scene, choices));
    this.el.toggleAttribute("data-waiting", waiting);
    setText(this.#empty, shown && !refusal ? "" : emptyWords(scene, { refusal }));
    this.#pictures.settle();
  }

  #drawHead(scene: Scene, { scope, cross }: Choices): void {
    const { head, page, values, marks } = scene;
    const many = { layer: `Layer ${head?.layer}`, pinned: "Chosen heads", model: "All heads" };
    const named = head ? `Head ${head.layer}.${head.head}` : "Attention";
    setText(this.#title, scope === "head" || !head ? named : many[scope]);
    this.el.toggleAttribute("data-stacks", !this.#choices.stacks.hidden);
    const locked = headOf(page.locked) !== null;
    setAttributes(this.#lock, {
      "aria-pressed": String(locked),
      "aria-label": locked ? "Unlock the head" : "Lock this head",
      title: locked
        ? "Unlock (Esc): the pattern follows the pointer again"
        : "Keep this head here (L, or click the pattern with the tool Look)",
      disabled: !head,
    });
    setText(this.#lock.lastElementChild as HTMLElement, locked ? "locked · Esc" : "lock");
    this.#lock.hidden = !locked && (scope === "pinned" || scope === "model");
    const pinned = head !== null && isPinned(this.#store, head);
    setAttributes(this.#pin, {
      "aria-pressed": String(pinned),
      title: pinned ? "Chosen: take this head out again" : "Choose this head, to see some together",
      disabled: !head,
      hidden: scope !== "head" || cross,
    });
    setText(this.#pin, pinned ? "chosen" : "choose");
    const effect = head ? values.effect(head.layer, head.head) : Number.NaN;
    const known = !Number.isNaN(effect) && values.effects?.unit === "logits";
    const done = head ? marks.head(head.layer, head.head) : null;
    const facts = [known ? `effect ${signed(effect)} logits` : "", done?.words ?? ""];
    setText(this.#facts, scope === "head" ? facts.filter(Boolean).join(" · ") : "");
  }

  /** The numbers of the one head that is shown; pictures of many have no table. */
  #tableWish(): TableWish | null {
    const scene = this.#scene;
    const { scope, cross } = scene ? this.#choices.of(scene) : { scope: "head", cross: false };
    if (!scene?.head || scope !== "head") return null;
    return { view: "attention", options: { ...scene.head, cross } };
  }

  #toggleLock(): void {
    const head = this.#scene?.head;
    if (headOf(this.#store.value.locked)) this.#store.lock(null);
    else if (head) this.#store.lock({ type: "head", ...head });
  }
}

export const attention = standalone({
  name: "attention",
  label: "attention",
  // One fact in the head of the pane is not worth a sweep over all heads.
  effects: false,
  panes: (cast) => [toolPicker(cast), new AttentionPane(cast)],
});
