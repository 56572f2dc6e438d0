// The page of a recipe: the saved result, or the live workbench of a kernel. In: messages of the
// extension, of which the recipe's text is anybody's. Out: the views, and what a person wants done.

import "./editor.css";
import { DrawnWidget } from "./drawn-widget";
import { EditorBar } from "./editor-bar";
import type { FromPage, ToPage } from "./page-messages";
import { PostedModel } from "./posted-model";
import { RecipeProblem, readRecipe } from "./recipe-reading";
import { savedModel } from "./saved-kernel";

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const api = acquireVsCodeApi();
const post = (message: FromPage): void => api.postMessage(message);
const bar = new EditorBar((name) => post({ kind: "command", name }));
const view = document.createElement("main");
view.id = "mwx-view";
document.body.append(bar.el, view);
const drawn = new DrawnWidget(view);
let live: PostedModel | null = null;

function showRecipe(text: string, name: string): void {
  // What is live is newer than the file, also while the file is written.
  if (live) return;
  try {
    drawn.draw(savedModel(readRecipe(text)));
    bar.show("saved", `${name}: saved result, no kernel`);
  } catch (error) {
    const hint = error instanceof RecipeProblem ? error.hint : "";
    drawn.say(error instanceof Error ? error.message : String(error), hint);
    bar.show("broken", `${name} cannot be shown`);
  }
}

const handle: { [K in ToPage["kind"]]: (message: Extract<ToPage, { kind: K }>) => void } = {
  recipe: ({ text, name }) => showRecipe(text, name),
  connecting: ({ said }) => bar.show("connecting", said),
  live: ({ state }) => {
    live = new PostedModel(state, post);
    drawn.draw(live.model);
    bar.show("live", "Live: a kernel of your Jupyter server");
  },
  state: ({ state }) => live?.put(state),
  custom: ({ content, buffers }) => live?.say(content, buffers),
  gone: ({ message, hint }) => {
    live?.close();
    live = null;
    bar.show("gone", `${message} ${hint}`.trim());
  },
};

window.addEventListener("message", ({ data }: MessageEvent<ToPage>) => {
  const heard = handle[data.kind] as ((message: ToPage) => void) | undefined;
  heard?.(data);
});
post({ kind: "ready" });
