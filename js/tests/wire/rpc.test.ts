// Requests find their answers, in pieces and through hostile messages; a kernel that goes is noticed
// and one that comes back is too.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Rpc } from "../../wire/rpc";
import { FakeModel } from "./fake-model";
import fixture from "./frames.json";
import { FakeVisibility } from "./states";

const { pieces } = fixture;
const bytesOf = (text: string) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

let fake: FakeModel;
let scope: AbortController;
let visible: FakeVisibility;
let rpc: Rpc;

beforeEach(() => {
  vi.useFakeTimers();
  fake = new FakeModel();
  scope = new AbortController();
  visible = new FakeVisibility();
  rpc = new Rpc(fake.model, { signal: scope.signal, visible, version: "0.1.0" });
});

afterEach(() => {
  scope.abort();
  vi.useRealTimers();
});

describe("requests", () => {
  it("carries the arguments there and the result back", async () => {
    const answer = rpc.request("toggle", { component: { type: "mlp", layer: 0 } });
    expect(fake.last("toggle")).toMatchObject({ v: 1, args: { component: { layer: 0 } } });
    fake.answer("toggle", { revision: 4 });
    await expect(answer).resolves.toEqual({ result: { revision: 4 }, frames: [] });
    expect(rpc.inFlight).toBe(1); // hello
  });

  it("matches answers by id, in any order", async () => {
    const answers = [1, 2, 3].map((n) => rpc.request("op", { n }));
    const asked = fake.sent.filter(({ op }) => op === "op");
    expect(new Set(asked.map(({ id }) => id)).size).toBe(3);
    for (const { id, args } of asked.reverse()) fake.say({ v: 1, id, ok: true, result: args?.n });
    const results = (await Promise.all(answers)).map(({ result }) => result);
    expect(results).toEqual([1, 2, 3]);
  });

  it("two pages on one comm do not take each other's answers", async () => {
    const signal = scope.signal;
    const second = new Rpc(fake.model, { signal, visible, version: "0.1.0" });
    const mine = rpc.request("op", { who: 1 });
    const theirs = second.request("op", { who: 2 });
    const [one, two] = fake.sent.filter(({ op }) => op === "op");
    fake.say({ v: 1, id: two?.id, ok: true, result: 2 });
    fake.say({ v: 1, id: one?.id, ok: true, result: 1 });
    await expect(mine).resolves.toMatchObject({ result: 1 });
    await expect(theirs).resolves.toMatchObject({ result: 2 });
  });

  it("rejects with what the kernel said", async () => {
    const answer = rpc.request("toggle");
    const error = { type: "ComponentError", message: "There is no head 9.9.", hint: "0.0 to 3.3." };
    fake.refuse("toggle", error);
    await expect(answer).rejects.toMatchObject({ name: "RpcError", ...error });
  });

  it("withdraws with the signal and tells the kernel", async () => {
    const stop = new AbortController();
    const answer = rpc.request("pattern", {}, { signal: stop.signal });
    const { id } = fake.last("pattern");
    stop.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    expect(fake.last("cancel")).toEqual({ v: 1, op: "cancel", id });
    fake.say({ v: 1, id, ok: true, result: "late" }); // nobody minds
    expect(rpc.inFlight).toBe(1);
  });

  it("sends nothing for a signal that is aborted already", async () => {
    const answer = rpc.request("pattern", {}, { signal: AbortSignal.abort() });
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    expect(fake.count("pattern")).toBe(0);
  });

  it("gives up after timeoutMs, and waits for ever without", async () => {
    const patient = rpc.request("effects");
    const hasty = rpc.request("pattern", {}, { timeoutMs: 2_000 });
    const refused = expect(hasty).rejects.toMatchObject({ type: "Timeout" });
    await vi.advanceTimersByTimeAsync(60_000);
    await refused;
    expect(fake.count("cancel")).toBe(1);
    fake.answer("effects", "done");
    await expect(patient).resolves.toMatchObject({ result: "done" });
  });

  it("reports progress with partial frames, and survives a crash in drawing them", async () => {
    const seen: unknown[] = [];
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    const answer = rpc.request(
      "effects",
      {},
      {
        onProgress: (progress, partial, frames) => {
          seen.push([progress, partial, [...(frames[0]?.values ?? [])]]);
          throw new Error("cannot draw");
        },
      },
    );
    const { id } = fake.last("effects");
    const header = { dtype: "f32", shape: [1, 1], layout: "dense" };
    fake.say({ v: 1, id, ack: true });
    fake.say(
      { v: 1, id, progress: { done: 1, total: 2, label: "layer 0" }, partial: 7, frames: [header] },
      [new DataView(new Float32Array([2.5]).buffer)],
    );
    fake.answer("effects", "done");
    await expect(answer).resolves.toMatchObject({ result: "done" });
    expect(seen).toEqual([[{ done: 1, total: 2, label: "layer 0" }, 7, [2.5]]]);
    expect(reported).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });

  it("refuses what the kernel would not take", async () => {
    const answer = rpc.request("set_prompt", { prompt: "x".repeat(1_000_001) });
    await expect(answer).rejects.toMatchObject({ type: "TooLarge" });
    expect(fake.count("set_prompt")).toBe(0);
  });

  it("ends with its scope: pending requests are aborted, nobody listens any more", async () => {
    const answer = rpc.request("op");
    scope.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
    await expect(rpc.request("op")).rejects.toMatchObject({ name: "AbortError" });
    expect(fake.listening).toBe(0);
    const sent = fake.sent.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(fake.sent.length).toBe(sent);
  });

  it("removes only its own listener (marimo: off() is everybody's)", () => {
    const other = vi.fn();
    fake.on("msg:custom", other);
    scope.abort();
    fake.say({ any: 1 });
    expect(other).toHaveBeenCalledOnce();
  });
});

describe("answers in pieces", () => {
  const say = (id: string, parts: number[]) => {
    for (const part of parts) {
      fake.say({ ...pieces.messages[part], id }, pieces.data[part]?.map(bytesOf));
    }
  };
  const all = pieces.messages.map((_, i) => i);

  it("are put together as Python cut them", async () => {
    expect(all.length).toBeGreaterThan(2);
    const answer = rpc.request("op");
    say(fake.last("op").id, all);
    const { result, frames } = await answer;
    expect(result).toEqual({ n: 2 });
    expect(frames.map((frame) => [...frame.dense()])).toEqual(pieces.dense);
  });

  it("of two requests may come in turns", async () => {
    const answers = [rpc.request("op"), rpc.request("op")];
    const ids = fake.sent.filter(({ op }) => op === "op").map(({ id }) => id);
    for (const part of all) for (const id of ids) say(id, [part]);
    for (const answer of answers) expect((await answer).frames).toHaveLength(2);
  });

  it.each([
    ["one is missing", (n: number[]) => [...n.slice(0, 1), ...n.slice(2)]],
    ["the first is missing", (n: number[]) => n.slice(1)],
    ["two are swapped", (n: number[]) => [n[0], n[2], n[1], ...n.slice(3)] as number[]],
    ["one comes twice", (n: number[]) => [n[0], n[1], n[1], ...n.slice(2)] as number[]],
  ])("fail when %s", async (_what, change) => {
    const answer = rpc.request("op");
    const refused = expect(answer).rejects.toMatchObject({ type: "BadAnswer" });
    say(fake.last("op").id, change(all));
    await refused;
  });
});

describe("hostile messages", () => {
  const header = { dtype: "f32", shape: [4], layout: "dense" };
  it.each([
    ["a frame without its buffer", { frames: [header] }, []],
    ["a frame with too few bytes", { frames: [header] }, [new Uint8Array(15)]],
    ["a buffer that is none", { frames: [header] }, ["0123456789abcdef"]],
    ["buffers that are no list", { frames: [header] }, "buffers"],
    ["a header that lies", { frames: [{ ...header, shape: [2 ** 50] }] }, [new Uint8Array(16)]],
    ["a chunk without count", { frames: [header], chunk: { index: 0 } }, [new Uint8Array(16)]],
    ["a chunk past the end", { chunk: { index: 3, count: 3 } }, []],
    [
      "more bytes than frames",
      { frames: [header], chunk: { index: 0, count: 2 } },
      [new Uint8Array(17)],
    ],
  ])("%s fails that request, and only that", async (_what, extra, buffers) => {
    const other = rpc.request("other");
    const answer = rpc.request("op");
    const refused = expect(answer).rejects.toMatchObject({ type: "BadAnswer" });
    fake.answer("op", {}, extra, buffers);
    await refused;
    fake.answer("other", 1);
    await expect(other).resolves.toMatchObject({ result: 1 });
  });

  it("anything at all is survived", async () => {
    const answer = rpc.request("op");
    const { id } = fake.last("op");
    const values = [null, undefined, 0, "x", [], {}, Number.NaN, true, { v: 1 }, -1];
    for (const a of values) {
      fake.say(a, a);
      for (const b of values) {
        fake.say({ v: 1, id: a, ok: b, result: a, error: b });
        fake.say({ v: 1, id: "other", progress: a, chunk: b });
        fake.say({ v: 1, id, progress: { done: a, total: b, label: a } });
      }
    }
    fake.say({ kind: "anywidget-command-response", id, response: 1 });
    fake.answer("op", "fine");
    await expect(answer).resolves.toMatchObject({ result: "fine" });
  });
});

describe("is the kernel there?", () => {
  const status = () => rpc.liveness.status;

  it("connects with hello, and says versions", () => {
    expect(status()).toBe("connecting");
    expect(fake.last("hello").args).toEqual({ protocol: 1, version: "0.1.0" });
    fake.greet();
    expect(status()).toBe("live");
    expect(rpc.liveness.text).toBe("");
  });

  it("a receipt is enough, however long the answer takes", async () => {
    fake.greet();
    rpc.request("effects").catch(() => {});
    fake.say({ v: 1, id: fake.last("effects").id, ack: true });
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(5_000);
      fake.answer("ping");
    }
    expect(status()).toBe("live");
  });

  it("no receipt in five seconds: gone, with a sentence that counts; any message: live", async () => {
    fake.greet();
    await vi.advanceTimersByTimeAsync(0);
    const changed = vi.fn();
    rpc.liveness.onChange(changed);
    const answer = rpc.request("toggle");
    await vi.advanceTimersByTimeAsync(4_900);
    expect(status()).toBe("live");
    await vi.advanceTimersByTimeAsync(200);
    expect(status()).toBe("gone");
    expect(rpc.liveness.text).toMatch(/^No answer from the kernel for 5 s\./);
    expect(rpc.liveness.text).toContain("run the cell again");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(rpc.liveness.text).toContain("for 10 s");
    expect(changed).toHaveBeenCalledTimes(2);
    fake.answer("toggle", { revision: 2 }); // the cell has ended
    expect(status()).toBe("live");
    await expect(answer).resolves.toMatchObject({ result: { revision: 2 } });
    expect(changed).toHaveBeenCalledTimes(3);
  });

  it("asks a silent kernel every five seconds while visible, and a mute one less and less", async () => {
    fake.greet();
    await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(fake.count("ping")).toBe(1);
    fake.answer("ping");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(fake.count("ping")).toBe(2);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(status()).toBe("gone");
    expect(fake.count("ping")).toBeLessThan(18);
    expect(rpc.liveness.text).toContain("10 min");
  });

  it("leaves a hidden page alone, and asks at once when it is seen again", async () => {
    fake.greet();
    await vi.advanceTimersByTimeAsync(0);
    visible.become(false);
    rpc.request("toggle").catch(() => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fake.count("ping")).toBe(0);
    expect(status()).toBe("live");
    visible.become(true);
    expect(fake.count("ping")).toBe(1);
    await vi.advanceTimersByTimeAsync(4_900);
    expect(status()).toBe("live");
    await vi.advanceTimersByTimeAsync(200);
    expect(status()).toBe("gone");
    expect(rpc.liveness.text).toContain("for 5 s"); // a hidden page did not wait
  });

  it("a page that slept gives the kernel another chance before it calls it gone", async () => {
    fake.greet();
    await vi.advanceTimersByTimeAsync(0);
    rpc.request("toggle").catch(() => {});
    await vi.advanceTimersByTimeAsync(2_000);
    vi.setSystemTime(Date.now() + 3_600_000); // the lid was closed
    await vi.advanceTimersByTimeAsync(3_100);
    expect(status()).toBe("live");
    await vi.advanceTimersByTimeAsync(5_100);
    expect(status()).toBe("gone");
  });

  it("a comm that the host has disposed of is gone at once", async () => {
    fake.greet();
    fake.disposed = true;
    await expect(rpc.request("toggle")).rejects.toMatchObject({ type: "KernelGone" });
    expect(status()).toBe("gone");
    expect(rpc.liveness.text).toMatch(/closed.*run the cell again/);
    fake.disposed = false;
    rpc.liveness.askNow();
    await vi.advanceTimersByTimeAsync(0);
    fake.say({ v: 1, id: "x", ack: true });
    expect(status()).toBe("live");
  });

  it.each([
    [
      "refuses the hello",
      () =>
        fake.refuse("hello", {
          type: "VersionMismatch",
          message: "the page speaks protocol 1, this kernel speaks 2.",
          hint: "Run the cell again.",
        }),
    ],
    ["answers in another version", () => fake.say({ v: 2, id: "x", ok: true })],
    ["greets with another protocol", () => fake.answer("hello", { protocol: 2, version: "9" })],
  ])("a kernel that %s is a mismatch", async (_what, act) => {
    act();
    await vi.advanceTimersByTimeAsync(0);
    expect(status()).toBe("mismatch");
    expect(rpc.liveness.text).toMatch(/protocol/);
    expect(rpc.liveness.text).toContain("Run the cell again");
    await expect(rpc.request("toggle")).rejects.toMatchObject({ type: "VersionMismatch" });
    expect(fake.count("toggle")).toBe(0);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(status()).toBe("mismatch");
    fake.greet(); // the cell was run again, on the same widget
    await vi.advanceTimersByTimeAsync(0);
    expect(status()).toBe("live");
  });
});
