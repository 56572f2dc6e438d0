// The sheet of keys, behind “?”: what can be done without a pointer. In: the shortcuts that hold
// everywhere, and the words of each part for the keys that hold where its focus is. Out: a dialog.

import { button, element } from "../charts/dom";
import { Dialog } from "./dialog";
import { SHORTCUTS } from "./shortcuts";

/** Keys as a person would say them, and what they do. */
type Row = readonly [keys: readonly string[], does: string];

const PARTS: readonly { title: string; rows: readonly Row[] }[] = [
  {
    title: "Anywhere in the widget",
    rows: SHORTCUTS.map(({ keys, does }): Row => [keys, does]),
  },
  {
    title: "On the map, and on every grid",
    rows: [
      [["←", "→", "↑", "↓"], "Go to the next cell"],
      [["Home", "End"], "Go to the first or last cell of the row"],
      [["Enter", "Space"], "What a click does"],
    ],
  },
  {
    title: "On the map of heads",
    rows: [
      [["5.3"], "Type a layer and a head: go there"],
      [["Shift ←", "Shift →", "Shift ↑", "Shift ↓"], "Take in a range: Enter edits all of it"],
      [["Shift F10", "Menu"], "Everything that can be done to the cell"],
      [["+", "−"], "Larger or smaller cells"],
    ],
  },
  {
    title: "On an attention pattern",
    rows: [
      [["Enter", "Space"], "Knock out the edge, or restore it (with Look: lock the head)"],
      [["Shift Enter"], "Knock out the row of the query; by key, the column of the key"],
      [["Shift F10"], "Everything that can be done to the edge"],
      [["+", "−"], "Zoom in and out of a long pattern"],
      [["0"], "See all of it"],
      [["Shift ←", "Shift →", "Shift ↑", "Shift ↓"], "Move about in it"],
      [["←", "→"], "Among arcs: the next arc of the query, the strongest first"],
      [["Ctrl Enter"], "Among many heads: choose the head, to see it beside others"],
    ],
  },
  {
    title: "On the lens",
    rows: [
      [["P"], "Patch the stream there from prompt B, or take the patch back"],
      [["Enter", "Space"], "Open the cell"],
      [["Esc"], "Close the cell, or let go of what is dragged"],
    ],
  },
  {
    title: "On attributions",
    rows: [
      [["←", "→"], "Close or open a layer, or an MLP"],
      [["Enter", "Space"], "What a click does"],
      [["Shift Enter"], "Lock the part"],
    ],
  },
  {
    title: "On the tokens",
    rows: [
      [["←", "→", "↑", "↓"], "Go to the next token, or the next line"],
      [["Enter"], "Select this token alone: the next edit is about it"],
      [["Space"], "Add this token, or take it away"],
      [["Shift ←", "Shift →"], "Select a range"],
      [["Esc"], "Select none: edits are about every position"],
    ],
  },
  {
    title: "In the answer and the distractor",
    rows: [
      [["↑", "↓"], "Go through the tokens that were found"],
      [["Enter"], "Take the token"],
      [["Esc"], "Keep the old one"],
    ],
  },
  {
    title: "In the list of interventions",
    rows: [
      [["Tab"], "Go to the next switch, slider or cross"],
      [["Space"], "Switch off and on"],
      [["←", "→"], "Move a strength"],
      [["Alt ↑", "Alt ↓"], "In the details: move the entry or the group"],
      [["F2"], "In the details: rename it"],
    ],
  },
  {
    title: "In the outcome",
    rows: [
      [["←", "→"], "On what was tried: go to the state before or after"],
      [["Enter"], "Go back to that state; make a top token the answer"],
      [["Shift Enter"], "Make a top token the distractor"],
      [["F2"], "Rename a snapshot"],
    ],
  },
];

export class KeySheet {
  readonly #dialog = new Dialog("Keys", "mw-key-sheet");
  readonly el = this.#dialog.el;

  constructor() {
    this.#dialog.body.append(
      ...PARTS.map(({ title, rows }) => {
        const list = element("dl", { class: "mw-keys" });
        for (const [keys, does] of rows) {
          const term = element("dt");
          keys.forEach((key, index) => {
            if (index > 0) term.append(" or ");
            term.append(element("kbd", { class: "mw-key" }, key));
          });
          list.append(element("div", { class: "mw-keys-row" }, term, element("dd", {}, does)));
        }
        return element("section", {}, element("h4", {}, title), list);
      }),
    );
    this.#dialog.body.classList.add("mw-key-sheet");
  }

  open(opener: HTMLElement): void {
    this.#dialog.open(opener);
  }

  /** The button that opens it. */
  opener(): HTMLButtonElement {
    const made: HTMLButtonElement = button(
      {
        class: "mw-icon-button",
        "aria-label": "Keys",
        "aria-haspopup": "dialog",
        title: "Keys (?)",
        "data-testid": "mw-keys-open",
      },
      () => this.open(made),
      "?",
    );
    return made;
  }
}
