// One cell of the lens, opened: its likeliest tokens before and after the edits, and what each
// component wrote for the one that is looked at. A component here is what it is on the map: hovering
// lights it up there, a click uses the armed tool on it.

import { button, element, icon, keyed, setAttributes, setText } from "../charts/dom";
import { nats, percent, plain, signed } from "../charts/format";
import { short, visible } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import { componentKey, type SessionState } from "../types";
import { askCell, type CellPart, type LensCell, type LensRow, type Side } from "../wire/lens";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import { baselineKey, editedKey, Fetches } from "./fetches";
import { rowWords } from "./lens-rows";
import type { Scene } from "./pane";

export interface Looked extends LensRow {
  readonly of: Side;
  readonly position: number;
}

const TOP = 6;
const SHOWN = 8;

export class LensCellPanel {
  readonly el = element("section", {
    class: "mw-lens-cell",
    "aria-label": "One cell of the lens",
    "data-testid": "mw-lens-cell",
  });
  readonly #title = element("h3", {});
  readonly #facts = element("span", { class: "mw-muted" });
  readonly #tokens = element("div", { class: "mw-lens-tokens", role: "list" });
  readonly #wrote = element("div", { class: "mw-lens-wrote" });
  readonly #toward = element("div", { class: "mw-segments", role: "group" });
  readonly #heading = element("div", { class: "mw-lens-heading mw-muted" });
  readonly #note = element("div", { class: "mw-lens-note mw-muted" });
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #body: HTMLElement;
  readonly #rebuildTokens = keyed(this.#tokens);
  readonly #rebuildWrote = keyed(this.#wrote);
  readonly #fetches: Fetches<LensCell>;
  #answer = true;

  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    private readonly actions: Actions,
    invalidate: () => void,
    close: () => void,
    signal: AbortSignal,
  ) {
    this.#fetches = new Fetches(client, invalidate, signal);
    const shut = button(
      { class: "mw-icon-button", "aria-label": "Close the cell", title: "Close (Esc)" },
      close,
      icon("cross"),
    );
    const head = element("div", { class: "mw-pane-head" }, this.#title, this.#facts);
    head.append(element("span", { class: "mw-grow" }), shut);
    for (const [name, text] of [
      ["answer", "answer"],
      ["top", "top token"],
    ] as const) {
      const choose = (): void => {
        this.#answer = name === "answer";
        invalidate();
      };
      const attributes = { "data-toward": name, "data-testid": `mw-lens-toward-${name}` };
      this.#toward.append(button(attributes, choose, text));
    }
    setAttributes(this.#toward, { "aria-label": "Attribute to which token" });
    const says = element("div", {}, element("div", { class: "mw-lens-heading mw-muted" }, "says"));
    says.append(this.#tokens);
    const wroteHead = element("div", { class: "mw-lens-wrote-head" }, this.#heading, this.#toward);
    const wrote = element("div", {}, wroteHead, this.#wrote, this.#note);
    this.#body = element("div", { class: "mw-lens-cell-body" }, says, wrote);
    this.el.append(head, this.#body, this.#empty);
  }

  draw(scene: Scene, looked: Looked | null, edited: boolean): void {
    const { state } = scene;
    this.el.hidden = !looked || !state;
    if (!looked || !state) {
      this.el.toggleAttribute("data-waiting", false);
      return;
    }
    const tokens = (looked.of === "a" ? state.tokens : state.other?.tokens) ?? [];
    const at = `${short(tokens[looked.position]?.text ?? "", 16)} (${looked.position})`;
    setText(this.#title, `${looked.of === "b" ? "B: " : ""}${at}, ${rowWords(looked)}`);
    const cell = this.#cell(state, looked, edited);
    const shown = cell.now ?? cell.last;
    this.el.toggleAttribute("data-waiting", !cell.now);
    this.#body.hidden = !shown;
    setText(this.#empty, shown ? "" : cell.refusal);
    setText(
      this.#facts,
      shown ? `entropy ${plain(shown.entropy)} · KL to final ${nats(shown.kl)}` : "",
    );
    this.#facts.title = "Entropy of this distribution; KL(final distribution ‖ this one)";
    if (!shown) return;
    this.#drawTokens(shown);
    this.#drawToward(state);
    this.#drawWrote(scene, shown);
  }

  #cell(
    state: SessionState,
    looked: Looked,
    edited: boolean,
  ): { now: LensCell | null; last: LensCell | null; refusal: string } {
    const { of, layer, end, position } = looked;
    const answer = this.#answer && state.metric?.unit === "logits";
    const toward = answer ? "answer" : "top";
    const ask = { of, edited, layer, end, position, k: TOP, toward };
    const other = of === "b" ? state.other?.tokens.map(({ id }) => id) : null;
    const base = edited ? editedKey(state) : baselineKey(state);
    const key = `${base} ${JSON.stringify([ask, other, state.metric?.spec])}`;
    const current = !edited || state.outcome?.revision === state.revision;
    const now = current
      ? this.#fetches.get(key, (signal) => askCell(this.client, ask, { signal }))
      : null;
    const { last } = this.#fetches;
    // Of the same cell, an old picture is better than none; of another it would be a lie.
    const same = last?.layer === layer && last.end === end && last.position === position;
    return { now, last: same ? last : null, refusal: this.#fetches.refusal(key) };
  }

  #drawTokens({ tokens }: LensCell): void {
    this.#rebuildTokens(JSON.stringify(tokens), () => {
      const most = Math.max(
        ...tokens.map((t) => Math.max(t.probability, t.before?.probability ?? 0)),
      );
      return tokens.map((token) => {
        const { text, probability, logit, rank, before, followed } = token;
        const bar = (share: number, kind: string): HTMLElement => {
          const node = element("span", { class: `mw-bar-${kind}` });
          node.style.width = `${(100 * share) / Math.max(1e-9, most)}%`;
          return node;
        };
        const bars = element("span", { class: "mw-bars" });
        if (before) bars.append(bar(before.probability, "before"));
        bars.append(bar(probability, "after"));
        const was = before
          ? `, was ${percent(before.probability)}, logit ${plain(before.logit)}, rank ${before.rank}`
          : "";
        const words = `${visible(text)}: ${percent(probability)}, logit ${plain(logit)}, rank ${rank}${was}`;
        const row = element("div", {
          class: "mw-lens-token",
          role: "listitem",
          "aria-label": words,
          title: words,
          "data-followed": followed,
        });
        row.append(
          element("bdi", { class: "mw-lens-token-text" }, short(text, 13)),
          bars,
          element("span", { class: "mw-after" }, percent(probability)),
          element("span", { class: "mw-muted mw-after" }, plain(logit)),
          element("span", { class: "mw-muted mw-after" }, `#${rank.toLocaleString("en")}`),
        );
        return row;
      });
    });
  }

  #drawToward(state: SessionState): void {
    this.#toward.hidden = state.metric?.unit !== "logits";
    for (const node of Array.from(this.#toward.children)) {
      const on = ((node as HTMLElement).dataset.toward === "answer") === this.#answer;
      setAttributes(node, { "aria-pressed": String(on) });
    }
  }

  #drawWrote(scene: Scene, { wrote, toward, refusal }: LensCell): void {
    const [one, other] = toward.map((text) => short(text, 12));
    setText(this.#heading, `wrote for ${one} over ${other}`);
    this.#heading.title = `Direct attribution, logit of ${one} minus logit of ${other}`;
    const looked = scene.page.hover.component ?? scene.page.locked;
    const lit = looked ? componentKey(looked) : "";
    this.#rebuildWrote(JSON.stringify([wrote, refusal]), () => {
      if (!wrote) return [element("div", { class: "mw-muted" }, refusal)];
      const most = Math.max(1e-9, ...wrote.parts.map(({ value }) => Math.abs(value)));
      return wrote.parts.slice(0, SHOWN).map((part) => this.#part(part, most));
    });
    for (const node of Array.from(this.#wrote.children)) {
      const { part } = (node as HTMLElement).dataset;
      setAttributes(node, { "data-lit": part !== undefined && part === lit });
    }
    setText(this.#note, wrote ? noteOf(wrote) : "");
  }

  #part(part: CellPart, most: number): HTMLElement {
    const { component, value, bias } = part;
    const name = nameOf(part);
    const words = `${name}: ${signed(value)} logits`;
    const node = button(
      {
        class: "mw-lens-part",
        "aria-label": words,
        title: `${words}\nclick: use the armed tool on it`,
        "data-part": bias ? null : componentKey(component),
        "data-testid": `mw-lens-part-${componentKey(component).replaceAll(" ", "-")}`,
        disabled: bias,
      },
      () => this.actions.use(component),
    );
    const bar = element("span", { class: "mw-lens-bar", "data-negative": value < 0 });
    bar.style.width = `${(50 * Math.abs(value)) / most}%`;
    node.append(
      element("span", {}, name),
      element("span", { class: "mw-lens-track" }, bar),
      element("span", { class: "mw-after" }, signed(value)),
    );
    const look = (on: boolean): void => this.store.hover(on ? component : null);
    if (!bias) {
      node.addEventListener("pointerenter", () => look(true));
      node.addEventListener("pointerleave", () => look(false));
      node.addEventListener("focus", () => look(true));
      node.addEventListener("blur", () => look(false));
    }
    return node;
  }
}

function nameOf({ component, bias }: CellPart): string {
  const { layer, type } = component;
  if (type === "head") return `head ${layer}.${component.head}`;
  if (type === "mlp") return `MLP ${layer}`;
  return bias ? `bias of attention ${layer}` : `attention ${layer}`;
}

/** What the bars leave out, what they add up to, and under which convention. */
function noteOf(wrote: NonNullable<LensCell["wrote"]>): string {
  const left = wrote.parts.slice(SHOWN);
  const others = left.reduce((sum, { value }) => sum + value, wrote.others_value);
  const n = left.length + wrote.others;
  const parts = [
    n > 0 ? `${n} other components ${signed(others)}` : "",
    `embedding ${signed(wrote.embed)}`,
    `biases of the end ${signed(wrote.constant)}`,
    Math.abs(wrote.rest) >= 0.005 ? `other writes ${signed(wrote.rest)}` : "",
  ];
  const sum = `sum ${signed(wrote.total)} logits`;
  const convention = "direct attribution, final norm held at its scale here";
  return [...parts, sum, convention, wrote.note].filter(Boolean).join(" · ");
}
