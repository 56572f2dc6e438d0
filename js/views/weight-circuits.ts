// The circuits of one head, asked with one token: whom it attends to as a query, who attends to it as a
// key, what the head then says, and which tokens lie near it in the embedding; and the pairs of tokens
// that stand out among all. In: the head that is looked at, a token. Out: lists; a token that is
// pressed in one of them is the next to be asked with.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { count, signed } from "../charts/format";
import { typed, visible } from "../charts/token-text";
import type { SessionState } from "../types";
import type { TableWish } from "../wire/tables";
import { type KnownToken, searchVocabulary } from "../wire/vocabulary";
import {
  askHeadCircuit,
  askNearest,
  askPairs,
  type CircuitName,
  type HeadCircuit,
  type NearestTokens,
  type TokenPairs,
  type WeightToken,
} from "../wire/weights";
import { Fetches } from "./fetches";
import type { Scene } from "./pane";
import { RankedTokens } from "./ranked-tokens";
import type { Cast } from "./stage";
import { TokenCombobox } from "./token-combobox";
import { circuitConvention, OV_HINT, QK_HINT } from "./weight-words";

const K = 8;
/** Up to so many tokens all pairs are looked through unasked. */
const AT_ONCE = 8192;
const MOST_DISTANCE = 64;
const PAIRS = ["qk", "ov"] as const;
type Head = { layer: number; head: number };

export class WeightCircuits {
  readonly el = element("div", { class: "mw-weight-circuits", "data-testid": "mw-circuits" });
  readonly #title = element("h3", { "data-testid": "mw-circuits-head" });
  readonly #lock: HTMLButtonElement;
  readonly #facts = element("span", { class: "mw-muted mw-weight-facts" });
  readonly #field: TokenCombobox;
  readonly #note = element("span", { class: "mw-weight-note", role: "status" });
  readonly #distance = element("input", {
    class: "mw-input mw-weight-distance",
    type: "number",
    min: 0,
    max: MOST_DISTANCE,
    step: 1,
    value: 0,
    "aria-label": "Distance of the query from its key, in tokens",
    "data-testid": "mw-circuits-distance",
  });
  readonly #rotary = element("label", { class: "mw-weight-rotary mw-muted" });
  readonly #lists: Record<"keys" | "queries" | "raised" | "suppressed" | "nearest", RankedTokens>;
  readonly #pairLists: Record<CircuitName, RankedTokens>;
  readonly #pairButton: HTMLButtonElement;
  readonly #pairCount = element("span", { class: "mw-muted mw-progress" });
  readonly #convention = element("p", { class: "mw-notes mw-muted", "data-mw-convention": "" });
  readonly #empty = element("div", { class: "mw-empty mw-muted" });
  readonly #body = element("div", { class: "mw-weight-body" });
  readonly #circuits: Fetches<HeadCircuit>;
  readonly #near: Fetches<NearestTokens>;
  readonly #pairs: Record<CircuitName, Fetches<TokenPairs>>;
  #head: Head | null = null;
  #chosen: WeightToken | null = null;
  /** The token of the page at which one was chosen here: another one there is a newer wish. */
  #chosenAt: string | null = null;
  #token: WeightToken | null = null;
  /** For which head and model a person wants all pairs looked through. */
  #pairsFor = "";

  constructor(private readonly cast: Cast) {
    const { client, store, invalidate, signal } = cast;
    this.#circuits = new Fetches(client, invalidate, signal);
    this.#near = new Fetches(client, invalidate, signal);
    this.#pairs = {
      qk: new Fetches(client, invalidate, signal),
      ov: new Fetches(client, invalidate, signal),
    };
    this.#lock = button(
      { class: "mw-icon-button mw-lock", "data-testid": "mw-circuits-lock" },
      () => this.#head && store.lock({ type: "head", ...this.#head }),
      icon("pin"),
    );
    this.#field = new TokenCombobox(
      client,
      {
        label: "Token that the circuits are asked with",
        title: "Type to search; a leading · is a space, #12 an id. It follows the prompt’s token.",
        testid: "mw-circuits-token",
        typing: () => setText(this.#note, ""),
        choose: (token) => this.#choose(token),
        submit: () => void this.#submit(),
        restore: () => this.#restore(),
      },
      signal,
    );
    const list = (title: string, hint: string, name: string): RankedTokens =>
      new RankedTokens(title, hint, `mw-circuits-${name}`, (token) => this.#choose(token));
    this.#lists = {
      keys: list("QK · attends to", `QK, as a query. ${QK_HINT}`, "keys"),
      queries: list("QK · attended to by", `QK, as a key. ${QK_HINT}`, "queries"),
      raised: list("OV · raises", `OV. ${OV_HINT}`, "raised"),
      suppressed: list("OV · lowers", `OV. ${OV_HINT}`, "suppressed"),
      nearest: list("embedding · nearest", "Cosine of the embeddings", "nearest"),
    };
    this.#pairLists = {
      qk: list("QK · query → key", `The largest of all pairs. ${QK_HINT}`, "pairs-qk"),
      ov: list("OV · source → output", `The largest of all pairs. ${OV_HINT}`, "pairs-ov"),
    };
    this.#pairButton = button(
      { class: "mw-button", "data-testid": "mw-circuits-find-pairs" },
      () => {
        this.#pairsFor = this.#headKey;
        invalidate();
      },
      "find them",
    );
    this.#build();
  }

  /** True while something is on its way. */
  draw(scene: Scene, base: string): boolean {
    const { state, page, head } = scene;
    this.#head = head;
    if (!state || !head) {
      setText(this.#empty, state ? "This model has no attention heads." : "");
      this.#body.hidden = true;
      return false;
    }
    this.#follow(state, page.token);
    setText(this.#title, `Head ${head.layer}.${head.head}`);
    const locked = page.locked?.type === "head";
    setAttributes(this.#lock, {
      "aria-pressed": String(locked),
      "aria-label": locked ? "Unlock the head" : "Lock this head",
      title: locked ? "Unlock (Esc)" : "Keep this head here (L)",
    });
    this.#field.draw();
    this.#base = base;
    const circuit = this.#circuit(base, head);
    this.#drawCircuit(state, head, circuit.value);
    const waiting = this.#drawLists(circuit.value, base);
    setText(this.#empty, circuit.refusal || (this.#token ? "" : "Type a token to ask with."));
    this.#body.hidden = circuit.value === null && circuit.refusal !== "";
    const pairs = circuit.value ? this.#drawPairs(circuit.value, head, base) : false;
    return circuit.waiting || waiting || pairs;
  }

  get table(): TableWish {
    const { layer = 0, head = 0 } = this.#head ?? {};
    const token = this.#token?.id ?? null;
    const options = { of: "circuit", layer, head, token, distance: this.#far, k: K };
    return { view: "weights", options };
  }

  #base = "";

  get #far(): number {
    const wish = Math.round(this.#distance.valueAsNumber);
    return Number.isFinite(wish) ? Math.max(0, Math.min(MOST_DISTANCE, wish)) : 0;
  }

  get #headKey(): string {
    return `${this.#base} ${this.#head?.layer}.${this.#head?.head} ${this.#far}`;
  }

  /** The token of the page, until another one is chosen here. */
  #follow(state: SessionState, token: number | null): void {
    const at = token ?? state.tokens.length - 1;
    const shown = state.tokens[at];
    const key = `${at} ${shown?.id}`;
    if (this.#chosen && this.#chosenAt === null) this.#chosenAt = key;
    if (this.#chosen && this.#chosenAt !== key) this.#chosen = null;
    const next = this.#chosen ?? (shown ? { id: shown.id, text: shown.text } : null);
    if (next?.id === this.#token?.id) return;
    this.#token = next;
    if (!this.#field.dirty) this.#restore();
  }

  #circuit(
    base: string,
    head: Head,
  ): { value: HeadCircuit | null; waiting: boolean; refusal: string } {
    const token = this.#token;
    if (!base || !token) return { value: null, waiting: token !== null, refusal: "" };
    const ask = { ...head, token: token.id, distance: this.#far, k: K };
    const key = `${base} ${JSON.stringify(ask)}`;
    const now = this.#circuits.get(key, (signal) =>
      askHeadCircuit(this.cast.client, ask, { signal }),
    );
    const refusal = this.#circuits.refusal(key);
    const value = now ?? (refusal ? null : this.#circuits.last);
    return { value, waiting: !now && !refusal, refusal };
  }

  #drawCircuit({ model }: SessionState, { layer, head }: Head, circuit: HeadCircuit | null): void {
    const shares = (model.heads[layer] ?? 0) / Math.max(1, model.kv_heads[layer] ?? 0);
    const first = Math.floor(head / shares) * shares;
    const facts = [
      circuit?.copying === null || circuit === null
        ? ""
        : `copying ${signed(circuit.copying)} (1 copies, −1 suppresses)`,
      shares > 1 && Number.isInteger(shares)
        ? `keys and values shared by ${layer}.${first} to ${layer}.${first + shares - 1}`
        : "",
    ];
    setText(this.#facts, facts.filter(Boolean).join(" · "));
    this.#rotary.hidden = !circuit?.rotates;
    setText(this.#convention, circuit ? circuitConvention(circuit) : "");
  }

  #drawLists(circuit: HeadCircuit | null, base: string): boolean {
    for (const name of ["keys", "queries", "raised", "suppressed"] as const) {
      const why = name === "keys" || name === "queries" ? circuit?.qkReason : circuit?.ovReason;
      const rows = circuit?.[name]?.map(({ value, ...token }) => ({ tokens: [token], value }));
      this.#lists[name].draw(rows ?? null, why ? `None: ${why}` : "");
    }
    if (!this.#token || !base) return false;
    const { id } = this.#token;
    const key = `${base} near ${id}`;
    const near = this.#near.get(key, (signal) => askNearest(this.cast.client, id, K, { signal }));
    const refusal = this.#near.refusal(key);
    const shown = near ?? (refusal ? null : this.#near.last);
    const rows = shown?.nearest.map(({ value, ...token }) => ({ tokens: [token], value }));
    this.#lists.nearest.draw(rows ?? null, refusal);
    return !near && !refusal;
  }

  /** The pairs that stand out: of a small vocabulary at once, of a large one when asked for. */
  #drawPairs(circuit: HeadCircuit, head: Head, base: string): boolean {
    const wanted = circuit.vocabulary <= AT_ONCE || this.#pairsFor === this.#headKey;
    this.#pairButton.hidden = wanted;
    let waiting = false;
    const said: string[] = [];
    for (const name of PAIRS) {
      const why = name === "qk" ? circuit.qkReason : circuit.ovReason;
      const ask = { ...head, circuit: name, distance: this.#far, k: K };
      const key = `${base} pairs ${JSON.stringify(ask)}`;
      const fetches = this.#pairs[name];
      const found =
        why || !wanted || !base
          ? null
          : fetches.get(key, (signal) => askPairs(this.cast.client, ask, { signal }));
      const refusal = why ? `None: ${why}` : fetches.refusal(key);
      const rows = found?.pairs.map(({ first, second, value }) => ({
        tokens: [first, second],
        value,
      }));
      this.#pairLists[name].draw(rows ?? null, refusal || (wanted ? "looking …" : ""));
      waiting ||= wanted && !found && !refusal;
      if (found) said[0] = `of ${count(found.looked, "pair")}`;
    }
    const all = circuit.vocabulary ** 2;
    setText(this.#pairCount, said[0] ?? (wanted ? "" : `of ${count(all, "pair")}`));
    return waiting;
  }

  #choose(token: KnownToken | WeightToken): void {
    this.#chosen = { id: token.id, text: token.text };
    this.#chosenAt = null;
    this.#field.dirty = false;
    setText(this.#note, "");
    this.cast.invalidate();
  }

  /** Enter before any answer: what was typed has to be one token. */
  async #submit(): Promise<void> {
    const text = typed(this.#field.input.value);
    try {
      const found = await searchVocabulary(this.cast.client, text, 1);
      const [token] = found.matches;
      if (token && ["id", "exact", "spaced"].includes(token.rule)) this.#choose(token);
      else setText(this.#note, `“${visible(text)}” is not one token`);
    } catch (error) {
      setText(this.#note, error instanceof Error ? error.message : String(error));
    }
  }

  #restore(): void {
    this.#field.dirty = false;
    setText(this.#note, "");
    const text = this.#token ? visible(this.#token.text) : "";
    if (this.#field.input.value !== text) this.#field.input.value = text;
  }

  #build(): void {
    const head = element("div", { class: "mw-weight-line" }, this.#title, this.#lock, this.#facts);
    this.#rotary.append("query after key by ", this.#distance);
    this.#rotary.title = "Rotary positions turn queries and keys by how far apart they stand";
    this.#distance.addEventListener("input", () => this.cast.invalidate());
    const asked = element("div", { class: "mw-weight-line" });
    asked.append(
      element("span", { class: "mw-muted" }, "the token"),
      this.#field.el,
      this.#note,
      element("span", { class: "mw-grow" }),
      this.#rotary,
    );
    const lists = element("div", { class: "mw-ranked-lists" });
    lists.append(...Object.values(this.#lists).map(({ el }) => el));
    const pairs = element("div", { class: "mw-weight-line mw-weight-pairs" });
    pairs.append(element("h4", {}, "Pairs that stand out"), this.#pairCount, this.#pairButton);
    const pairLists = element("div", { class: "mw-ranked-lists mw-ranked-pairs" });
    pairLists.append(...Object.values(this.#pairLists).map(({ el }) => el));
    this.#body.append(lists, pairs, pairLists, this.#convention);
    this.el.append(head, asked, this.#empty, this.#body);
  }
}
