// One kernel over a websocket: code to run, and messages of comms both ways. In: an open socket. Out:
// what code printed, or the error that it raised, and every message of a comm.

import { textOf } from "./json";
import { type KernelMessage, packed, unpacked } from "./kernel-frames";

/** The part of a WebSocket that is needed. */
export interface Socket {
  binaryType: string;
  send(data: string | Uint8Array): void;
  close(): void;
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: { data?: unknown }) => void,
  ): void;
}

/** Jupyter's server closes a connection that sends it more at once (10 MiB). */
const MOST_BYTES = 9_000_000;

export class KernelError extends Error {
  override name = "KernelError";
}

interface Running {
  printed: string;
  resolve(printed: string): void;
  reject(error: Error): void;
}

export class KernelConnection {
  readonly #socket: Socket;
  readonly #session = crypto.randomUUID();
  readonly #running = new Map<string, Running>();
  readonly #opened: Promise<void>;
  #ended: string | null = null;
  /** Every message of a comm. */
  onComm: (message: KernelMessage) => void = () => {};
  /** The connection, or the kernel, is gone. */
  onEnd: (why: string) => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    this.#opened = new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("close", () => {
        reject(new KernelError("The connection to the kernel was refused or lost."));
        this.#end("The connection to the kernel is closed.");
      });
    });
    this.#opened.catch(() => {}); // `run` says it
    socket.addEventListener("error", () => this.#end("The connection to the kernel broke."));
    socket.addEventListener("message", ({ data }) => {
      const message = unpacked(data as string | ArrayBuffer);
      if (message) this.#heard(message);
    });
  }

  /** What the code printed; rejects with what it raised, or because the kernel is gone. */
  async run(code: string): Promise<string> {
    await this.#opened;
    const content = { code, silent: false, store_history: false, allow_stdin: false };
    return new Promise((resolve, reject) => {
      const id = this.#send("execute_request", content, []);
      this.#running.set(id, { printed: "", resolve, reject });
    });
  }

  sendToComm(comm_id: string, data: unknown, buffers: Uint8Array[]): void {
    this.#send("comm_msg", { comm_id, data }, buffers);
  }

  close(): void {
    this.onEnd = () => {};
    this.#socket.close();
    this.#end("The connection was closed.");
  }

  #send(type: string, content: Record<string, unknown>, buffers: Uint8Array[]): string {
    if (this.#ended !== null) throw new KernelError(this.#ended);
    const msg_id = crypto.randomUUID();
    const header = {
      msg_id,
      msg_type: type,
      session: this.#session,
      username: "",
      version: "5.3",
      date: new Date().toISOString(),
    };
    const message = { channel: "shell", header, parent_header: {}, metadata: {}, content, buffers };
    const frame = packed(message);
    if (frame.length > MOST_BYTES)
      throw new KernelError("This is more than the server takes at once.");
    this.#socket.send(frame);
    return msg_id;
  }

  #heard(message: KernelMessage): void {
    const { header, parent_header, content } = message;
    const { msg_type } = header;
    if (msg_type.startsWith("comm_")) this.onComm(message);
    const state = content.execution_state;
    if (msg_type === "status" && (state === "dead" || state === "restarting")) {
      this.#end("The kernel has died.");
    }
    const running = this.#running.get(parent_header.msg_id ?? "");
    if (!running) return;
    if (msg_type === "stream" && content.name === "stdout") running.printed += textOf(content.text);
    else if (msg_type === "error") {
      running.reject(new KernelError(`${textOf(content.ename)}: ${textOf(content.evalue)}`));
    } else if (msg_type === "status" && state === "idle") {
      this.#running.delete(parent_header.msg_id ?? "");
      running.resolve(running.printed);
    }
  }

  #end(why: string): void {
    if (this.#ended !== null) return;
    this.#ended = why;
    for (const { reject } of this.#running.values()) reject(new KernelError(why));
    this.#running.clear();
    this.onEnd(why);
  }
}
