// Which experts each token was sent to: a column per token, its experts in the router's order, each as
// dark as its weight. The expert of the neuron that is looked at is outlined; a click goes to another.

import { colour, inkOn, type Theme } from "../charts/colour";
import { button, element, keyed, setText } from "../charts/dom";
import { plain } from "../charts/format";
import { short } from "../charts/token-text";
import type { AxisTokenJson } from "../types";
import type { OnPrompt } from "../wire/neuron";

type Routing = NonNullable<OnPrompt["routing"]>;

const MOST_TOKENS = 160;

export class NeuronRouting {
  readonly el = element("div", { class: "mw-neuron-routing" });
  readonly #title = element("div", { class: "mw-neuron-weight-title" });
  readonly #grid = element("div", {
    class: "mw-neuron-routes",
    role: "list",
    "aria-label": "Experts of each token",
  });
  readonly #rebuild = keyed(this.#grid);

  constructor(private readonly choose: (expert: number) => void) {
    this.el.append(this.#title, this.#grid);
    this.#grid.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(
    routing: Routing | null,
    tokens: readonly AxisTokenJson[],
    expert: number,
    theme: Theme,
    stamp: string,
  ): void {
    this.el.hidden = routing === null;
    if (!routing) return;
    const { choice, weights, experts } = routing;
    const [n = 0, slots = 0] = choice.shape;
    const here = Array.from(choice.values).filter((one) => one === expert).length;
    const share = `${here} of ${n} tokens went to expert ${expert}`;
    setText(this.#title, `routing: ${slots} of ${experts} experts for each token · ${share}`);
    const most = Math.max(...weights.values, 0);
    this.#rebuild(`${stamp} ${expert} ${theme}`, () => {
      const shown = Math.min(n, MOST_TOKENS);
      const columns = Array.from({ length: shown }, (_, at) => {
        const cells = Array.from({ length: slots }, (_, slot) =>
          this.#cell(choice.row(at)[slot] ?? -1, weights.row(at)[slot] ?? Number.NaN, {
            most,
            expert,
            theme,
            first: at === 0 && slot === 0,
          }),
        );
        const text = tokens[at]?.text ?? "";
        return element(
          "div",
          { class: "mw-neuron-route", role: "listitem" },
          element("bdi", { class: "mw-muted", title: text }, short(text, 8)),
          ...cells,
        );
      });
      const rest = `the first ${shown} of ${n} tokens`;
      return shown < n
        ? [...columns, element("div", { class: "mw-muted", role: "listitem" }, rest)]
        : columns;
    });
  }

  #cell(
    chosen: number,
    weight: number,
    look: { most: number; expert: number; theme: Theme; first: boolean },
  ): HTMLElement {
    const made = button(
      {
        class: "mw-neuron-expert",
        tabindex: look.first ? 0 : -1,
        "aria-pressed": String(chosen === look.expert),
        "aria-label": `Expert ${chosen}, weight ${plain(weight)}`,
        title: `Expert ${chosen}, weight ${plain(weight)}`,
      },
      () => this.choose(chosen),
      String(chosen),
    );
    made.style.backgroundColor = colour(weight, look.most, "sequential", look.theme) ?? "";
    made.style.color = inkOn(weight, look.most, "sequential", look.theme);
    return made;
  }

  /** One tab stop; arrows walk over tokens and slots. */
  #key(event: KeyboardEvent): void {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      event.key
    ];
    const from = event.target;
    if (!step || !(from instanceof HTMLButtonElement)) return;
    const columns = [...this.#grid.children].map((one) => [...one.querySelectorAll("button")]);
    const column = columns.findIndex((cells) => cells.some((cell) => cell === from));
    const slot = columns[column]?.indexOf(from) ?? -1;
    const next = columns[column + (step[0] ?? 0)]?.[slot + (step[1] ?? 0)];
    if (!next) return;
    event.preventDefault();
    from.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}
