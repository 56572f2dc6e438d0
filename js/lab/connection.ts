// Requests to the server extension. In: a route and what to send. Out: its answer, or a Refusal with
// the two sentences of the server. Nothing else in js/lab knows an address.

import { PageConfig, URLExt } from "@jupyterlab/coreutils";
import { ServerConnection } from "@jupyterlab/services";
import type {
  DifferenceAnswer,
  KernelAnswer,
  ModelAnswer,
  RecipeAnswer,
  SessionAnswer,
} from "./answers";

/** What the server, or the way to it, said no with. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly hint: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/**
 * The routes that the server has. It says so in the page itself, so that one without the extension
 * is not asked, and answers with no error in the console. Null where there is no extension.
 */
export function routes(): ReadonlySet<string> | null {
  const told = PageConfig.getOption("mechwidgetRoutes");
  return told === "" ? null : new Set(told.split(","));
}

export class Connection {
  readonly #settings = ServerConnection.makeSettings();

  async kernels(): Promise<KernelAnswer[]> {
    return (await this.#ask<{ kernels: KernelAnswer[] }>("GET", "sessions")).kernels;
  }

  kernel(id: string): Promise<KernelAnswer> {
    return this.#ask("GET", `sessions/${encodeURIComponent(id)}`);
  }

  /** Switches, undoes, redoes or cancels; the session as it is then. */
  async act(
    kernel: string,
    session: string,
    action: string,
    given: { which?: number } = {},
  ): Promise<SessionAnswer> {
    const path = `sessions/${encodeURIComponent(kernel)}/${encodeURIComponent(session)}`;
    const body = { action, ...given };
    return (await this.#ask<{ session: SessionAnswer }>("POST", path, body)).session;
  }

  async models(): Promise<ModelAnswer[]> {
    return (await this.#ask<{ models: ModelAnswer[] }>("GET", "models")).models;
  }

  recipes(): Promise<{ recipes: RecipeAnswer[]; complete: boolean }> {
    return this.#ask("GET", "recipes");
  }

  /** The version that is stored, which a change has to name. */
  async version(recipe: string): Promise<string> {
    return (await this.#ask<{ etag: string }>("GET", recipeRoute(recipe))).etag;
  }

  async rename(recipe: string, to: string, version: string): Promise<void> {
    await this.#ask("PATCH", recipeRoute(recipe), { path: to }, { "If-Match": version });
  }

  async delete(recipe: string, version: string): Promise<void> {
    await this.#ask("DELETE", recipeRoute(recipe), undefined, { "If-Match": version });
  }

  difference(old: string, recent: string): Promise<DifferenceAnswer> {
    return this.#ask("POST", "difference", { old: { path: old }, new: { path: recent } });
  }

  /** Where the stream of changes is. An EventSource has no headers: the token goes along. */
  events(): string {
    const { token, appendToken } = this.#settings;
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : "";
    return `${this.#url("events")}${query}`;
  }

  #url(path: string): string {
    return URLExt.join(this.#settings.baseUrl, "mechwidget/api", path);
  }

  async #ask<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      init.headers = { ...headers, "Content-Type": "application/json" };
      init.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(this.#url(path), init, this.#settings);
    } catch {
      throw new Refusal("The Jupyter server does not answer.", "Is it still running?", 0);
    }
    const text = await response.text();
    if (!response.ok) throw refusal(text, response.status);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }
}

const recipeRoute = (path: string): string =>
  `recipes/${path.split("/").map(encodeURIComponent).join("/")}`;

function refusal(text: string, status: number): Refusal {
  try {
    const { message, hint } = (JSON.parse(text) as { error: { message: string; hint: string } })
      .error;
    return new Refusal(String(message), String(hint ?? ""), status);
  } catch {
    return new Refusal(`The Jupyter server answered with ${status}.`, "Its log says more.", status);
  }
}

/** Both sentences of whatever went wrong. */
export function inWords(error: unknown): string {
  if (error instanceof Refusal) return [error.message, error.hint].filter(Boolean).join(" ");
  return error instanceof Error ? error.message : String(error);
}
