// The strongest edges of a composition as a list, those of the locked head while one is: each can be
// pointed at and pressed like the edge itself.

import { button, element, keyed, setText } from "../charts/dom";
import { plain } from "../charts/format";
import type { HeadPlace } from "../store/session-store";
import type { Composition, HeadEdge } from "../wire/weights";
import { rove } from "./ranked-tokens";
import { edgeName, sameHead } from "./weight-words";

const LISTED = 16;

export class CompositionList {
  readonly #title = element("h4", { class: "mw-muted" });
  readonly #list = element("ol", { class: "mw-ranked-rows", "aria-label": "Strongest edges" });
  readonly #rebuild = keyed(this.#list);
  readonly el = element("div", { class: "mw-ranked mw-weight-edges" }, this.#title, this.#list);

  constructor(
    private readonly look: (edge: HeadEdge | null) => void,
    private readonly press: (edge: HeadEdge) => void,
  ) {
    this.#list.addEventListener("keydown", (event) => rove(this.#list, event));
  }

  draw({ kind, edges }: Composition, locked: HeadPlace | null): void {
    const own = locked
      ? edges.filter(({ from, to }) => sameHead(from, locked) || sameHead(to, locked))
      : edges;
    const listed = own.slice(0, LISTED);
    const name = locked ? `${locked.layer}.${locked.head}` : "";
    setText(this.#title, locked ? `strongest of head ${name}` : "strongest");
    const key = `${kind} ${name} ${listed.map((edge) => edgeName(edge) + edge.score)}`;
    const max = edges[0]?.score || 1;
    this.#rebuild(key, () =>
      listed.map((edge, at) => element("li", {}, this.#row(edge, max, at === 0))),
    );
  }

  #row(edge: HeadEdge, max: number, first: boolean): HTMLElement {
    const { from, to, score } = edge;
    const bar = element("span", { class: "mw-ranked-bar", "aria-hidden": "true" });
    bar.style.width = `${(100 * score) / max}%`;
    const words = `Head ${to.layer}.${to.head} reads what head ${from.layer}.${from.head} writes`;
    const row = button(
      {
        class: "mw-ranked-row",
        tabindex: first ? 0 : -1,
        title: `${words}: ${score.toFixed(3)}. Press to lock them`,
      },
      () => this.press(edge),
      bar,
      element("span", { class: "mw-ranked-names" }, edgeName(edge)),
      element("span", { class: "mw-ranked-number" }, plain(score)),
    );
    for (const [event, seen] of [
      ["pointerenter", edge],
      ["pointerleave", null],
      ["focus", edge],
      ["blur", null],
    ] as const) {
      row.addEventListener(event, () => this.look(seen));
    }
    return row;
  }
}
