// The side panel, once it is looked at: live sessions, models, recipes, and what others add. In: the
// services and a way to run commands. Out: the panel in `el`, until `signal`.

import { button, element } from "../charts/dom";
import { createHost } from "../host/host";
import type { ModelAnswer } from "./answers";
import { COMMANDS } from "./command-names";
import { ModelsSection } from "./panel-models";
import { OthersSections } from "./panel-others";
import { RecipesSection } from "./panel-recipes";
import { SessionsSection } from "./panel-sessions";
import { RecipeActions } from "./recipe-actions";
import type { Registry } from "./registry";
import type { Services } from "./services";
import { sheet } from "./style";

type Execute = (command: string, args?: Record<string, unknown>) => void;

export function showPanel(
  el: HTMLElement,
  services: Services,
  registry: Registry,
  execute: Execute,
  signal: AbortSignal,
): void {
  const wish = ({ theme }: { theme: string }) => el.setAttribute("data-mw-theme-wish", theme);
  services.settings.onChange(wish, signal);
  const { el: root } = createHost(el, signal);
  root.classList.add("mw-lab-panel");
  root.dataset.testid = "mw-lab-panel";
  root.append(sheet(), head(execute));
  if (services.routes === null) root.append(withoutServer());
  else root.append(...sections(services, services.routes, execute, signal));
  const others = element("div", {});
  root.append(others);
  new OthersSections(others, registry, services.live, signal);
}

function head(execute: Execute): HTMLElement {
  return element(
    "header",
    { class: "mw-lab-top" },
    element("h2", {}, "mechwidget"),
    button(
      { class: "mw-button", "data-testid": "mw-lab-new" },
      () => execute(COMMANDS.newWorkbench),
      "New workbench",
    ),
  );
}

function withoutServer(): HTMLElement {
  return element(
    "div",
    { class: "mw-lab-body", "data-testid": "mw-lab-no-server" },
    element("p", {}, "This Jupyter server runs without mechwidget's server extension."),
    element(
      "p",
      { class: "mw-lab-none" },
      "Widgets work all the same. To see sessions, models and recipes here, install mechwidget where ",
      "the server runs, or enable it, and start the server anew:",
    ),
    element("code", {}, "jupyter server extension enable mechwidget.server"),
  );
}

function sections(
  services: Services,
  routes: ReadonlySet<string>,
  execute: Execute,
  signal: AbortSignal,
): HTMLElement[] {
  const { connection, live, settings } = services;
  const open = (path: string) => execute("docmanager:open", { path });
  const found: HTMLElement[] = [];
  if (live) found.push(new SessionsSection(live, settings, open, signal).section.el);
  if (routes.has("recipes")) {
    const compare = (old: string, recent: string) => execute(COMMANDS.compare, { old, recent });
    const actions = new RecipeActions(connection, open, compare);
    const recipes = new RecipesSection(() => connection.recipes(), actions);
    live?.onRecipes(() => void recipes.refresh(), signal);
    void recipes.refresh();
    found.push(recipes.section.el);
  }
  if (routes.has("models")) {
    const start = ({ name, code }: ModelAnswer) => execute(COMMANDS.newWorkbench, { name, code });
    const models = new ModelsSection(() => connection.models(), start);
    void models.refresh();
    found.push(models.section.el);
  }
  return found;
}
