import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KernelAnswer } from "../../lab/answers";
import { currentSession } from "../../lab/current-session";
import { LiveSessions, withSession } from "../../lab/live-sessions";
import { aKernel, aSession } from "./answers";

class Server {
  asked = 0;
  kernelsNow: KernelAnswer[] | Error = [aKernel()];
  async kernels(): Promise<KernelAnswer[]> {
    this.asked += 1;
    if (this.kernelsNow instanceof Error) throw this.kernelsNow;
    return this.kernelsNow;
  }
  async kernel(): Promise<KernelAnswer> {
    return aKernel();
  }
  async act() {
    return aSession({ revision: 2, undo: "Zero head 0.1" });
  }
  events = () => "/events";
}

describe("the live sessions", () => {
  const life = () => new AbortController();
  let server: Server;
  beforeEach(() => {
    vi.useFakeTimers();
    server = new Server();
  });
  afterEach(() => vi.useRealTimers());

  it("are asked for again and again where there is no stream, until nobody follows", async () => {
    const following = life();
    const live = new LiveSessions(server, false);
    live.follow(following.signal);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(server.asked).toBe(3);
    following.abort();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(server.asked).toBe(3);
  });

  it("keep what was known when the server is gone, and say so", async () => {
    const live = new LiveSessions(server, false);
    await live.refresh();
    server.kernelsNow = new Error("gone");
    await live.refresh();
    expect(live.situation.kernels).toHaveLength(1);
    expect(live.situation.trouble).toBe(server.kernelsNow);
    server.kernelsNow = [];
    await live.refresh();
    expect(live.situation).toEqual({ kernels: [], trouble: null });
  });

  it("are asked for once more by all who ask meanwhile", async () => {
    const live = new LiveSessions(server, true);
    await Promise.all([live.refresh(), live.refresh(), live.refresh()]);
    await vi.advanceTimersByTimeAsync(0);
    expect(server.asked).toBe(2);
  });

  it("show what the kernel answered to a change", async () => {
    const live = new LiveSessions(server, true);
    await live.refresh();
    await live.act("k1", "s1", "disable", { which: 1 });
    expect(live.situation.kernels?.[0]?.sessions[0]?.undo).toBe("Zero head 0.1");
  });
});

it("never goes back to an older revision", () => {
  const kernel = aKernel({ sessions: [aSession({ revision: 5 })] });
  const older = withSession(kernel, aSession({ revision: 4, undo: "x" }));
  expect(older.sessions[0]?.revision).toBe(5);
});

it("finds the newest session of what is in front, else the only one", () => {
  const one = aKernel({ sessions: [aSession({ id: "a" }), aSession({ id: "b" })] });
  const other = aKernel({ id: "k2", path: "other.ipynb" });
  expect(currentSession([one, other], "deep/tour.ipynb")?.session.id).toBe("b");
  expect(currentSession([one, other], null)).toBeNull();
  expect(currentSession([other], null)?.kernel.id).toBe("k2");
  expect(currentSession(null, "deep/tour.ipynb")).toBeNull();
});
