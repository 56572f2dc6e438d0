// A view of a plugin: its script is asked for, run once per page, and given a place of its own. What
// goes wrong in it (no script, a module that does not load, an error while it draws) is said in that
// place, with the name of the plugin, and nothing else on the page is touched.

import { button, element, setAttributes } from "../charts/dom";
import type { Theme, View } from "../host/host";
import { moduleOf } from "../wire/gzip";
import { report } from "../wire/listeners";
import { askPluginScript, askPluginViews, type PluginScript } from "../wire/plugins";
import type { Pane, Scene } from "./pane";
import { type PluginMain, type PluginPart, pluginContext, pluginScene } from "./plugin-context";
import type { Cast } from "./stage";
import { standalone } from "./standalone";
import type { Tabs } from "./tabs";

export const PLUGIN_PREFIX = "plugin:";

export class PluginPane implements Pane {
  readonly el: HTMLElement;
  readonly #place = element("div", { class: "mw-plugin-place" });
  readonly #notice = element("div", { class: "mw-plugin-notice mw-notice", role: "status" });
  #part: PluginPart | null = null;
  #scene: Scene | null = null;
  #title: string;

  constructor(
    private readonly name: string,
    title: string,
    private readonly cast: Cast,
  ) {
    this.#title = title;
    this.el = element(
      "section",
      { class: "mw-pane mw-plugin", "aria-label": title, "data-testid": `mw-plugin-${name}` },
      this.#notice,
      this.#place,
    );
    void this.#load();
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    setAttributes(this.el, { "data-waiting": scene.waiting });
    if (!this.#part?.draw) return;
    try {
      this.#part.draw(pluginScene(scene));
    } catch (error) {
      report(error);
      this.#fail("stopped: it could not draw", error);
    }
  }

  async #load(): Promise<void> {
    this.#say(`Loading ${this.#title} …`);
    setAttributes(this.el, { "aria-busy": "true" });
    try {
      const found = await askPluginScript(this.cast.client, this.name, this.cast);
      this.#title = found.title;
      this.el.setAttribute("aria-label", found.title);
      this.#open(await mainOf(found), found.style);
    } catch (error) {
      if (!this.cast.signal.aborted) this.#fail("could not be loaded", error);
    }
    setAttributes(this.el, { "aria-busy": null });
  }

  #open(main: PluginMain, css: string): void {
    if (this.cast.signal.aborted) return;
    this.#notice.hidden = true;
    this.#notice.replaceChildren();
    const place = element("div", { class: "mw-plugin-content", "data-mw-plugin": this.name });
    const sheet = element("style", {});
    sheet.textContent = `@scope ([data-mw-plugin="${CSS.escape(this.name)}"]) {\n${css}\n}`;
    this.#place.replaceChildren(...(css ? [sheet] : []), place);
    const theme = (): Theme => this.#scene?.theme ?? "light";
    this.#part = main(place, pluginContext(this.name, this.cast, theme)) ?? {};
    if (this.#scene) this.draw(this.#scene);
  }

  #fail(what: string, error: unknown): void {
    this.#part = null;
    this.#place.replaceChildren();
    const said = error instanceof Error ? error.message : String(error);
    const words = element("strong", {}, `The view “${this.#title}” (a plugin) ${what}.`);
    const again = button({ class: "mw-button" }, () => void this.#load(), "Try again");
    this.#notice.hidden = false;
    this.#notice.replaceChildren(words, element("p", {}, said.slice(0, 500)), again);
  }

  #say(text: string): void {
    this.#notice.hidden = false;
    this.#notice.replaceChildren(text);
  }
}

const MODULES = Symbol.for("mechwidget.plugin-modules.1");

/** The main function of a script; a page never forgets a module, so each is run once. */
async function mainOf({ digest, script }: PluginScript): Promise<PluginMain> {
  const page = globalThis as { [MODULES]?: Map<string, Promise<Record<string, unknown>>> };
  page[MODULES] ??= new Map();
  const known = page[MODULES];
  const there = known.get(digest) ?? moduleOf(script);
  known.set(digest, there);
  const main = await there.then(
    (module) => module.default,
    (error) => {
      known.delete(digest);
      throw error;
    },
  );
  if (typeof main !== "function") throw new TypeError("its script exports no function as default");
  return main as PluginMain;
}

/** A view of a plugin in a cell of its own. */
export function pluginView(name: string): View {
  return standalone({
    name,
    label: name,
    announces: true,
    panes: (cast) => [new PluginPane(name, name, cast)],
  });
}

/** A tab for each view of a plugin, as soon as the kernel has said which there are. */
export async function addPluginTabs(tabs: Tabs, cast: Cast): Promise<void> {
  const found = await askPluginViews(cast.client, cast).catch(() => []);
  if (cast.signal.aborted) return;
  for (const { name, title } of found) {
    tabs.add({
      name: `${PLUGIN_PREFIX}${name}`,
      title,
      make: () => new PluginPane(name, title, cast),
    });
  }
  cast.invalidate();
}
