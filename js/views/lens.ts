// The logit lens: what the residual stream says after every layer, at every position, in prompt A and
// in prompt B under it. A click opens a cell; a cell of B dragged onto A patches the stream there, and
// a line is drawn around what that can change.

import { element, setText } from "../charts/dom";
import type { Cell } from "../charts/grid-keys";
import { Legend } from "../charts/legend";
import { WordGrid } from "../charts/word-grid";
import type { EditJson, SessionState } from "../types";
import { isEdit } from "../types";
import { askCones, type Cones, type LensRow, type Side } from "../wire/lens";
import { Fetches } from "./fetches";
import { LensCellPanel, type Looked } from "./lens-cell";
import { LensControls, type Moment } from "./lens-controls";
import { PatchDrag } from "./lens-drag";
import { LensPicture } from "./lens-picture";
import { type Column, columnsOf, depthOf, rowWords } from "./lens-rows";
import { LensValues, type Slot } from "./lens-values";
import type { Pane, Scene } from "./pane";
import { PatchingMaps } from "./patching-map";
import type { Cast } from "./stage";
import { standalone } from "./standalone";

const ALONE = 460; // px of a grid that has the pane to itself
const SHARED = 250;

export class LensPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-lens",
    "aria-label": "Logit lens",
    "data-testid": "mw-lens",
  });
  readonly #controls: LensControls;
  readonly #readout = element("div", { class: "mw-readout", "data-testid": "mw-lens-readout" });
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #legend = new Legend();
  readonly #hint = element("div", { class: "mw-lens-hint mw-muted" });
  readonly #ghost = element("div", { class: "mw-lens-ghost", "aria-hidden": "true" });
  readonly #grids: Record<Side, WordGrid>;
  readonly #holders: Record<Side, HTMLElement>;
  readonly #values: LensValues;
  readonly #cones: Fetches<Cones>;
  readonly #maps: PatchingMaps;
  readonly #panel: LensCellPanel;
  readonly #drag: PatchDrag;
  #looked: Looked | null = null;
  #hover: { of: Side; cell: Cell } | null = null;
  #scene: Scene | null = null;
  #picture: LensPicture | null = null;

  constructor(private readonly cast: Cast) {
    const { client, store, actions, invalidate, signal } = cast;
    this.#values = new LensValues(client, invalidate, signal);
    this.#cones = new Fetches(client, invalidate, signal);
    this.#maps = new PatchingMaps(client, invalidate, signal);
    this.#controls = new LensControls(this.#maps, invalidate);
    this.#grids = { a: this.#gridOf("a"), b: this.#gridOf("b") };
    this.#holders = { a: holder("a", this.#grids.a), b: holder("b", this.#grids.b) };
    const close = (): void => this.#close();
    this.#panel = new LensCellPanel(client, store, actions, invalidate, close, signal);
    this.#drag = new PatchDrag(
      this.#grids.b,
      this.#grids.a,
      {
        allowed: () => this.#mayPatch(),
        changed: invalidate,
        dropped: (from, column) => this.#drop(from, column),
      },
      signal,
    );
    this.#grids.b.el.addEventListener("pointermove", (event) => this.#carry(event));
    this.el.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#looked) return;
      event.stopPropagation();
      this.#close();
    });
    const grids = element("div", { class: "mw-lens-grids" }, this.#holders.a, this.#holders.b);
    this.el.append(this.#controls.el, this.#readout, this.#empty, grids, this.#legend.el);
    this.el.append(this.#hint, this.#panel.el, this.#ghost);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state } = scene;
    if (!state) return;
    const choice = this.#controls.draw(scene);
    const { depth, showing } = choice;
    const sides: Side[] = showing === "both" ? ["a", "b"] : [showing];
    const columns = columnsOf(state, showing === "both", showing === "b" ? "b" : "a");
    const picture = new LensPicture(scene, this.#values, this.#coneOf(depth), {
      ...choice,
      columns,
      drag: this.#drag.value,
      looked: this.#looked,
    });
    this.#picture = picture;
    let waiting = false;
    for (const of of ["a", "b"] as const) {
      const shown = sides.includes(of) && picture.known(of);
      this.#holders[of].hidden = !shown;
      this.#holders[of].toggleAttribute("data-labelled", sides.length > 1);
      if (!sides.includes(of)) continue;
      if (shown) this.#grids[of].draw(picture.scene(of, sides.length > 1 ? SHARED : ALONE));
      waiting = !this.#ask(state, of, columns, picture) || waiting;
    }
    // A click on the map must not wait for a picture of the stream, but it is told that it is old.
    this.el.toggleAttribute("data-waiting", waiting);
    this.el.toggleAttribute("data-dragging", this.#drag.value !== null);
    const refusal = picture.refusal(sides[0] ?? "a");
    const none = !sides.some((of) => picture.known(of));
    setText(this.#empty, none ? refusal || this.#emptyWords(scene) : "");
    const legend = none ? null : picture.legend();
    this.#legend.el.style.visibility = legend ? "visible" : "hidden";
    if (legend) this.#legend.draw({ ...legend, theme: scene.theme });
    setText(this.#readout, none ? " " : this.#words(picture));
    setText(this.#hint, none ? "" : this.#hintWords(state, sides));
    this.#drawGhost(picture);
    this.#panel.draw(scene, this.#looked, this.#editedNow(state, choice.moment));
  }

  /** Asks for what the window shows; true when all of it is here. */
  #ask(state: SessionState, of: Side, columns: readonly Column[], picture: LensPicture): boolean {
    const { columns: range } = this.#grids[of].window;
    const seen = this.#holders[of].hidden
      ? [Math.max(0, columns.length - 16), columns.length]
      : range;
    const positions = columns
      .slice(seen[0], seen[1])
      .flatMap((column) => (column[of] === null ? [] : [column[of]]));
    const slots: Slot[] = of === "b" ? ["b"] : picture.slots;
    const all = slots.map((slot) => this.#values.want(state, slot, picture.wish, positions));
    return all.every(Boolean);
  }

  #coneOf(name: Parameters<typeof depthOf>[0]): Cones | null {
    const depth = depthOf(name);
    const key = `${this.#scene?.state?.model.name} ${name}`;
    return this.#cones.get(key, (signal) => askCones(this.cast.client, depth, { signal }));
  }

  #gridOf(of: Side): WordGrid {
    const grid = new WordGrid({
      enter: (cell) => this.#look({ of, cell }),
      leave: () => this.#look(null),
      press: (cell) => this.#open(of, cell),
      key: (cell, event) => this.#key(of, cell, event),
      scrolled: () => {
        const other = this.#grids[of === "a" ? "b" : "a"];
        if (!this.#holders[of === "a" ? "b" : "a"].hidden) other.follow(grid);
        this.cast.invalidate();
      },
    });
    return grid;
  }

  #look(hover: { of: Side; cell: Cell } | null): void {
    const was = this.#hover;
    if (was?.of === hover?.of && was?.cell.row === hover?.cell.row) {
      if (was?.cell.column === hover?.cell.column) return;
    }
    this.#hover = hover;
    const column = hover && this.#picture?.columns[hover.cell.column];
    this.cast.store.hover(null, column ? column.a : null);
    this.cast.invalidate();
  }

  #open(of: Side, cell: Cell): void {
    const looked = this.#picture?.place(of, cell) ?? null;
    const same = JSON.stringify(looked) === JSON.stringify(this.#looked);
    this.#looked = same ? null : looked;
    const column = this.#picture?.columns[cell.column];
    if (looked && column && column.a !== null) this.cast.store.set({ token: column.a });
    this.cast.invalidate();
  }

  #close(): void {
    this.#looked = null;
    this.cast.invalidate();
  }

  /** P patches the stream here from B: the cell's own position, or the one that it stands over. */
  #key(_: Side, cell: Cell, event: KeyboardEvent): boolean {
    if (event.key.toLowerCase() !== "p" || event.ctrlKey || event.metaKey || event.altKey)
      return false;
    const state = this.#scene?.state;
    const column = this.#picture?.columns[cell.column];
    const row = this.#picture?.rows[cell.row];
    if (!state?.other || !row) return false;
    const { a = null, b = null } = column ?? {};
    if (a !== null && b !== null && !event.repeat) this.#patch(row, a, b, true);
    return true;
  }

  #mayPatch(): boolean {
    return Boolean(this.#scene?.enabled && this.#scene.state?.other);
  }

  #drop(from: Cell, column: number): void {
    const picture = this.#picture;
    const row = picture?.rows[from.row];
    const there = picture?.columns[from.column]?.b ?? null;
    const here = picture?.columns[column]?.a ?? null;
    if (row && there !== null && here !== null) this.#patch(row, here, there, false);
  }

  #patch(row: LensRow, here: number, there: number, toggles: boolean): void {
    const state = this.#scene?.state;
    if (!state || !this.#mayPatch()) return;
    const { layer, end } = row;
    const source = here === there ? "" : `, ${here} from ${there}`;
    const edit: EditJson = {
      type: "patch",
      component: { type: "residual", layer, end },
      align: [[here, there]],
      said: `Patch the stream ${rowWords(row)} at ${here} from B${source}`,
    };
    // What was dropped a second time is meant to be there.
    const listed = state.interventions.find((item) => isEdit(item, edit));
    if (toggles || !listed?.enabled) this.cast.actions.perform(edit);
  }

  #carry({ clientX, clientY }: PointerEvent): void {
    const box = this.el.getBoundingClientRect();
    this.#ghost.style.transform = `translate(${clientX - box.left + 10}px, ${clientY - box.top + 8}px)`;
  }

  #drawGhost(picture: LensPicture): void {
    const { value: drag } = this.#drag;
    this.#ghost.hidden = !drag;
    if (drag) setText(this.#ghost, picture.carried(drag));
  }

  #editedNow(state: SessionState, moment: Moment): boolean {
    const edited = state.interventions.some(({ enabled }) => enabled);
    return edited && moment !== "before" && this.#looked?.of !== "b";
  }

  #words(picture: LensPicture): string {
    const drag = this.#drag.value;
    if (drag) return picture.dragWords(drag);
    const { of, cell } = this.#hover ?? {};
    return of && cell ? picture.words(of, cell) : picture.restingWords();
  }

  #hintWords({ other }: SessionState, sides: readonly Side[]): string {
    const open = "Click a cell for its tokens and for what wrote them.";
    if (!other) return `${open} With a prompt B its stream can be patched in.`;
    if (sides.length > 1)
      return "Drag a cell of B onto A, or press P on it, to patch the stream there. Click to open.";
    return `${open} P patches the stream there from B.`;
  }

  #emptyWords({ state, client }: Scene): string {
    if (state?.tokens.length === 0) return "Type a prompt to see what each layer would say.";
    if (client.status === "gone") return "No lens: the kernel does not answer.";
    return state?.error ? "No lens: the run failed." : "Reading the stream …";
  }
}

function holder(of: Side, grid: WordGrid): HTMLElement {
  const label = element("span", { class: "mw-lens-side", "aria-hidden": "true" }, of.toUpperCase());
  const attributes = { class: "mw-lens-holder", "data-testid": `mw-lens-${of}` };
  return element("div", attributes, label, grid.el);
}

export const lens = standalone({
  name: "lens",
  label: "logit lens",
  panes: (cast) => [new LensPane(cast)],
});
