// The routes of mechwidget's server extension that the extension needs (rest-api.yaml), and Jupyter's
// own for kernels. In: an address. Out: kernels with their sessions; refusals as sentences.

import { listOf, numberOf, objectOf, textOf } from "./json";
import { headersOf, type ServerAddress } from "./server-address";
import {
  type KernelSessions,
  readKernel,
  readSession,
  type SessionSummary,
} from "./session-summary";

export type Action = { action: "enable" | "disable"; which: number } | { action: "undo" | "redo" };

/** What the server refused, or why it was not reached; `status` is 0 then. */
export class ServerProblem extends Error {
  override name = "ServerProblem";
  readonly status: number;
  readonly hint: string;

  constructor(status: number, message: string, hint = "") {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

const ANSWER_MS = 15_000;

export class ServerClient {
  readonly address: ServerAddress;
  readonly #fetch: typeof fetch;

  constructor(address: ServerAddress, fetcher: typeof fetch = fetch) {
    this.address = address;
    this.#fetch = fetcher;
  }

  /** The version of mechwidget that the server has. */
  async version(): Promise<string> {
    const { versions } = objectOf(await this.#json("GET", "mechwidget/api/"));
    return textOf(objectOf(versions).mechwidget);
  }

  async kernels(): Promise<KernelSessions[]> {
    const { kernels } = objectOf(await this.#json("GET", "mechwidget/api/sessions"));
    return listOf(kernels).map(readKernel);
  }

  async change(kernel: string, session: string, action: Action): Promise<SessionSummary> {
    const path = `mechwidget/api/sessions/${encodeURIComponent(kernel)}/${encodeURIComponent(session)}`;
    return readSession(objectOf(objectOf(await this.#json("POST", path, action)).session));
  }

  /** Starts a kernel; its id. */
  async startKernel(name: string): Promise<string> {
    const started = objectOf(await this.#json("POST", "api/kernels", name ? { name } : {}));
    const id = textOf(started.id);
    if (id === "") throw new ServerProblem(0, "The server did not say which kernel it started.");
    return id;
  }

  async stopKernel(id: string): Promise<void> {
    await this.#ask("DELETE", `api/kernels/${encodeURIComponent(id)}`);
  }

  /** The stream of changes, open until `signal`. */
  async changes(signal: AbortSignal, last: string): Promise<ReadableStream<Uint8Array>> {
    const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
    const answer = await this.#ask("GET", "mechwidget/api/events", undefined, signal, headers);
    if (!answer.body) throw new ServerProblem(0, "The server sends no events.");
    return answer.body;
  }

  async #json(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await this.#ask(method, path, body);
    try {
      return await answer.json();
    } catch {
      throw new ServerProblem(answer.status, "The server answered with something else than JSON.");
    }
  }

  async #ask(
    method: string,
    path: string,
    body?: object,
    signal: AbortSignal = AbortSignal.timeout(ANSWER_MS),
    more: Record<string, string> = {},
  ): Promise<Response> {
    const typed: Record<string, string> = body ? { "Content-Type": "application/json" } : {};
    const headers = { ...headersOf(this.address), ...typed, ...more };
    const sent = body ? { body: JSON.stringify(body) } : {};
    let answer: Response;
    try {
      const url = new URL(path, this.address.base);
      // A redirect would carry the token to wherever it leads.
      answer = await this.#fetch(url, { method, headers, signal, redirect: "error", ...sent });
    } catch (error) {
      if (signal.aborted && (signal.reason as Error)?.name === "AbortError") throw error;
      const message = `No Jupyter server answers at ${this.address.base}`;
      throw new ServerProblem(0, message, "Is it running, and is the address right?");
    }
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

async function refusal(answer: Response): Promise<ServerProblem> {
  const { status } = answer;
  if (status === 401 || status === 403) {
    const hint = "Set the server and its token again.";
    return new ServerProblem(status, "The Jupyter server does not take this token.", hint);
  }
  const said = objectOf(await answer.json().catch(() => ({})));
  const { message, hint } = objectOf(said.error);
  if (textOf(message)) return new ServerProblem(status, textOf(message), textOf(hint));
  if (status === 404) {
    const missing = "This Jupyter server has no mechwidget.";
    return new ServerProblem(status, missing, "Install mechwidget beside it and start it again.");
  }
  return new ServerProblem(
    status,
    `The server answered ${numberOf(status)}.`,
    textOf(said.message),
  );
}
