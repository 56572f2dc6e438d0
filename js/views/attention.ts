// The attention pattern of the head under the pointer, or of the locked one: before the edits,
// after them, or the change. The readout says in words what the pointer is on.

import { AttentionMatrix, pictureHeight } from "../charts/attention-matrix";
import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { plain, signed } from "../charts/format";
import type { Cell } from "../charts/grid-keys";
import { Legend } from "../charts/legend";
import { short } from "../charts/token-text";
import type { SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import { type AttentionValues, attentionValues, type Moment } from "./attention-values";
import type { Pane, Scene } from "./pane";
import type { Patterns } from "./patterns";

const MOMENTS: Record<Moment, { text: string; title: string }> = {
  before: { text: "before", title: "The baseline, with no edits" },
  after: { text: "after", title: "With the edits that are switched on" },
  change: { text: "change", title: "After minus before" },
};

export function attention(
  store: SessionStore,
  patterns: Patterns,
  invalidate: () => void,
  signal: AbortSignal,
): Pane {
  let moment: Moment = "after";
  let cell: Cell | null = null;
  let scene: Scene | null = null;
  const title = element("h3", {});
  const facts = element("span", { class: "mw-muted mw-facts" });
  const lock = button(
    { class: "mw-button mw-lock", "data-testid": "mw-attention-lock" },
    () => toggleLock(),
    icon("pin"),
    element("span", {}),
  );
  const moments = element("div", {
    class: "mw-segments",
    role: "group",
    "aria-label": "Which pattern",
  });
  for (const [value, { text, title }] of Object.entries(MOMENTS)) {
    const choose = (): void => {
      moment = value as Moment;
      invalidate();
    };
    moments.append(
      button({ "data-moment": value, "data-testid": `mw-attention-${value}`, title }, choose, text),
    );
  }
  const head = element("div", { class: "mw-pane-head" }, title, lock, facts);
  head.append(element("span", { class: "mw-grow" }), moments);
  const readout = element("div", { class: "mw-readout", "data-testid": "mw-attention-readout" });
  const empty = element("div", { class: "mw-empty mw-muted" });
  const legend = new Legend();
  const el = element("section", {
    class: "mw-pane mw-attention",
    "aria-label": "Attention pattern",
    "data-testid": "mw-attention",
  });
  const matrix = new AttentionMatrix(
    {
      enter(at) {
        cell = at;
        store.set({ hover: { component: null, token: at.row } });
        invalidate();
      },
      leave() {
        cell = null;
        store.set({ hover: { component: null, token: null } });
        invalidate();
      },
      press(at) {
        store.set({ token: at.row });
        if (!store.value.locked) toggleLock();
      },
    },
    signal,
  );
  const holder = element("div", { class: "mw-matrix-holder" }, matrix.el, empty);
  el.append(head, readout, holder, legend.el);

  function toggleLock(): void {
    const { locked } = store.value;
    if (locked) store.lock(null);
    else if (scene?.head) store.lock({ type: "head", ...scene.head });
  }
  function draw(next: Scene): void {
    scene = next;
    const { state, head: at, page } = next;
    drawHead(next);
    const values =
      state && at ? attentionValues(patterns, state, at, page.baseline ? "before" : moment) : null;
    const shows = values?.pattern && state ? values : null;
    el.toggleAttribute("data-waiting", values?.waiting ?? false);
    matrix.el.hidden = !shows;
    setText(empty, shows ? "" : emptyText(next, values));
    // The room of the picture is kept while it is on its way.
    const kept = state && at ? pictureHeight(state.tokens.length, room(holder)) : 0;
    holder.style.minHeight = `${kept}px`;
    legend.el.style.visibility = shows ? "visible" : "hidden";
    if (!shows || !state || !at) {
      setText(readout, " ");
      return;
    }
    const name = `${at.layer}.${at.head}`;
    const tokens = state.tokens;
    const inside = cell && cell.row < tokens.length ? cell : null;
    matrix.draw({
      label: `Attention of head ${name}, ${shows.moment}: queries down, keys across`,
      tokens,
      scale: shows.moment === "change" ? "diverging" : "ink",
      theme: next.theme,
      max: shows.max,
      room: room(holder),
      lit: page.hover.token ?? page.token,
      cell: inside,
      value: shows.value,
      stamp: [shows.pattern, shows.moment, state.tokens.length],
      describe: ({ row, column }) => sentence(state, shows, row, column),
    });
    legend.draw({
      scale: shows.moment === "change" ? "diverging" : "ink",
      theme: next.theme,
      from: shows.moment === "change" ? -shows.max : 0,
      to: shows.max,
      low: shows.moment === "change" ? plain(-shows.max) : "0",
      high: shows.moment === "change" ? signed(shows.max) : plain(shows.max),
      label:
        shows.moment === "change"
          ? "Change of attention, after minus before"
          : "Attention, share of 1 per query",
    });
    setText(
      readout,
      inside
        ? sentence(state, shows, inside.row, inside.column)
        : resting(state, shows, page.token),
    );
  }

  function drawHead({ state, head: at, page, values, marks }: Scene): void {
    setText(title, at ? `Head ${at.layer}.${at.head}` : "Attention");
    const locked = page.locked !== null;
    setAttributes(lock, {
      "aria-pressed": String(locked),
      "aria-label": locked ? "Unlock the head" : "Lock this head",
      title: locked
        ? "Unlock (Esc): the pattern follows the pointer again"
        : "Keep this head here (L, or click the pattern)",
      disabled: !at,
    });
    setText(lock.lastElementChild as HTMLElement, locked ? "locked · Esc" : "lock");
    const ablated = at ? marks.head(at.layer, at.head) === "whole" : false;
    const effect = at ? values.effect(at.layer, at.head) : Number.NaN;
    const unit = values.effects?.unit ?? "";
    const known =
      !Number.isNaN(effect) && unit === "logits" ? `effect ${signed(effect)} logits` : "";
    setText(facts, [known, ablated ? "ablated" : ""].filter(Boolean).join(" · "));
    const edited = state?.interventions.some((item) => item.enabled) ?? false;
    for (const node of Array.from(moments.children)) {
      const value = (node as HTMLElement).dataset.moment as Moment;
      const on = value === (edited ? (page.baseline ? "before" : moment) : "before");
      setAttributes(node, { "aria-pressed": String(on), disabled: !edited });
    }
    moments.style.visibility = edited ? "visible" : "hidden";
  }

  return { el, draw };
}

function room(holder: HTMLElement): { width: number; height: number } {
  const width = Math.max(220, holder.clientWidth || 480);
  return { width, height: Math.max(320, Math.min(680, width * 0.8)) };
}

function emptyText({ state, head }: Scene, values: AttentionValues | null): string {
  if (!state) return "";
  if (state.model.heads.every((n) => n === 0)) return "This model has no attention patterns.";
  if (state.tokens.length === 0) return "Type a prompt to see what its tokens attend to.";
  if (!head) return "Point at a head to see what it attends to.";
  return values?.refusal ?? "";
}

const named = (state: SessionState, index: number): string =>
  `${short(state.tokens[index]?.text ?? "", 24)} (${index})`;

function sentence(state: SessionState, shows: AttentionValues, query: number, key: number): string {
  const reads = `query ${named(state, query)} reads ${named(state, key)}`;
  const value = shows.value(query, key);
  return shows.moment === "change" ? `${reads} ${signed(value)}` : `${reads} ${plain(value)}`;
}

/** With nothing under the pointer: what the query of interest reads most. */
function resting(state: SessionState, shows: AttentionValues, token: number | null): string {
  if (shows.moment !== "before" && shows.unchanged) return "The edits do not change this pattern.";
  const query = Math.min(token ?? state.tokens.length - 1, state.tokens.length - 1);
  let most = 0;
  for (let key = 1; key <= query; key++) {
    if (Math.abs(shows.value(query, key)) > Math.abs(shows.value(query, most))) most = key;
  }
  return `${sentence(state, shows, query, most)} · the ${shows.moment === "change" ? "largest change" : "most"}`;
}
