// The weights: what can be said of heads without running a prompt. Three sections, of which one shows
// and is asked for: the circuits of the head that is looked at, composition between heads, norms.

import { button, element, setAttributes, setText } from "../charts/dom";
import type { TableWish } from "../wire/tables";
import type { Pane, Scene } from "./pane";
import { offersTable } from "./picture-table";
import { Resting } from "./resting";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import { WeightCircuits } from "./weight-circuits";
import { WeightComposition } from "./weight-composition";
import { WeightNormsSection } from "./weight-norms";
import { SECTION_NAMES, SECTIONS, type Section, weightsKey } from "./weight-words";

export class WeightsPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-weights",
    "aria-label": "Weights",
    "data-testid": "mw-weights",
  });
  readonly #choices = new Map<Section, HTMLButtonElement>();
  readonly #circuits: WeightCircuits;
  readonly #composition: WeightComposition;
  readonly #norms: WeightNormsSection;
  readonly #resting: Resting;
  readonly #status = element("span", { class: "mw-muted" });
  #section: Section = "circuits";
  #head: Scene["head"] = null;

  constructor(cast: Cast) {
    this.#circuits = new WeightCircuits(cast);
    this.#composition = new WeightComposition(cast);
    this.#norms = new WeightNormsSection(cast);
    this.#resting = new Resting(cast.invalidate, cast.signal);
    const segments = element("div", {
      class: "mw-segments",
      role: "group",
      "aria-label": "What of the weights",
    });
    for (const name of SECTION_NAMES) {
      const { text, title } = SECTIONS[name];
      const node = button(
        { title, "data-testid": `mw-weights-${name}` },
        () => {
          this.#section = name;
          cast.invalidate();
        },
        text,
      );
      this.#choices.set(name, node);
      segments.append(node);
    }
    const head = element("div", { class: "mw-pane-head" }, element("h3", {}, "Weights"), segments);
    head.append(element("span", { class: "mw-grow" }), this.#status);
    offersTable(this.el, () => this.#table());
    this.el.append(head, this.#circuits.el, this.#composition.el, this.#norms.el);
  }

  draw(scene: Scene): void {
    const { state, client } = scene;
    const sections = {
      circuits: this.#circuits,
      composition: this.#composition,
      norms: this.#norms,
    };
    for (const name of SECTION_NAMES) {
      setAttributes(this.#choices.get(name) as HTMLElement, {
        "aria-pressed": String(name === this.#section),
      });
      sections[name].el.hidden = name !== this.#section;
    }
    if (!state) return;
    const base = weightsKey(state);
    const waiting = sections[this.#section].draw({ ...scene, head: this.#rested(scene) }, base);
    const live = client.status !== "gone" && client.status !== "mismatch";
    this.el.toggleAttribute("data-waiting", waiting && live);
    setText(this.#status, waiting && !live ? "the kernel does not answer" : "");
  }

  /** The head that is looked at, once the pointer rests. */
  #rested({ head, page }: Scene): Scene["head"] {
    const hovered = page.hover.component?.type === "head" && page.locked?.type !== "head";
    const rested = this.#resting.on(`${head?.layer}.${head?.head}`);
    if (!this.#head || !hovered || rested) this.#head = head;
    return this.#head;
  }

  #table(): TableWish {
    if (this.#section === "circuits") return this.#circuits.table;
    return { view: "weights", options: { of: this.#section } };
  }
}

export const weights = standalone({
  name: "weights",
  label: "weights",
  panes: (cast) => [new WeightsPane(cast)],
});
