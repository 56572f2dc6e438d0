// The live sessions of all kernels, in the panel. In: what the server tells of them. Out: a card for
// each, under the notebook that it is in; kernels that say nothing say why.

import { button, element } from "../charts/dom";
import type { KernelAnswer, SessionAnswer } from "./answers";
import { inWords } from "./connection";
import type { LiveSessions, Situation } from "./live-sessions";
import { Section } from "./panel-section";
import { redraw } from "./redraw";
import type { CardContext } from "./session-card";
import { sessionCard } from "./session-card";
import type { Settings } from "./settings";
import { fileName, silence } from "./words";

export class SessionsSection {
  readonly section = new Section("Live sessions", "mw-lab-sessions");
  readonly #unfolded = new Set<string>();
  #refused: string | null = null;

  constructor(
    private readonly live: LiveSessions,
    private readonly settings: Settings,
    private readonly openNotebook: (path: string) => void,
    signal: AbortSignal,
  ) {
    live.onChange(() => this.#draw(), signal);
    settings.onChange(() => this.#draw(), signal);
  }

  #draw(): void {
    const { kernels, trouble } = this.live.situation;
    if (trouble) this.section.fail(trouble, () => void this.live.refresh());
    else this.section.say(this.#refused ?? emptiness({ kernels, trouble }), this.#refused !== null);
    const telling = (kernels ?? []).filter((each) => each.sessions.length > 0 || silence(each));
    this.section.count(kernels ? sum(kernels) : null);
    this.section.body.toggleAttribute("data-old", Boolean(trouble));
    redraw(
      this.section.body,
      telling.map((kernel) => this.#group(kernel)),
    );
  }

  #group(kernel: KernelAnswer): HTMLElement {
    const { path } = kernel;
    const name = fileName(path);
    const busy = kernel.state === "busy" || kernel.execution_state === "busy";
    const title = path
      ? button(
          { class: "mw-lab-link", title: `Show ${path}`, "data-key": kernel.id },
          () => this.openNotebook(path),
          name,
        )
      : element("span", {}, name);
    const badge = element("span", { class: "mw-lab-busy", hidden: !busy }, "busy");
    const reason = silence(kernel);
    const context: CardContext = {
      act: (session, action, given) => this.#act(kernel, session, action, given),
      listed: this.settings.values.listedInterventions,
      unfolded: this.#unfolded,
      again: () => this.#draw(),
    };
    return element(
      "section",
      { class: "mw-lab-kernel", "data-testid": "mw-lab-kernel", "data-state": kernel.state },
      element("div", { class: "mw-lab-kernel-head" }, title, badge),
      ...(reason ? [element("p", { class: "mw-lab-none" }, reason)] : []),
      ...kernel.sessions.map((session) => sessionCard(kernel, session, context)),
    );
  }

  async #act(
    kernel: KernelAnswer,
    session: SessionAnswer,
    action: string,
    given?: { which?: number },
  ): Promise<void> {
    try {
      this.#refused = null;
      await this.live.act(kernel.id, session.id, action, given);
    } catch (error) {
      this.#refused = inWords(error);
      void this.live.refresh(); // what is shown may be the reason
      this.#draw();
    }
  }
}

const sum = (kernels: readonly KernelAnswer[]): number =>
  kernels.reduce((count, { sessions }) => count + sessions.length, 0);

function emptiness({ kernels }: Situation): string {
  if (kernels === null) return "Asking the kernels …";
  if (kernels.some((each) => each.sessions.length > 0 || silence(each))) return "";
  return "None yet. Show mw.Workbench(session) in a notebook, or start a new workbench.";
}
