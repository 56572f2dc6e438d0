// The attention pattern of the head under the pointer, or of the locked one: before the edits,
// after them, or the change. The readout says in words what the pointer is on.

import { AttentionMatrix, pictureHeight } from "../charts/attention-matrix";
import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { Legend } from "../charts/legend";
import { reach } from "../charts/matrix-paint";
import type { SessionStore } from "../store/session-store";
import type { TableWish } from "../wire/tables";
import { type AttentionValues, attentionValues, type Moment } from "./attention-values";
import { emptyWords, readWords, restingWords } from "./attention-words";
import { headOf, type Pane, type Scene } from "./pane";
import type { Patterns } from "./patterns";
import { offersTable } from "./picture-table";
import { standalone } from "./standalone";

const MOMENTS: Record<Moment, { text: string; title: string }> = {
  before: { text: "before", title: "The baseline, with no edits (hold B)" },
  after: { text: "after", title: "With the edits that are switched on" },
  change: { text: "change", title: "After minus before" },
};

export class AttentionPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-attention",
    "aria-label": "Attention pattern",
    "data-testid": "mw-attention",
  });
  readonly #title = element("h3", {});
  readonly #facts = element("span", { class: "mw-muted mw-facts" });
  readonly #lock: HTMLButtonElement;
  readonly #moments = element("div", {
    class: "mw-segments",
    role: "group",
    "aria-label": "Which pattern",
  });
  readonly #readout = element("div", {
    class: "mw-readout",
    "data-testid": "mw-attention-readout",
  });
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #legend = new Legend();
  readonly #matrix: AttentionMatrix;
  readonly #holder: HTMLElement;
  readonly #stacks = element("div", {
    class: "mw-segments",
    role: "group",
    "aria-label": "Attention to which tokens",
  });
  #moment: Moment = "after";
  #cross = false;
  #cell: Cell | null = null;
  #values: AttentionValues | null = null;
  #scene: Scene | null = null;

  constructor(
    private readonly store: SessionStore,
    private readonly patterns: Patterns,
    private readonly invalidate: () => void,
    signal: AbortSignal,
  ) {
    this.#lock = button(
      { class: "mw-button mw-lock", "data-testid": "mw-attention-lock" },
      () => this.#toggleLock(),
      icon("pin"),
      element("span", {}),
    );
    const head = element("div", { class: "mw-pane-head" }, this.#title, this.#lock, this.#facts);
    head.append(element("span", { class: "mw-grow" }), this.#stacks, this.#moments);
    this.#addMoments();
    this.#addStacks();
    this.#matrix = new AttentionMatrix(
      {
        enter: (cell) => this.#look(cell),
        leave: () => this.#look(null),
        press: (cell) => this.#press(cell),
      },
      signal,
    );
    this.#holder = element("div", { class: "mw-matrix-holder" }, this.#matrix.el, this.#empty);
    offersTable(this.el, () => this.#tableWish());
    this.el.append(head, this.#readout, this.#holder, this.#legend.el);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state, head, page } = scene;
    this.#drawHead(scene);
    const wish = page.baseline ? "before" : this.#moment;
    const address = head && { ...head, cross: this.#crosses(scene) };
    const values =
      state?.tokens.length && address ? attentionValues(this.patterns, state, address, wish) : null;
    const shown = values?.pattern ? values : null;
    this.#values = shown;
    this.el.toggleAttribute("data-waiting", values?.waiting ?? false);
    this.#matrix.el.hidden = !shown;
    this.#legend.el.style.visibility = shown ? "visible" : "hidden";
    // The room of the picture is kept while it is on its way.
    const rows = (shown?.queries ?? state)?.tokens.length ?? 0;
    const columns = (shown?.keys ?? state)?.tokens.length ?? 0;
    const height = state && head ? pictureHeight(rows, columns, room(this.#holder)) : 0;
    this.#holder.style.minHeight = `${height}px`;
    setText(this.#empty, shown ? "" : emptyWords(scene, values));
    if (shown) this.#drawPattern(scene, shown);
    else setText(this.#readout, " ");
  }

  #drawPattern(scene: Scene, values: AttentionValues): void {
    const { theme, page, head } = scene;
    const isChange = values.moment === "change";
    const scale = isChange ? "diverging" : "ink";
    const { queries, keys, triangle } = values;
    const [rows, columns] = [queries.tokens.length, keys.tokens.length];
    const at = this.#cell;
    const inside = at && at.row < rows && at.column < reach({ triangle, columns }, at.row);
    const cell = inside ? at : null;
    const lit = page.hover.token ?? page.token;
    this.#matrix.draw({
      label: `${this.#crosses(scene) ? "Cross attention" : "Attention"} of head ${head?.layer}.${head?.head}, ${values.moment}: queries down, keys across`,
      queries: queries.tokens,
      keys: keys.tokens,
      triangle,
      scale,
      theme,
      max: values.max,
      room: room(this.#holder),
      lit: { query: queries.prompt ? lit : null, key: keys.prompt ? lit : null },
      cell,
      value: values.value,
      stamp: [values.pattern, values.moment, rows, columns, triangle],
      describe: ({ row, column }) => readWords(values, row, column),
    });
    this.#legend.draw({
      scale,
      theme,
      from: isChange ? -values.max : 0,
      to: values.max,
      low: isChange ? plain(-values.max) : "0",
      high: isChange ? signed(values.max) : "1 attention",
      label: isChange
        ? "Change of attention, after minus before"
        : "Attention: the share of 1 that a query gives to a key",
    });
    const words = cell
      ? readWords(values, cell.row, cell.column)
      : restingWords(values, page.token);
    setText(this.#readout, words);
  }

  #tableWish(): TableWish | null {
    const scene = this.#scene;
    if (!scene?.head) return null;
    return { view: "attention", options: { ...scene.head, cross: this.#crosses(scene) } };
  }

  /** Is the pattern on show the one to the other stack? Where there is one, and it was chosen. */
  #crosses({ state, head }: Scene): boolean {
    return this.#cross && head !== null && head.head < (state?.model.cross_heads[head.layer] ?? 0);
  }

  #drawHead(scene: Scene): void {
    const { state, head, page, values, marks } = scene;
    setText(this.#title, head ? `Head ${head.layer}.${head.head}` : "Attention");
    this.#stacks.hidden = !head || !state?.model.cross_heads[head.layer];
    this.el.toggleAttribute("data-stacks", !this.#stacks.hidden);
    for (const node of Array.from(this.#stacks.children)) {
      const cross = (node as HTMLElement).dataset.stack === "cross";
      setAttributes(node, { "aria-pressed": String(cross === this.#crosses(scene)) });
    }
    const locked = headOf(page.locked) !== null;
    setAttributes(this.#lock, {
      "aria-pressed": String(locked),
      "aria-label": locked ? "Unlock the head" : "Lock this head",
      title: locked
        ? "Unlock (Esc): the pattern follows the pointer again"
        : "Keep this head here (L, or click the pattern)",
      disabled: !head,
    });
    setText(this.#lock.lastElementChild as HTMLElement, locked ? "locked · Esc" : "lock");
    const effect = head ? values.effect(head.layer, head.head) : Number.NaN;
    const known = !Number.isNaN(effect) && values.effects?.unit === "logits";
    const done = head ? marks.head(head.layer, head.head) : null;
    const facts = [known ? `effect ${signed(effect)} logits` : "", done?.words ?? ""];
    setText(this.#facts, facts.filter(Boolean).join(" · "));
    const edited = state?.interventions.some((item) => item.enabled) ?? false;
    const moment = page.baseline ? "before" : this.#moment;
    this.#moments.style.visibility = edited ? "visible" : "hidden";
    for (const node of Array.from(this.#moments.children)) {
      const on = (node as HTMLElement).dataset.moment === moment;
      setAttributes(node, { "aria-pressed": String(on) });
    }
  }

  #addMoments(): void {
    for (const [value, { text, title }] of Object.entries(MOMENTS)) {
      const attributes = { "data-moment": value, "data-testid": `mw-attention-${value}`, title };
      const choose = (): void => {
        this.#moment = value as Moment;
        this.invalidate();
      };
      this.#moments.append(button(attributes, choose, text));
    }
  }

  #addStacks(): void {
    for (const [stack, title] of [
      ["self", "Attention to tokens of its own stack"],
      ["cross", "Attention to the encoder's tokens"],
    ] as const) {
      const choose = (): void => {
        this.#cross = stack === "cross";
        this.invalidate();
      };
      const attributes = { "data-stack": stack, "data-testid": `mw-attention-${stack}`, title };
      this.#stacks.append(button(attributes, choose, stack));
    }
  }

  #look(cell: Cell | null): void {
    this.#cell = cell;
    this.store.hover(null, cell && this.#tokenOf(cell));
    this.invalidate();
  }

  #press(cell: Cell): void {
    this.store.set({ token: this.#tokenOf(cell) });
    if (!headOf(this.store.value.locked)) this.#toggleLock();
  }

  /** The token of the prompt that a cell is about: its query, or its key where only that is one. */
  #tokenOf({ row, column }: Cell): number | null {
    if (this.#values?.queries.prompt) return row;
    return this.#values?.keys.prompt ? column : null;
  }

  #toggleLock(): void {
    const head = this.#scene?.head;
    if (headOf(this.store.value.locked)) this.store.lock(null);
    else if (head) this.store.lock({ type: "head", ...head });
  }
}

function room(holder: HTMLElement): { width: number; height: number } {
  const width = Math.max(220, holder.clientWidth || 480);
  return { width, height: Math.max(320, Math.min(680, width * 0.8)) };
}

export const attention = standalone({
  name: "attention",
  label: "attention",
  effects: true,
  panes: ({ store, patterns, invalidate, signal }) => [
    new AttentionPane(store, patterns, invalidate, signal),
  ],
});
