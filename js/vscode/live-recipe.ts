// A recipe, live: a kernel of its own on the server, the session of the recipe in it, and its workbench,
// whose messages go on to a page. In: a server and the recipe's text. Out: page messages, and the
// recipe as the session is now. The kernel ends with it.

import { objectOf, textOf } from "./json";
import { KernelConnection, type Socket } from "./kernel-connection";
import type { KernelMessage } from "./kernel-frames";
import type { ToPage } from "./page-messages";
import type { ServerAddress } from "./server-address";
import { headersOf } from "./server-address";
import type { ServerClient } from "./server-client";

export type OpenSocket = (url: string, headers: Record<string, string>) => Socket;

/** JSON of a string is a literal of Python too: nothing of a recipe is ever code. */
const literal = (text: string): string => JSON.stringify(text);
/** A name, and never a way to another folder. */
const plainName = (name: string): string => name.replace(/[^\p{L}\p{N} ._-]/gu, "_").slice(-100);

const opening = (text: string, name: string): string => `
import os as _os, tempfile as _tempfile
import mechwidget as _mw
with _tempfile.TemporaryDirectory() as _folder:
    _path = _os.path.join(_folder, ${literal(plainName(name))})
    with open(_path, "w", encoding="utf-8") as _file:
        _file.write(${literal(text)})
    _session = _mw.Session.load(_path)
_workbench = _mw.Workbench(_session)
`;
const WRITING = `
from mechwidget import recipes as _recipes
print(_recipes.dumps(_session.to_recipe()), end="")
`;

export class LiveRecipe {
  readonly #client: ServerClient;
  readonly #kernel: string;
  readonly #connection: KernelConnection;
  readonly #tell: (message: ToPage) => void;
  #comm = "";
  #state: unknown = null;
  #closed = false;

  private constructor(
    client: ServerClient,
    kernel: string,
    connection: KernelConnection,
    tell: (message: ToPage) => void,
  ) {
    this.#client = client;
    this.#kernel = kernel;
    this.#connection = connection;
    this.#tell = tell;
    connection.onComm = (message) => this.#heard(message);
    connection.onEnd = (why) => {
      if (!this.#closed) tell({ kind: "gone", message: why, hint: "Run the recipe again." });
      this.#closed = true;
    };
  }

  /** Starts a kernel and opens the recipe in it; stops the kernel again where that fails. */
  static async open(
    client: ServerClient,
    recipe: { text: string; name: string; kernelName: string },
    openSocket: OpenSocket,
    tell: (message: ToPage) => void,
  ): Promise<LiveRecipe> {
    tell({ kind: "connecting", said: "Starting a kernel …" });
    const kernel = await client.startKernel(recipe.kernelName);
    const socket = openSocket(socketUrl(client.address, kernel), headersOf(client.address));
    const live = new LiveRecipe(client, kernel, new KernelConnection(socket), tell);
    try {
      tell({ kind: "connecting", said: "Loading the model and running the recipe …" });
      await live.#connection.run(opening(recipe.text, recipe.name));
      if (live.#comm === "") throw new Error("The kernel has opened no workbench.");
      tell({ kind: "live", state: live.#state });
      return live;
    } catch (error) {
      await live.close();
      throw error;
    }
  }

  /** A message of the page, for the kernel. */
  send(content: unknown, buffers: Uint8Array[]): void {
    if (!this.#closed) {
      this.#connection.sendToComm(this.#comm, { method: "custom", content }, buffers);
    }
  }

  /** The text of the recipe, as the session is now. */
  recipe(): Promise<string> {
    return this.#connection.run(WRITING);
  }

  /** What the page has to know if it begins again. */
  get state(): unknown {
    return this.#state;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connection.close();
    // The server may be gone, and with it the kernel.
    await this.#client.stopKernel(this.#kernel).catch(() => {});
  }

  #heard({ header, content, buffers }: KernelMessage): void {
    const data = objectOf(content.data);
    const state = objectOf(data.state);
    if (header.msg_type === "comm_open" && state._view === "workbench") {
      this.#comm = textOf(content.comm_id);
      this.#state = state.state;
    } else if (this.#comm === "" || content.comm_id !== this.#comm) return;
    else if (header.msg_type === "comm_close") {
      this.#tell({ kind: "gone", message: "The workbench was closed.", hint: "Run it again." });
    } else if (data.method === "custom") {
      this.#tell({ kind: "custom", content: data.content, buffers });
    } else if (data.method === "update" && state.state !== undefined) {
      this.#state = state.state;
      this.#tell({ kind: "state", state: state.state });
    }
  }
}

function socketUrl({ base }: ServerAddress, kernel: string): string {
  const url = new URL(`api/kernels/${encodeURIComponent(kernel)}/channels`, base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
