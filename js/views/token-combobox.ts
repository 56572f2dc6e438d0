// A field for one token of the vocabulary: while a person types, the kernel says which tokens are
// meant, the likeliest first. In: a side of the metric. Out: the token that was chosen, or the text
// where Enter came before any answer; the kernel then says what is wrong with it.

import { element, setAttributes, setText } from "../charts/dom";
import { Floating } from "../charts/floating";
import { count, percent } from "../charts/format";
import { typed, visible } from "../charts/token-text";
import type { SessionClient } from "../wire/session-client";
import { type Found, type FoundToken, type KnownToken, searchVocabulary } from "../wire/vocabulary";
import { Fetches } from "./fetches";

const MOST = 50;
const PAGE = 8;
/** Found by one of these a token is what was typed; everything else has to be pointed at. */
const MEANT = new Set(["id", "exact", "spaced"]);

export interface Field {
  readonly label: string;
  readonly title: string;
  readonly testid: string;
  /** A person types again: what was said of the last try is over. */
  typing(): void;
  /** One of the list was taken. */
  choose(token: KnownToken): void;
  /** What was typed is to be taken as it is. */
  submit(): void;
  /** What was typed is to be forgotten. */
  restore(): void;
}

let fields = 0;

export class TokenCombobox {
  readonly input: HTMLInputElement;
  readonly el: HTMLElement;
  readonly #list = element("div", { class: "mw-options", role: "listbox" });
  readonly #foot = element("div", { class: "mw-options-foot mw-muted", role: "status" });
  readonly #floating: Floating;
  readonly #found: Fetches<Found>;
  /** What is looked for; null while the list is closed. */
  #query: string | null = null;
  #shown: Found | null = null;
  #active = -1;
  /** Typed and not yet agreed to: not to be painted over. */
  dirty = false;
  /** What was typed when Enter was pressed: leaving the field does not ask for it again. */
  #entered: string | null = null;

  constructor(
    private readonly client: SessionClient,
    private readonly field: Field,
    signal: AbortSignal,
  ) {
    fields += 1;
    this.#list.id = `mw-options-${fields}`;
    setAttributes(this.#list, { "aria-label": `${field.label}: tokens of the vocabulary` });
    this.input = element("input", {
      class: "mw-input mw-metric-input",
      type: "text",
      role: "combobox",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      placeholder: "none",
      "aria-label": field.label,
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      "aria-controls": this.#list.id,
      "aria-expanded": "false",
      "data-testid": field.testid,
      title: field.title,
    });
    const popup = element("div", {
      class: "mw-options-sheet",
      "data-testid": `${field.testid}-list`,
    });
    popup.append(this.#list, this.#foot);
    this.el = element("div", { class: "mw-combobox" }, this.input, popup);
    this.#floating = new Floating(popup, signal);
    this.#found = new Fetches(client, () => this.draw(), signal);
    this.#listen(popup);
    signal.addEventListener("abort", () => this.#close());
  }

  /** Nobody would answer. */
  close(): void {
    if (this.#query !== null) this.#close();
  }

  /** The list as it is known now; nothing while it is closed. */
  draw(): void {
    if (this.#query === null) return;
    const query = this.#query;
    const revision = this.client.state?.outcome?.revision ?? -1;
    const key = `${revision} ${query}`;
    const found = this.#found.get(key, (signal) =>
      searchVocabulary(this.client, query, MOST, { signal }),
    );
    const refusal = this.#found.refusal(key);
    const stale = found === null && refusal === "";
    this.#list.toggleAttribute("data-stale", stale);
    setAttributes(this.#list, { "aria-busy": stale ? "true" : null });
    if (found && found !== this.#shown) this.#fill(found, query);
    if (refusal) this.#list.replaceChildren();
    // The old words stay until there are new ones; that it takes long is said by the style.
    if (!stale) setText(this.#foot, refusal || footOf(found));
    this.#foot.toggleAttribute("data-searching", stale);
    this.#floating.show(this.input);
  }

  #listen(popup: HTMLElement): void {
    const { input, field } = this;
    input.addEventListener("input", () => {
      this.dirty = true;
      this.#entered = null;
      field.typing();
      // An input hides a leading space, and whether it is there decides which token is meant.
      if (input.value.startsWith(" ")) input.value = input.value.replace(/^ /, "·");
      this.#open();
    });
    input.addEventListener("change", () => {
      if (this.dirty && input.value !== this.#entered) field.submit();
    });
    input.addEventListener("click", () => this.#open());
    input.addEventListener("focus", () => input.select());
    input.addEventListener("blur", () => this.#close());
    input.addEventListener("keydown", (event) => this.#key(event));
    // The field keeps the focus: the list is pointed at, never entered.
    popup.addEventListener("pointerdown", (event) => event.preventDefault());
    popup.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", ({ target }) => {
      const at = this.#options.findIndex((option) => option.contains(target as Node));
      if (at >= 0) this.#choose(at);
    });
  }

  #open(): void {
    // What stands there already is no search: the likeliest tokens are the better offer.
    const query = this.dirty ? typed(this.input.value) : "";
    if (query === this.#query) return;
    this.#query = query;
    setAttributes(this.input, { "aria-expanded": "true" });
    this.draw();
  }

  #close(): void {
    this.#query = null;
    this.#shown = null;
    this.#found.cancel();
    this.#floating.hide();
    setAttributes(this.input, { "aria-expanded": "false", "aria-activedescendant": null });
  }

  #fill(found: Found, query: string): void {
    this.#shown = found;
    const offers: HTMLElement[] = found.pieces.length > 0 ? [this.#piecesOf(found)] : [];
    const options = found.matches.map((token) => this.#optionOf(token));
    this.#list.replaceChildren(...offers, ...options);
    this.#options.forEach((option, at) => {
      option.id = `${this.#list.id}-${at}`;
    });
    const [first] = found.matches;
    this.#point(query !== "" && first && MEANT.has(first.rule) ? 0 : -1);
  }

  /** What was typed is several tokens: which, and the first of them to be taken. */
  #piecesOf({ pieces }: Found): HTMLElement {
    const first = visible(pieces[0]?.text ?? "");
    const row = optionElement(`${pieces.length} tokens, take the first: ${first}`);
    row.classList.add("mw-option-pieces");
    const words = element("span", { class: "mw-option-words" }, `${pieces.length} tokens: `);
    for (const { text } of pieces)
      words.append(element("bdi", { class: "mw-piece" }, visible(text)));
    row.append(words, element("span", { class: "mw-option-take" }, "take ", bdi(first)));
    return row;
  }

  #optionOf({ id, text, special, probability, rule }: FoundToken): HTMLElement {
    const shown = visible(text);
    const share = probability === null ? "" : percent(probability);
    const row = optionElement(`${shown}, id ${id}${share ? `, probability ${share}` : ""}`);
    setAttributes(row, { "data-special": special, "data-rule": rule, title: shown });
    const bar = element("span", { class: "mw-option-bar", "aria-hidden": "true" });
    bar.style.setProperty("--mw-share", String(probability ?? 0));
    row.append(
      bdi(shown),
      element("span", { class: "mw-option-id mw-muted" }, String(id)),
      bar,
      element("span", { class: "mw-option-share" }, share),
    );
    return row;
  }

  get #options(): HTMLElement[] {
    return Array.from(this.#list.children) as HTMLElement[];
  }

  #point(at: number): void {
    const options = this.#options;
    options[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = at;
    const option = options[at];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView?.({ block: "nearest" });
    setAttributes(this.input, { "aria-activedescendant": option?.id ?? null });
  }

  #choose(at: number): void {
    const found = this.#shown;
    if (!found) return;
    const offers = found.pieces.length > 0 ? 1 : 0;
    const token = at < offers ? found.pieces[0] : found.matches[at - offers];
    if (!token) return;
    this.input.value = visible(token.text);
    this.dirty = false;
    this.#close();
    this.field.choose(token);
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const last = this.#options.length - 1;
    const steps: Record<string, () => number> = {
      ArrowDown: () => (this.#active >= last ? 0 : this.#active + 1),
      ArrowUp: () => (this.#active <= 0 ? last : this.#active - 1),
      PageDown: () => Math.min(last, this.#active + PAGE),
      PageUp: () => Math.max(0, this.#active - PAGE),
    };
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      if (this.#query === null) this.#open();
      else this.#point(step());
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#enter();
    } else if (event.key === "Escape") {
      event.preventDefault();
      // Esc here means this field, not the lock.
      event.stopPropagation();
      this.#close();
      this.field.restore();
      this.input.blur();
    }
  }

  #enter(): void {
    const current = this.#query !== null && !this.#list.hasAttribute("data-stale");
    if (current && this.#active >= 0) this.#choose(this.#active);
    else {
      this.#close();
      this.#entered = this.input.value;
      if (this.dirty) this.field.submit();
    }
  }
}

const bdi = (text: string): HTMLElement => element("bdi", { class: "mw-option-text" }, text);

const optionElement = (label: string): HTMLElement =>
  element("div", {
    class: "mw-option",
    role: "option",
    "aria-selected": "false",
    "aria-label": label,
  });

function footOf(found: Found | null): string {
  if (!found) return "";
  const { total, matches } = found;
  if (total === 0) return "no token contains this";
  const all = matches.length === total ? "" : `${matches.length} of `;
  return `${all}${count(total, "token")} · probability now`;
}
