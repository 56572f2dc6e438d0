// The sections that other extensions add to the panel. In: the registry and the live sessions. Out: a
// section for each; one that throws says so in its own place.

import { element } from "../charts/dom";
import { inWords } from "./connection";
import type { LiveSessions } from "./live-sessions";
import { Section } from "./panel-section";
import type { LiveSession, PanelView, Registry } from "./registry";

type Listener = (sessions: readonly LiveSession[]) => void;

export class OthersSections {
  readonly #shown = new Map<string, AbortController>();

  constructor(
    private readonly el: HTMLElement,
    private readonly registry: Registry,
    private readonly live: LiveSessions | null,
    private readonly signal: AbortSignal,
  ) {
    registry.onChange(() => this.#draw(), signal);
    this.#draw();
  }

  #draw(): void {
    for (const scope of this.#shown.values()) scope.abort();
    this.#shown.clear();
    this.el.replaceChildren(...this.registry.views.map((view) => this.#section(view)));
  }

  #section(view: PanelView): HTMLElement {
    const scope = new AbortController();
    this.#shown.set(view.id, scope);
    const section = new Section(view.title, `mw-lab-view-${view.id}`);
    const signal = AbortSignal.any([scope.signal, this.signal]);
    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        section.say(`This view could not be drawn: ${inWords(error)} (${view.id})`, true);
      }
    };
    const onSessions = (listener: Listener): void => {
      const tell = () => guarded(() => listener(this.#sessions()));
      this.live?.onChange(tell, signal);
      tell();
    };
    const inside = element("div", {});
    section.body.append(inside);
    guarded(() => view.render(inside, { signal, onSessions }));
    return section.el;
  }

  #sessions(): LiveSession[] {
    return (this.live?.situation.kernels ?? []).flatMap(({ id, path, sessions }) =>
      sessions.map((session) => ({ kernel: id, path, session })),
    );
  }
}
