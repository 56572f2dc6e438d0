// A view of its own: one pane (or two that belong together) with what every view has to say, that the
// kernel is gone or that a wish was refused. The same panes make up the workbench.

import { element } from "../charts/dom";
import type { View } from "../host/host";
import { announcer } from "./announcer";
import { banner, errorNotice } from "./notices";
import type { Pane } from "./pane";
import { type Cast, Stage } from "./stage";

export interface Standalone {
  /** Its name: the last part of its test id. */
  name: string;
  label: string;
  effects?: boolean;
  /** Is it this view that a screen reader hears after a change? One of those on a page is enough. */
  announces?: boolean;
  panes(cast: Cast): readonly Pane[];
}

export function standalone({ name, label, effects, announces, panes }: Standalone): View {
  return (el, context) => {
    const stage = new Stage(context, {
      class: `mw-workbench mw-alone mw-alone-${name}`,
      label: `mechwidget ${label}`,
      testid: `mw-view-${name}`,
      effects: effects ?? false,
    });
    const { client } = stage.cast;
    const [notice, error] = [banner(client), errorNotice(client)];
    const shown = panes(stage.cast);
    const body = element("div", { class: "mw-alone-body" }, ...shown.map((pane) => pane.el));
    stage.root.append(notice.el, body, error.el);
    const status = announces ? [announcer()] : [];
    for (const pane of status) stage.root.append(pane.el);
    stage.open(el, [notice, ...shown, error, ...status]);
  };
}
