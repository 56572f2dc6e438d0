// What a click means, given the armed tool, the selected positions and what is already there: do it,
// switch it on again, or take it away.

import type { SessionStore } from "../store/session-store";
import type { ComponentJson, EditJson, InterventionJson } from "../types";
import { clickable, isEdit } from "../types";
import type { SessionClient } from "../wire/session-client";
import { editOf } from "./tools";

export class Actions {
  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    readonly allowed: () => boolean,
  ) {}

  /** Uses the armed tool on a component. What is listed but switched off is switched on. */
  use(component: ComponentJson): void {
    const edit = editOf(this.store.value, this.client.shown, component);
    if (edit === null) {
      if (component.type === "head") this.store.lock(component);
      return;
    }
    this.perform(edit);
  }

  /** Does an edit that a view has thought out itself; takes it away where it is listed. */
  perform(edit: EditJson): void {
    if (!this.allowed()) return;
    const listed = this.#listed(edit);
    const zeroed =
      edit.type === "ablate" && edit.mode === "zero" ? clickable(edit.component) : null;
    if (listed && listed.id !== null && !listed.enabled)
      void this.client.setEnabled(listed.id, true);
    else if (zeroed) void this.client.toggle(zeroed);
    // By its id: it may have another strength by now, or another prompt B.
    else if (listed && listed.id !== null) void this.client.remove(listed.id);
    else void this.client.apply(edit);
  }

  /** What the armed tool has already done to a component. */
  find(component: ComponentJson): InterventionJson | undefined {
    const edit = editOf(this.store.value, this.client.shown, component);
    return edit ? this.#listed(edit) : undefined;
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

  #listed(edit: EditJson): InterventionJson | undefined {
    return this.client.shown?.interventions.find((item) => isEdit(item, edit));
  }
}
