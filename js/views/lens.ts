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
import { type Choice, LensControls, type Moment, type Showing } from "./lens-controls";
import { PatchDrag } from "./lens-drag";
import { LensPicture } from "./lens-picture";
import { columnsOf, type DepthName, depthOf, rowWords } from "./lens-rows";
import { LensValues, type Slot } from "./lens-values";
import type { Pane, Scene } from "./pane";
import { PatchingMaps } from "./patching-map";
import { offersTable } from "./picture-table";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { toolPicker } from "./tool-picker";

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
  readonly #legendOfB = new Legend();
  readonly #hint = element("div", { class: "mw-lens-hint mw-muted" });
  readonly #ghost = element("div", { class: "mw-lens-ghost", "aria-hidden": "true" });
  readonly #grids: Record<Side, WordGrid>;
  readonly #holders: Record<Side, HTMLElement>;
  readonly #gaps: Record<Side, HTMLElement>;
  readonly #values: LensValues;
  readonly #cones: Fetches<Cones>;
  readonly #maps: PatchingMaps;
  readonly #panel: LensCellPanel;
  readonly #drag: PatchDrag;
  #looked: Looked | null = null;
  #hover: { of: Side; cell: Cell } | null = null;
  #scene: Scene | null = null;
  #picture: LensPicture | null = null;
  #last: { choice: Choice; prompts: string } | null = null;
  #coneRefusal = "";

  constructor(private readonly cast: Cast) {
    const { client, store, actions, invalidate, signal } = cast;
    this.#values = new LensValues(client, invalidate, signal);
    this.#cones = new Fetches(client, invalidate, signal);
    this.#maps = new PatchingMaps(client, invalidate, signal);
    this.#controls = new LensControls(this.#maps, invalidate);
    this.#grids = { a: this.#gridOf("a"), b: this.#gridOf("b") };
    this.#holders = { a: holder("a", this.#grids.a), b: holder("b", this.#grids.b) };
    this.#gaps = { a: gapIn(this.#holders.a), b: gapIn(this.#holders.b) };
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
    // Columns are as wide as there is room, and the room may change with the view as it was.
    const observer = new ResizeObserver(invalidate);
    observer.observe(this.#holders.a);
    signal.addEventListener("abort", () => observer.disconnect());
    const grids = element("div", { class: "mw-lens-grids" }, this.#holders.a, this.#holders.b);
    const reading = element("div", { class: "mw-lens-reading mw-muted" }, "reading …");
    offersTable(this.el, () => ({ view: "lens", options: {} }));
    this.el.append(this.#controls.el, this.#readout, reading, this.#empty, grids);
    this.el.append(this.#legend.el);
    this.el.append(this.#legendOfB.el, this.#hint, this.#panel.el, this.#ghost);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { state } = scene;
    if (!state) return;
    const { of: side = "a", position = 0 } = this.#looked ?? {};
    const length = (side === "a" ? state.tokens : (state.other?.tokens ?? [])).length;
    if (position >= length) this.#looked = null;
    const choice = this.#controls.draw(scene);
    const wanted = this.#pictureOf(scene, choice);
    const why = this.#coneRefusal;
    const shown = this.#shown(scene, state, choice, wanted);
    this.#picture = shown;
    const sides = sidesOf(choice.showing);
    const refusal = wanted.readings.refusal(sides[0] ?? "a") || why;
    const none = Boolean(refusal) || shown.rows.length === 0 || shown.columns.length === 0;
    let waiting = shown !== wanted;
    for (const of of ["a", "b"] as const) {
      const [here, grid] = [sides.includes(of), this.#grids[of]];
      this.#holders[of].hidden = !here || none;
      if (!here) continue;
      if (!none) grid.draw(shown.scene(of, sides.length > 1 ? SHARED : ALONE));
      const [from, to] = grid.window.columns;
      const bare = !shown.columns.slice(from, to).some((column) => column[of] !== null);
      setText(this.#gaps[of], bare && !none ? `${of.toUpperCase()} has no tokens here` : "");
      waiting = !this.#ask(state, of, wanted) || waiting;
    }
    this.el.toggleAttribute("data-waiting", waiting);
    this.el.toggleAttribute("data-dragging", this.#drag.value !== null);
    setText(this.#empty, none ? refusal || emptyWords(scene) : "");
    this.#legend.el.style.visibility = none ? "hidden" : "visible";
    const { theme } = scene;
    this.#legend.draw({ ...shown.legend(sides[0] ?? "a"), theme });
    this.#legendOfB.el.hidden = none || sides.length < 2 || shown.oneScale;
    this.#legendOfB.draw({ ...shown.legend("b"), note: "B", theme });
    setText(this.#readout, none ? " " : this.#words(shown));
    setText(this.#hint, none ? "" : hintWords(state, sides));
    this.#drawGhost(shown);
    this.#panel.draw(scene, this.#looked, this.#editedNow(state, choice.moment));
  }

  #pictureOf(scene: Scene, choice: Choice): LensPicture {
    const { showing, depth } = choice;
    const { state } = scene;
    const columns = state ? columnsOf(state, showing === "both", showing === "b" ? "b" : "a") : [];
    const now = { ...choice, columns, drag: this.#drag.value, looked: this.#looked };
    return new LensPicture(scene, this.#values, this.#coneOf(depth), now);
  }

  /** What is wanted, or else what was shown last, as long as that is of the same prompts. */
  #shown(scene: Scene, state: SessionState, choice: Choice, wanted: LensPicture): LensPicture {
    const prompts = JSON.stringify([state.tokens, state.other?.tokens, choice.showing]);
    const known = sidesOf(choice.showing).every((of) => wanted.readings.known(of));
    const last = this.#last;
    if (known) this.#last = { choice, prompts };
    else if (last?.prompts === prompts)
      return this.#pictureOf(scene, { ...choice, depth: last.choice.depth });
    return wanted;
  }

  /** Asks for what the window shows; true when all of it is here. */
  #ask(state: SessionState, of: Side, picture: LensPicture): boolean {
    const { columns } = picture;
    // Before there is a window the end is looked at, where it will open.
    const n = columns.length;
    const seen = this.#holders[of].hidden ? [n - 1, n] : this.#grids[of].window.columns;
    const positions = [...columns.slice(seen[0], seen[1]), columns[this.#grids[of].at.column]]
      .filter((column) => column !== undefined)
      .flatMap((column) => (column[of] === null ? [] : [column[of]]));
    const slots: Slot[] = of === "b" ? ["b"] : picture.readings.slots;
    const all = slots.map((slot) =>
      this.#values.want(state, slot, picture.readings.wish, positions),
    );
    return all.every(Boolean);
  }

  #coneOf(name: DepthName): Cones | null {
    const depth = depthOf(name);
    const key = `${this.#scene?.state?.model.name} ${name}`;
    const cones = this.#cones.get(key, (signal) => askCones(this.cast.client, depth, { signal }));
    this.#coneRefusal = this.#cones.refusal(key);
    return cones;
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
}

const sidesOf = (showing: Showing): Side[] => (showing === "both" ? ["a", "b"] : [showing]);

function hintWords({ other }: SessionState, sides: readonly Side[]): string {
  if (!other) return "Click a cell to open it. With a prompt B its stream can be patched in.";
  if (sides.length > 1) return "Drag a cell of B onto A, or press P on it, to patch the stream.";
  return "Click a cell to open it; P patches the stream there from B.";
}

function emptyWords({ state, client }: Scene): string {
  if (state?.tokens.length === 0) return "Type a prompt to see what each layer would say.";
  if (client.status === "gone") return "No lens: the kernel does not answer.";
  return state?.error ? "No lens: the run failed." : "";
}

function holder(of: Side, grid: WordGrid): HTMLElement {
  return element("div", { class: "mw-lens-holder", "data-testid": `mw-lens-${of}` }, grid.el);
}

/** Where the other prompt is longer there may be nothing to see of this one. */
function gapIn(place: HTMLElement): HTMLElement {
  const words = element("div", { class: "mw-lens-gap mw-muted" });
  place.append(words);
  return words;
}

export const lens = standalone({
  name: "lens",
  label: "logit lens",
  panes: (cast) => [toolPicker(cast), new LensPane(cast)],
});
