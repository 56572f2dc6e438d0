// Addresses, the server's routes and its stream of changes, on a server that a test plays.

import { describe, expect, it, vi } from "vitest";
import { followChanges } from "../../vscode/change-stream";
import { editorHtml, newNonce } from "../../vscode/editor-html";
import { isExposed, readAddress } from "../../vscode/server-address";
import { ServerClient } from "../../vscode/server-client";

const base = "http://localhost:8888/";
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

function clientOf(answer: Response | Error) {
  const fetcher = vi.fn(async (_url: URL, _options: RequestInit) => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const address = { base, token: "s3cret" };
  return { fetcher, client: new ServerClient(address, fetcher as unknown as typeof fetch) };
}

describe("an address", () => {
  it.each([
    ["http://localhost:8888", base, ""],
    [" http://localhost:8888/lab/tree/a.ipynb?token=abc&x=1 ", base, "abc"],
    ["https://hub.example/user/me/lab", "https://hub.example/user/me/", ""],
    ["http://me:pw@localhost:8888/", base, ""],
  ])("%j", (typed, expected, token) => {
    expect(readAddress(typed)).toEqual({ base: expected, token });
  });

  it.each(["", "localhost:8888", "file:///etc/passwd", "javascript:alert(1)"])(
    "%j is none",
    (typed) => expect(() => readAddress(typed)).toThrow(/http/),
  );

  it("knows where a token could be read on its way", () => {
    const exposed = (typed: string) => isExposed(readAddress(typed));
    expect(["http://localhost:1", "http://127.0.0.1:1", "https://a.b"].map(exposed)).not.toContain(
      true,
    );
    expect(["http://10.0.0.1:1", "http://localhost.evil.example"].map(exposed)).toEqual([
      true,
      true,
    ]);
  });
});

describe("the routes", () => {
  it("send the token in a header, follow no redirect, and read kernels carefully", async () => {
    const sessions = [
      { id: "s", model: { name: "m" }, interventions: [{ id: 3, enabled: true }, 7] },
    ];
    const { client, fetcher } = clientOf(
      json({ kernels: [{ id: "k", state: "answered", sessions }] }),
    );
    const [kernel] = await client.kernels();
    const [url, options] = fetcher.mock.calls[0] ?? [];
    expect(String(url)).toBe(`${base}mechwidget/api/sessions`);
    expect(options).toMatchObject({
      redirect: "error",
      headers: { Authorization: "token s3cret" },
    });
    expect(kernel?.sessions[0]?.interventions).toHaveLength(2);
    expect(kernel?.sessions[0]).toMatchObject({ model: "m", undo: "", metric: null });
  });

  it("send a change to its session", async () => {
    const { client, fetcher } = clientOf(json({ session: { id: "s", revision: 4 } }));
    const changed = await client.change("k/..", "s", { action: "disable", which: 3 });
    const [url, options] = fetcher.mock.calls[0] ?? [];
    expect(String(url)).toBe(`${base}mechwidget/api/sessions/k%2F../s`);
    expect(JSON.parse(String(options?.body))).toEqual({ action: "disable", which: 3 });
    expect(changed.revision).toBe(4);
  });

  it.each([
    [json({ message: "Forbidden" }, 403), "does not take this token"],
    [json({ error: { type: "busy", message: "Busy.", hint: "Wait." } }, 409), "Busy."],
    [new Response("<html>", { status: 404 }), "has no mechwidget"],
    [new TypeError("fetch failed"), "No Jupyter server answers"],
    [new Response("<html>", { status: 200 }), "something else than JSON"],
  ])("a refusal is a sentence (%#)", async (answer, words) => {
    await expect(clientOf(answer).client.kernels()).rejects.toThrow(words);
  });
});

describe("the stream of changes", () => {
  it("calls for sessions and not for recipes, comes back, and names the last event", async () => {
    vi.useFakeTimers();
    const scope = new AbortController();
    const events = [
      "id: 1\nevent: recipe\ndata: {}\n\nid: 2\nevent: ses",
      "sions\ndata: {}\n\n: still here\n\n",
    ];
    const asked: string[] = [];
    const open = async (_: AbortSignal, last: string) => {
      asked.push(last);
      if (asked.length === 2) throw new Error("down");
      const parts = asked.length === 1 ? events : [];
      return new ReadableStream<Uint8Array>({
        start(controller) {
          for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
          controller.close();
        },
      });
    };
    const [changed, lost] = [vi.fn(), vi.fn()];
    const done = followChanges(open, changed, lost, scope.signal);
    await vi.advanceTimersByTimeAsync(500);
    expect(changed).toHaveBeenCalledTimes(2); // once because it is open
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toEqual(["", "2", "2"]);
    expect(lost).toHaveBeenCalledTimes(1);
    scope.abort();
    await done;
    vi.useRealTimers();
  });
});

describe("the page of the editor", () => {
  it("lets run its own script and nothing else", () => {
    const nonce = newNonce();
    expect(nonce).toMatch(/^[0-9a-f]{32}$/);
    expect(newNonce()).not.toBe(nonce);
    const html = editorHtml({ script: 'a"b<c&d', styles: "s", source: "here:", nonce });
    const [, policy = ""] = /Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src 'nonce-${nonce}';`);
    expect(policy).not.toMatch(/unsafe|https?:/);
    expect(html).toContain('src="a&quot;b&lt;c&amp;d"');
  });
});
