// Long sweeps, announced: how far they are, and a way to cancel. In: the live sessions. Out: one
// notification for each sweep that takes longer than a person's settings say.

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import type { KernelAnswer, SessionAnswer } from "./answers";
import { inWords } from "./connection";
import type { Situation } from "./live-sessions";
import { IServices, type Services } from "./services";

/** The part of JupyterLab's notifications that is used here. */
export interface Notices {
  emit(message: string, type: string, options?: Record<string, unknown>): string;
  update(options: Record<string, unknown>): boolean;
  dismiss(id: string): void;
}

interface Seen {
  since: number;
  notice: string | null;
}

export class SweepNotices {
  readonly #seen = new Map<string, Seen>();

  constructor(
    private readonly notices: Notices,
    private readonly seconds: () => number,
    private readonly cancel: (kernel: string, session: string) => void,
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  take({ kernels, trouble }: Situation): void {
    if (trouble) return; // what was seen last may still run
    const underway = new Set<string>();
    for (const kernel of kernels ?? []) {
      for (const session of kernel.sessions) {
        if (session.sweep) underway.add(this.#one(kernel, session));
      }
    }
    for (const [key, { notice }] of this.#seen) {
      if (underway.has(key)) continue;
      if (notice) this.notices.dismiss(notice);
      this.#seen.delete(key);
    }
  }

  #one(kernel: KernelAnswer, session: SessionAnswer): string {
    const key = `${kernel.id} ${session.id}`;
    const seen = this.#seen.get(key) ?? { since: this.now(), notice: null };
    this.#seen.set(key, seen);
    const { done, total } = session.sweep ?? { done: 0, total: 1 };
    const message = `Sweep over ${session.model.name}: ${done} of ${total}`;
    const progress = total > 0 ? done / total : 0;
    if (seen.notice !== null) this.notices.update({ id: seen.notice, message, progress });
    else if (this.now() - seen.since >= this.seconds()) {
      seen.notice = this.notices.emit(message, "in-progress", {
        autoClose: false,
        progress,
        actions: [{ label: "Cancel", callback: () => this.cancel(kernel.id, session.id) }],
      });
    }
    return key;
  }
}

export const sweepNotices: JupyterFrontEndPlugin<void> = {
  id: "mechwidget:sweep-notices",
  description: "Says how far long sweeps are, and cancels them.",
  autoStart: true,
  requires: [IServices],
  activate: (_app, { live, settings }: Services): void => {
    if (!live) return;
    const cancel = (kernel: string, session: string): void => {
      live.act(kernel, session, "cancel_sweep").catch((error) => {
        Notification.error(inWords(error));
      });
    };
    const notices = new SweepNotices(Notification, () => settings.values.sweepSeconds, cancel);
    live.onChange((situation) => notices.take(situation));
  },
};
