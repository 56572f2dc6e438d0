// The continuation: what the model goes on to write after the prompt, the baseline above and the
// edited text below it. One calm line until it is asked for; then it writes, and writes anew after
// every edit while it is live.

import { button, element, icon, setAttributes, setText } from "../charts/dom";
import { count } from "../charts/format";
import type { SessionStore } from "../store/session-store";
import type { SessionState } from "../types";
import type { Continuation } from "../wire/continuation";
import type { SessionClient } from "../wire/session-client";
import { ContinuationDetails, type RowName } from "./continuation-details";
import { ContinuationRow, prose } from "./continuation-row";
import { ContinuationSettings, samplingOf } from "./continuation-settings";
import { ContinuationStream, questionOf } from "./continuation-stream";
import type { Pane, Scene } from "./pane";
import { standalone } from "./standalone";

const PREFIX_TOKENS = 4;

export class ContinuationPane implements Pane {
  readonly el = element("section", {
    class: "mw-pane mw-continuation",
    "aria-label": "Continuation",
    "data-testid": "mw-continuation",
  });
  readonly #stream: ContinuationStream;
  readonly #play: HTMLButtonElement;
  readonly #fold: HTMLButtonElement;
  readonly #settings: ContinuationSettings;
  readonly #baseline = this.#row("baseline");
  readonly #edited = this.#row("edited");
  readonly #details = new ContinuationDetails();
  readonly #facts = element("div", {
    class: "mw-muted mw-written-facts",
    role: "status",
    "data-testid": "mw-written-facts",
  });
  readonly #body: HTMLElement;
  #looked: { row: RowName; index: number } | null = null;
  #scene: Scene | null = null;

  constructor(
    client: SessionClient,
    private readonly store: SessionStore,
    private readonly invalidate: () => void,
    signal: AbortSignal,
  ) {
    this.#stream = new ContinuationStream(client, invalidate, signal);
    this.#settings = new ContinuationSettings(store, invalidate);
    this.#fold = button(
      { class: "mw-fold", "aria-expanded": "false", "data-testid": "mw-continuation-fold" },
      () => this.#toggle(),
      "Continuation",
    );
    this.#play = button(
      { class: "mw-icon-button mw-play", "data-testid": "mw-continuation-play" },
      () => this.#press(),
    );
    const head = element("div", { class: "mw-pane-head" }, element("h3", {}, this.#fold));
    head.append(this.#settings.open, element("span", { class: "mw-grow" }), this.#play);
    const rows = element("div", { class: "mw-written-rows" }, this.#baseline.el, this.#edited.el);
    this.#body = element("div", { class: "mw-written-body" }, rows, this.#facts, this.#details.el);
    this.el.append(head, this.#settings.el, this.#body);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { page } = scene;
    const wish = page.continuation;
    const known = scene.client.state;
    const stream = this.#stream;
    const key = known ? questionOf(known, samplingOf(wish)) : "";
    // What was asked for once is kept up to date; before that, nothing is.
    const follows = wish.open && wish.live && stream.asked !== "" && stream.phase !== "stopped";
    if (known && follows && scene.enabled && known.tokens.length > 0)
      stream.follow(key, samplingOf(wish));
    // A kernel that has gone writes no more; what it has written stays.
    if (scene.client.status === "gone" || scene.client.status === "mismatch") stream.stop();
    const writing = stream.phase === "writing";
    this.#settings.draw(scene);
    this.#drawHead(scene, writing);
    this.#body.hidden = !wish.open;
    setAttributes(this.el, {
      "data-stale": stream.text !== null && stream.key !== key,
      "aria-busy": writing ? "true" : null,
      "data-phase": stream.phase,
    });
    if (wish.open) this.#drawText(scene);
  }

  #drawHead({ page, enabled, state }: Scene, writing: boolean): void {
    const label = writing ? "Stop writing" : "Write on";
    if (this.#play.dataset.shows !== label) {
      this.#play.dataset.shows = label;
      this.#play.replaceChildren(icon(writing ? "stop" : "play"));
    }
    const empty = !state || state.tokens.length === 0;
    setAttributes(this.#play, {
      "aria-label": label,
      title: label,
      disabled: (!enabled || empty) && !writing,
    });
    setAttributes(this.#fold, { "aria-expanded": String(page.continuation.open) });
  }

  #drawText({ state }: Scene): void {
    const { text, phase, refusal } = this.#stream;
    const prefix = state ? prefixOf(state) : "";
    const edits = state?.interventions.filter(({ enabled }) => enabled).length ?? 0;
    const refused = phase === "refused";
    const looked = (row: RowName): number | null =>
      this.#looked && (this.#looked.row === row || text?.edited) ? this.#looked.index : null;
    const divergence = text?.divergence ?? null;
    this.#baseline.el.hidden = refused || !text;
    this.#edited.el.hidden = refused || !text?.edited;
    setAttributes(this.#baseline.el, { "data-alone": text?.edited === null });
    this.#baseline.draw("baseline", prefix, text?.baseline ?? [], divergence, looked("baseline"));
    const label = edits > 0 ? `edited · ${count(edits, "edit")}` : "edited";
    this.#edited.draw(label, prefix, text?.edited ?? [], divergence, looked("edited"));
    setText(this.#facts, refused ? refusal : factsOf(text, phase));
    setAttributes(this.#facts, {
      "data-error": refused,
      // Read out when it is done, not ten times a second.
      "aria-live": phase === "writing" ? "off" : "polite",
      title: text?.recomputes || null,
    });
    this.#details.el.hidden = refused;
    this.#details.draw(text, this.#looked);
  }

  #press(): void {
    const { state } = this.#scene?.client ?? { state: null };
    if (this.#stream.phase === "writing") {
      this.#stream.stop();
      return;
    }
    const wish = { ...this.store.value.continuation, open: true };
    this.store.set({ continuation: wish });
    if (state) this.#stream.start(questionOf(state, samplingOf(wish)), samplingOf(wish));
  }

  #toggle(): void {
    const wish = this.store.value.continuation;
    if (wish.open) this.#stream.stop();
    this.store.set({ continuation: { ...wish, open: !wish.open } });
  }

  #row(name: RowName): ContinuationRow {
    return new ContinuationRow(name, {
      look: (index) => {
        this.#looked = index === null ? null : { row: name, index };
        this.invalidate();
      },
    });
  }
}

/** The end of the prompt, so that the text has something to hang on. */
function prefixOf({ tokens }: SessionState): string {
  const shown = tokens.slice(-PREFIX_TOKENS).map(({ text }) => prose(text));
  return `${tokens.length > PREFIX_TOKENS ? "…" : ""}${shown.join("")}`;
}

export function factsOf(text: Continuation | null, phase: ContinuationStream["phase"]): string {
  if (!text) return phase === "writing" ? "Reading the prompt …" : "Press ▷ to write on.";
  const n = Math.max(text.baseline.length, text.edited?.length ?? 0);
  const { edited, divergence, perSecond } = text;
  const differs = divergence === null ? "both the same" : `differ from token ${divergence + 1}`;
  const parts = [
    count(n, "token"),
    edited === null ? "" : phase === "writing" && divergence === null ? "" : differs,
    perSecond === null ? "" : `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`,
    phase === "stopped" ? "stopped" : text.ended === "max_new_tokens" ? "" : text.ended,
  ];
  return parts.filter(Boolean).join(" · ");
}

export const continuation = standalone({
  name: "continuation",
  label: "continuation",
  panes: ({ client, store, invalidate, signal }) => [
    new ContinuationPane(client, store, invalidate, signal),
  ],
});
