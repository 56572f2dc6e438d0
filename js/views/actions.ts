// What a click means, given what is already there: ablate, switch on again, or restore.

import type { ComponentJson, InterventionJson } from "../types";
import { isAblationOf } from "../types";
import type { SessionClient } from "../wire/session-client";

export class Actions {
  constructor(
    private readonly client: SessionClient,
    private readonly allowed: () => boolean,
  ) {}

  /** Ablates a component, or restores it. One that is listed but switched off is switched on. */
  toggle(component: ComponentJson): void {
    if (!this.allowed()) return;
    const listed = this.find(component);
    if (listed && !listed.enabled && listed.id !== null)
      void this.client.setEnabled(listed.id, true);
    else void this.client.toggle(component);
  }

  find(component: ComponentJson): InterventionJson | undefined {
    return this.client.shown?.interventions.find((item) => isAblationOf(item, component));
  }

  clear(): void {
    if (this.allowed() && this.client.shown?.interventions.length) void this.client.clear();
  }

  undo(): void {
    if (this.allowed() && this.client.shown?.can_undo) void this.client.undo();
  }

  redo(): void {
    if (this.allowed() && this.client.shown?.can_redo) void this.client.redo();
  }
}
