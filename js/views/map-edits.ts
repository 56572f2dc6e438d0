// What the armed tool does to a cell of the head map, and to many at once: a painted range, a layer,
// a column. In: tool, state and components. Out: the edits, or a sentence why there is none.

import type { PageState, SessionStore } from "../store/session-store";
import {
  type ComponentJson,
  type EditJson,
  type InterventionJson,
  isEdit,
  type SessionState,
  type ToolName,
} from "../types";
import type { SessionClient } from "../wire/session-client";
import type { Actions } from "./actions";
import { editOf, TOOLS } from "./tools";

/** The most edits that are listed at once; mirrors MOST_EDITS of mechwidget/views/ops/head_map.py. */
export const MOST_EDITS = 256;

/** What a tool asks for at a component. */
export interface Wish {
  /** Null where the tool has none for it. */
  readonly edit: EditJson | null;
  /** Why it cannot be done (now); empty: it can. */
  readonly why: string;
}

const OF_ACTIVATIONS: readonly ToolName[] = ["mean", "resample", "patch"];
const NOT_A_LAYER =
  "what a layer adds is no activation of its own: use its attention and MLP, or the residual stream";

export function wishOf(
  page: PageState,
  state: SessionState | null,
  component: ComponentJson,
  tool: ToolName = page.tool,
): Wish {
  const { text, lacks } = TOOLS[tool];
  if (tool === "look") return { edit: null, why: "" };
  const missing = lacks(state, page);
  const why = missing && `${text} ${missing}`;
  if (component.type === "layer" && OF_ACTIVATIONS.includes(tool)) {
    return { edit: null, why: `${text}: ${NOT_A_LAYER}` };
  }
  const edit = editOf({ ...page, tool }, state, component);
  // Without what it adds, a layer is one that is skipped.
  const skips = component.type === "layer" && tool === "zero" && edit !== null;
  return { edit: skips ? { type: "skip_layer", component: edit.component } : edit, why };
}

export class MapEdits {
  constructor(
    private readonly client: SessionClient,
    private readonly store: SessionStore,
    private readonly actions: Actions,
  ) {}

  wish(component: ComponentJson, tool: ToolName = this.store.value.tool): Wish {
    return wishOf(this.store.value, this.client.shown, component, tool);
  }

  /** Uses a tool on one cell; a sentence where it cannot be done. */
  use(component: ComponentJson, tool: ToolName = this.store.value.tool): string {
    if (tool === "look") {
      if (component.type === "head") this.store.lock(component);
      return component.type === "head" ? "" : "Only heads can be locked";
    }
    const { edit, why } = this.wish(component, tool);
    // What is lacking the kernel says itself, where it is seen, and what to do.
    if (edit) this.actions.perform(edit);
    return edit ? "" : why;
  }

  /** What a tool has already done to a component. */
  find(component: ComponentJson, tool: ToolName = this.store.value.tool): InterventionJson | null {
    const { edit } = this.wish(component, tool);
    return (edit && this.#listed(edit)) ?? null;
  }

  /** How many edits of these cells would be made, and why there would be none. */
  many(components: readonly ComponentJson[]): { edits: EditJson[]; why: string } {
    const wishes = components.map((component) => this.wish(component));
    // Steering is about the stream of a layer: heads of one layer ask for the same.
    const apart = new Map<string, EditJson>();
    for (const { edit, why } of wishes) if (edit && !why) apart.set(JSON.stringify(edit), edit);
    const edits = [...apart.values()];
    if (edits.length > MOST_EDITS) {
      const count = edits.length.toLocaleString("en");
      return { edits, why: `${count} edits at once are more than ${MOST_EDITS}` };
    }
    const reason = this.store.value.tool === "look" ? "Look changes nothing: arm another tool" : "";
    const why = edits.length > 0 ? "" : reason || wishes.find((wish) => wish.why)?.why || "";
    return { edits, why };
  }

  /** Paints cells: all get what the first one lacks, or lose what it has. One step to undo. */
  paint(components: readonly ComponentJson[]): string {
    const { edits, why } = this.many(components);
    const [first] = edits;
    if (why || !first || !this.actions.allowed()) return why;
    const listed = this.#listed(first);
    if (listed?.enabled) {
      const gone = edits.flatMap((edit) => this.#listed(edit)?.id ?? []);
      void this.client.applyMany([], gone);
    } else void this.client.applyMany(edits);
    return "";
  }

  /** Nothing but these: whatever else is listed leaves in the same step. */
  only(components: readonly ComponentJson[]): string {
    const { edits, why } = this.many(components);
    if (why || !this.actions.allowed()) return why;
    const listed = this.client.shown?.interventions ?? [];
    const others = listed.filter((one) => !edits.some((edit) => isEdit(one, edit)));
    void this.client.applyMany(
      edits,
      others.flatMap(({ id }) => id ?? []),
    );
    return "";
  }

  /** Does the tool to all of these, whatever is done to them already. */
  all(components: readonly ComponentJson[]): string {
    const { edits, why } = this.many(components);
    if (!why && this.actions.allowed()) void this.client.applyMany(edits);
    return why;
  }

  #listed(edit: EditJson): InterventionJson | undefined {
    return this.client.shown?.interventions.find((item) => isEdit(item, edit));
  }
}
