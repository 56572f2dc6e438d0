// A recipe in a kernel of its own: what is sent to it, what comes back, and that it ends. The test plays
// the server and the kernel's socket.

import { afterEach, describe, expect, it } from "vitest";
import type { Socket } from "../../vscode/kernel-connection";
import { type KernelMessage, packed, unpacked } from "../../vscode/kernel-frames";
import { LiveRecipe } from "../../vscode/live-recipe";
import type { ToPage } from "../../vscode/page-messages";
import { PostedModel } from "../../vscode/posted-model";
import type { ServerClient } from "../../vscode/server-client";

class FakeSocket implements Socket {
  binaryType = "";
  readonly sent: KernelMessage[] = [];
  closed = false;
  readonly #listeners = new Map<string, ((event: { data?: unknown }) => void)[]>();

  send(data: string | Uint8Array): void {
    const message = unpacked(
      typeof data === "string" ? data : (data.slice().buffer as ArrayBuffer),
    );
    if (message) this.sent.push(message);
  }
  close(): void {
    this.closed = true;
  }
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }
  emit(type: string, data?: unknown): void {
    for (const each of this.#listeners.get(type) ?? []) each({ data });
  }
  /** The kernel says something, because of the code that ran last. */
  say(msg_type: string, content: object, buffers: Uint8Array[] = []): void {
    const parent = this.sent.filter(({ header }) => header.msg_type === "execute_request").at(-1);
    const header = { msg_id: crypto.randomUUID(), msg_type };
    const message = { channel: "iopub", header, parent_header: parent?.header ?? {}, metadata: {} };
    const frame = packed({ ...message, content: { ...content }, buffers });
    this.emit("message", typeof frame === "string" ? frame : frame.buffer);
  }
}

const stopped: string[] = [];
const client = {
  address: { base: "https://hub.example/user/me/", token: "t" },
  startKernel: async () => "k-1",
  stopKernel: async (id: string) => void stopped.push(id),
} as unknown as ServerClient;
const IDLE = { execution_state: "idle" };
const STATE = { _view: "workbench", _carried: {}, state: { session: "s" } };
const settled = () => new Promise((resolve) => setTimeout(resolve));

async function begun(text = "{}", name = "a.mech.json") {
  const [socket, told, urls] = [new FakeSocket(), [] as ToPage[], [] as unknown[]];
  const recipe = { text, name, kernelName: "" };
  const opened = LiveRecipe.open(
    client,
    recipe,
    (...asked) => {
      urls.push(asked);
      return socket;
    },
    (message) => told.push(message),
  );
  opened.catch(() => {});
  await settled();
  socket.emit("open");
  await settled();
  return { socket, told, urls, opened };
}

async function live() {
  const all = await begun();
  all.socket.say("comm_open", {
    comm_id: "w",
    target_name: "jupyter.widget",
    data: { state: STATE },
  });
  all.socket.say("status", IDLE);
  return { ...all, recipe: await all.opened };
}

afterEach(() => {
  stopped.length = 0;
});

describe("frames of the websocket", () => {
  it("come back as they went, with and without buffers", () => {
    const header = { msg_id: "1", msg_type: "comm_msg" };
    const message = {
      channel: "shell",
      header,
      parent_header: {},
      metadata: {},
      content: { a: "é" },
    };
    for (const buffers of [[], [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(9)]]) {
      const frame = packed({ ...message, buffers });
      expect(typeof frame === "string").toBe(buffers.length === 0);
      const back = unpacked(typeof frame === "string" ? frame : (frame.buffer as ArrayBuffer));
      expect(back).toEqual({ ...message, buffers });
    }
  });

  it.each(["", "{", "{}", "null"])("%j is no message", (text) => expect(unpacked(text)).toBeNull());
  it("nor are bytes that promise too much", () => {
    expect(unpacked(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 99).buffer)).toBeNull();
    expect(unpacked(new ArrayBuffer(2))).toBeNull();
  });
});

describe("a live recipe", () => {
  it("goes to the kernel as a literal, whatever its text and name are", async () => {
    const text = '"""\\"\n\u2028 \ud800 {x}';
    const { socket, urls } = await begun(text, '../"x\\\n.mech.json');
    const code = String(socket.sent[0]?.content.code);
    expect(code).toContain(`_file.write(${JSON.stringify(text)})`);
    expect(code).toContain('_os.path.join(_folder, ".._"x__.mech.json")'.replace('"x', "_x"));
    const url = "wss://hub.example/user/me/api/kernels/k-1/channels";
    expect(urls).toEqual([[url, { Authorization: "token t" }]]);
  });

  it("hands states and messages on to the page, and the page's to the kernel", async () => {
    const { socket, told, recipe } = await live();
    expect(told.at(-1)).toEqual({ kind: "live", state: STATE.state });
    const update = { method: "update", state: { state: { session: "s", revision: 2 } } };
    socket.say("comm_msg", { comm_id: "other", data: update });
    socket.say("comm_msg", { comm_id: "w", data: update });
    const bytes = Uint8Array.of(5, 6);
    socket.say("comm_msg", { comm_id: "w", data: { method: "custom", content: { id: "1" } } }, [
      bytes,
    ]);
    expect(told.slice(-2)).toEqual([
      { kind: "state", state: update.state.state },
      { kind: "custom", content: { id: "1" }, buffers: [bytes] },
    ]);
    expect(recipe.state).toEqual(update.state.state);
    recipe.send({ op: "undo" }, [bytes]);
    const { content, buffers } = socket.sent.at(-1) as KernelMessage;
    expect(content).toEqual({ comm_id: "w", data: { method: "custom", content: { op: "undo" } } });
    expect(buffers).toEqual([bytes]);
  });

  it("gives the recipe back as the session is now", async () => {
    const { socket, recipe } = await live();
    const text = recipe.recipe();
    await settled();
    socket.say("stream", { name: "stderr", text: "a warning" });
    socket.say("stream", { name: "stdout", text: '{"a"' });
    socket.say("stream", { name: "stdout", text: ": 1}" });
    socket.say("status", IDLE);
    expect(await text).toBe('{"a": 1}');
  });

  it("stops its kernel when it ends, and when it could not begin", async () => {
    const { recipe, socket, told } = await live();
    await recipe.close();
    expect([stopped, socket.closed]).toEqual([["k-1"], true]);
    expect(told.at(-1)?.kind).toBe("live");

    const failed = await begun();
    failed.socket.say("error", { ename: "ModelLoadError", evalue: "not here" });
    await expect(failed.opened).rejects.toThrow("ModelLoadError: not here");
    expect(stopped).toHaveLength(2);
  });

  it("says that the kernel is gone, once", async () => {
    const { socket, told } = await live();
    socket.say("status", { execution_state: "dead" });
    socket.emit("close");
    expect(told.filter(({ kind }) => kind === "gone")).toHaveLength(1);
  });

  it("a connection that is refused is told", async () => {
    const { opened, socket } = await (async () => {
      const socket = new FakeSocket();
      const recipe = { text: "{}", name: "a", kernelName: "" };
      const opened = LiveRecipe.open(
        client,
        recipe,
        () => socket,
        () => {},
      );
      opened.catch(() => {});
      await settled();
      return { opened, socket };
    })();
    socket.emit("close");
    await expect(opened).rejects.toThrow("refused or lost");
    expect(stopped).toEqual(["k-1"]);
  });
});

describe("the model of a page", () => {
  it("posts what views send, and tells them what was posted", () => {
    const posted: unknown[] = [];
    const heard: unknown[][] = [];
    const page = new PostedModel({ revision: 1 }, (message) => posted.push(message));
    const { model } = page;
    model.on("msg:custom", (...args: unknown[]) => heard.push(args));
    model.send({ op: "ping" }, undefined, [Uint8Array.of(1).buffer]);
    expect(posted).toEqual([
      { kind: "custom", content: { op: "ping" }, buffers: [Uint8Array.of(1)] },
    ]);
    page.say({ id: "1" }, [Uint8Array.of(0, 7, 8).subarray(1)]);
    const [, views] = heard[0] ?? [];
    expect((views as DataView[] | undefined)?.[0]?.getUint8(1)).toBe(8);
    page.put({ revision: 2 });
    expect(model.get("state")).toEqual({ revision: 2 });
    page.close();
    expect(() => model.send({})).toThrow("gone");
  });
});
