// The tokens of the prompt as a list that is selected from: click, Shift-click, Ctrl-click, drag, or
// the arrow keys. What is selected is what the next edit is about. In: scenes. Out: positions and what
// is pointed at, in the page's store. However long the prompt, pointing redraws two tokens.

import { element, keyed, setAttributes } from "../charts/dom";
import type { SessionStore } from "../store/session-store";
import type { OtherPromptJson, TokenJson } from "../types";
import type { Scene } from "./pane";
import { clicked, type Positions, range, toggled } from "./positions";
import { columnsOf } from "./token-columns";
import { type Detail, TokenDetail } from "./token-detail";

const KEYS =
  "Arrow keys move, with Shift they select a range. Space adds a token or takes it away, Enter takes it alone, Escape selects none.";

/** So near to the edge, in pixels, a drag scrolls. */
const EDGE = 14;

let lists = 0;

/** What a token may be marked as, and by which attribute. */
type Mark = "aria-selected" | "data-detail" | "data-lit" | "data-read";

export class TokenList {
  readonly el: HTMLElement;
  readonly #list: HTMLElement;
  readonly #detail: TokenDetail;
  readonly #rebuild: ReturnType<typeof keyed>;
  #prompts: { tokens: readonly TokenJson[]; other: OtherPromptJson | null } = {
    tokens: [],
    other: null,
  };
  #tokens: readonly HTMLElement[] = [];
  readonly #marked = new Map<Mark, Positions>();
  /** Where a range starts; a drag goes on while the pointer is down. */
  #anchor = 0;
  #dragging = false;
  #dragged = false;

  constructor(
    private readonly store: SessionStore,
    private readonly onEdit: () => void,
    signal: AbortSignal,
  ) {
    lists += 1;
    const keys = `mw-token-keys-${lists}`;
    this.#list = element("div", {
      class: "mw-tokens",
      role: "listbox",
      "aria-label": "Prompt tokens: what is selected is what the next edit is about",
      "aria-describedby": keys,
      "aria-multiselectable": "true",
    });
    this.#detail = new TokenDetail(signal);
    this.#rebuild = keyed(this.#list);
    this.el = element("div", { class: "mw-token-list" }, this.#list, this.#detail.el);
    this.el.append(element("p", { id: keys, hidden: true }, KEYS));
    this.#listen(signal);
  }

  /** Whether the tokens take more room than there is. */
  get overflows(): boolean {
    return this.#list.scrollHeight > this.#list.clientHeight + 4;
  }

  /** Draws the scene; true where there are other tokens than before. */
  draw({ state, page }: Scene): boolean {
    const tokens = state?.tokens ?? [];
    const other = state?.other ?? null;
    const others = this.#follow(tokens, other);
    this.#mark(
      "data-read",
      tokens.length > 0 ? [state?.outcome?.position ?? tokens.length - 1] : [],
    );
    this.#mark("data-detail", page.token === null ? [] : [page.token]);
    this.#mark("data-lit", page.hover.token === null ? [] : [page.hover.token]);
    this.#mark("aria-selected", page.positions);
    return others;
  }

  #follow(tokens: readonly TokenJson[], other: OtherPromptJson | null): boolean {
    const before = this.#prompts;
    if (tokens === before.tokens && other === before.other) return false;
    this.#prompts = { tokens, other };
    const key = JSON.stringify([tokens, other]);
    if (!this.#rebuild(key, () => columnsOf(tokens, other))) return false;
    this.#tokens = Array.from(this.#list.querySelectorAll<HTMLElement>("[data-token]"));
    this.#list.toggleAttribute("data-two", other !== null);
    this.#marked.clear();
    this.#detail.hide();
    return true;
  }

  #mark(mark: Mark, positions: Positions): void {
    const before = this.#marked.get(mark) ?? [];
    if (before === positions || (before.length === 0 && positions.length === 0)) return;
    const now = new Set(positions);
    const was = new Set(before);
    for (const index of before) if (!now.has(index)) this.#write(mark, index, false);
    for (const index of positions) if (!was.has(index)) this.#write(mark, index, true);
    this.#marked.set(mark, positions);
  }

  #write(mark: Mark, index: number, on: boolean): void {
    const token = this.#tokens[index];
    if (!token) return;
    setAttributes(token, { [mark]: mark === "aria-selected" ? String(on) : on });
    // Its partner in prompt B lights up with it.
    if (mark === "data-lit" && token.parentElement?.classList.contains("mw-token-column"))
      token.parentElement.toggleAttribute("data-lit", on);
  }

  #listen(signal: AbortSignal): void {
    const list = this.#list;
    list.addEventListener("pointerdown", (event) => this.#press(event));
    list.addEventListener("click", (event) => this.#click(event));
    list.addEventListener("dblclick", () => this.onEdit());
    list.addEventListener("pointerover", (event) => this.#point(event.target));
    list.addEventListener("pointermove", (event) => this.#pull(event));
    list.addEventListener("pointerleave", () => {
      this.store.hover(null, null);
      this.#detail.hide();
    });
    const scrolled = (): void => {
      this.#detail.hide();
      this.el.toggleAttribute("data-scrolled", list.scrollTop > 2);
    };
    list.addEventListener("scroll", scrolled, { passive: true });
    list.addEventListener("focusin", (event) => this.#focus(event.target));
    list.addEventListener("focusout", () => this.#detail.hide());
    list.addEventListener("keydown", (event) => this.#key(event));
    // Firefox clicks a button when Space is let go, whatever was said when it went down.
    list.addEventListener("keyup", (event) => {
      if (event.key === " ") event.preventDefault();
    });
    const drop = (): void => {
      this.#dragging = false;
    };
    globalThis.addEventListener("pointerup", drop, { signal });
    globalThis.addEventListener("pointercancel", drop, { signal });
    signal.addEventListener("abort", () => this.#detail.hide());
  }

  #point(target: EventTarget | null): void {
    const index = this.#indexOf(target);
    this.store.hover(null, index);
    const detail = this.#detailOf(target);
    if (detail && !this.#dragging) this.#detail.show(...detail);
    else this.#detail.hide();
    if (!this.#dragging || index === null || index === this.#anchor) return;
    this.#dragged = true;
    this.#select(range(this.#anchor, index), index);
  }

  /** A drag that comes to the edge goes on beyond it. */
  #pull({ clientY }: PointerEvent): void {
    if (!this.#dragging) return;
    const { top, bottom } = this.#list.getBoundingClientRect();
    if (clientY > bottom - EDGE) this.#list.scrollTop += EDGE;
    else if (clientY < top + EDGE) this.#list.scrollTop -= EDGE;
  }

  #focus(target: EventTarget | null): void {
    const index = this.#indexOf(target);
    if (index === null) return;
    this.#list.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    this.#tokens[index]?.setAttribute("tabindex", "0");
    const detail = this.#detailOf(target);
    if (detail && isKeyboardFocus(target)) this.#detail.show(...detail);
  }

  #press(event: PointerEvent): void {
    const index = this.#indexOf(event.target);
    this.#dragged = false;
    if (index === null || event.button !== 0 || event.shiftKey) return;
    this.#dragging = event.pointerType === "mouse";
    this.#anchor = index;
  }

  #click(event: MouseEvent): void {
    const index = this.#indexOf(event.target);
    if (index === null || this.#dragged) return;
    const { positions } = this.store.value;
    if (event.shiftKey) this.#select(range(this.#anchor, index), index);
    else {
      this.#anchor = index;
      const more = event.ctrlKey || event.metaKey;
      this.#select(more ? toggled(positions, index) : clicked(positions, index), index);
    }
  }

  #select(positions: Positions, index: number): void {
    this.store.set({ positions, token: positions.includes(index) ? index : null });
  }

  #key(event: KeyboardEvent): void {
    const index = this.#indexOf(event.target);
    if (index === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const { positions } = this.store.value;
    if (event.key === " ") {
      this.#anchor = index;
      this.#select(toggled(positions, index), index);
    } else if (event.key === "Escape" && (positions.length > 0 || this.#detail.open)) {
      // Esc here means what is selected here, not the lock.
      event.stopPropagation();
      this.#detail.hide();
      this.store.set({ positions: [], token: null });
    } else {
      const to = this.#next(event.key, index);
      if (to === null) return;
      this.#tokens[to]?.focus();
      if (event.shiftKey) this.#select(range(this.#anchor, to), to);
      else this.#anchor = to;
    }
    event.preventDefault();
  }

  #next(key: string, index: number): number | null {
    const last = this.#tokens.length - 1;
    const steps: Record<string, () => number> = {
      ArrowLeft: () => Math.max(0, index - 1),
      ArrowRight: () => Math.min(last, index + 1),
      ArrowUp: () => this.#line(index, -1),
      ArrowDown: () => this.#line(index, 1),
      Home: () => 0,
      End: () => last,
    };
    return steps[key]?.() ?? null;
  }

  /** The token above or under one: the nearest of the next line that way. */
  #line(index: number, way: 1 | -1): number {
    const from = this.#tokens[index]?.getBoundingClientRect();
    if (!from) return index;
    const middle = from.left + from.width / 2;
    let best = index;
    let distance = Number.POSITIVE_INFINITY;
    let line: number | null = null;
    for (let at = index + way; at >= 0 && at < this.#tokens.length; at += way) {
      const box = (this.#tokens[at] as HTMLElement).getBoundingClientRect();
      if (Math.abs(box.top - from.top) < 2) continue;
      line ??= box.top;
      if (Math.abs(box.top - line) > 2) break;
      const apart = Math.abs(box.left + box.width / 2 - middle);
      if (apart < distance) [best, distance] = [at, apart];
    }
    return best;
  }

  /** The position of the prompt that an element stands at: in it, or under it. */
  #indexOf(target: EventTarget | null): number | null {
    if (!(target instanceof Element)) return null;
    const own = target.closest<HTMLElement>("[data-token]");
    const above = () =>
      target.closest(".mw-token-column")?.querySelector<HTMLElement>("[data-token]");
    const node = own ?? above() ?? null;
    return node ? Number(node.dataset.token) : null;
  }

  #detailOf(target: EventTarget | null): [Element, Detail] | null {
    if (!(target instanceof Element)) return null;
    const { tokens, other } = this.#prompts;
    const under = target.closest<HTMLElement>("[data-other]");
    if (under && other) {
      const index = Number(under.dataset.other);
      const above = other.pairs.find(([, there]) => there === index)?.[0] ?? null;
      const token = above === null ? null : (tokens[above] ?? null);
      const partner = token?.id === other.tokens[index]?.id ? null : { prompt: "A", token };
      return [under, { tokens: other.tokens, index, prompt: "B", partner }];
    }
    const node = target.closest<HTMLElement>("[data-token]");
    if (!node) return null;
    const index = Number(node.dataset.token);
    return [node, { tokens, index, prompt: "", partner: this.#partnerOf(index) }];
  }

  #partnerOf(index: number): Detail["partner"] {
    const { tokens, other } = this.#prompts;
    if (!other) return null;
    const there = other.pairs.find(([here]) => here === index)?.[1] ?? null;
    const token = there === null ? null : (other.tokens[there] ?? null);
    return token?.id === tokens[index]?.id ? null : { prompt: "B", token };
  }
}

/** A click focuses too, and is followed by what the pointer shows. */
const isKeyboardFocus = (target: EventTarget | null): boolean =>
  target instanceof Element && target.matches(":focus-visible");
