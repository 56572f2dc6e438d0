// A pointer moves faster than frames and answers come: only the newest counts.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Listeners } from "../../wire/listeners";
import { newest, perFrame } from "../../wire/pace";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("perFrame", () => {
  it("draws once per frame, with the newest", () => {
    const draw = vi.fn();
    const later = perFrame(draw);
    for (let i = 0; i < 10; i++) later(i);
    expect(draw).not.toHaveBeenCalled();
    vi.advanceTimersToNextFrame();
    expect(draw.mock.calls).toEqual([[9]]);
    later(10);
    vi.advanceTimersToNextFrame();
    expect(draw.mock.calls).toEqual([[9], [10]]);
  });

  it("draws nothing after its signal", () => {
    const draw = vi.fn();
    const stop = new AbortController();
    const later = perFrame(draw, stop.signal);
    later(1);
    stop.abort();
    later(2);
    vi.advanceTimersToNextFrame();
    expect(draw).not.toHaveBeenCalled();
  });

  it("goes on after a draw that failed", () => {
    const draw = vi.fn().mockImplementationOnce(() => {
      throw new Error("cannot draw");
    });
    const later = perFrame(draw);
    later(1);
    expect(() => vi.advanceTimersToNextFrame()).toThrow("cannot draw");
    later(2);
    vi.advanceTimersToNextFrame();
    expect(draw).toHaveBeenLastCalledWith(2);
  });
});

describe("newest", () => {
  it("withdraws the question before, whatever answer comes first", async () => {
    const ask = newest();
    const signals: AbortSignal[] = [];
    const answers: ((value: string) => void)[] = [];
    const question = () =>
      ask((signal) => {
        signals.push(signal);
        return new Promise<string>((resolve) => answers.push(resolve));
      });
    const [first, second] = [question(), question()];
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    answers[1]?.("second");
    answers[0]?.("first");
    await expect(first).resolves.toBeNull();
    await expect(second).resolves.toBe("second");
  });

  it("rejects for a failure, not for being overtaken or ended", async () => {
    const stop = new AbortController();
    const ask = newest(stop.signal);
    await expect(ask(() => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
    const ended = ask(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    );
    stop.abort();
    await expect(ended).resolves.toBeNull();
    await expect(ask(() => Promise.resolve(1))).resolves.toBeNull();
  });
});

describe("listeners", () => {
  it("hear in order, twice if added twice, until removed or aborted", () => {
    const heard: string[] = [];
    const listeners = new Listeners<[string]>();
    const stop = new AbortController();
    const callback = (what: string) => heard.push(what);
    const remove = listeners.add(callback);
    listeners.add(callback, { signal: stop.signal });
    listeners.emit("a");
    remove();
    remove();
    listeners.emit("b");
    stop.abort();
    listeners.emit("c");
    listeners.add(callback, { signal: stop.signal });
    expect(heard).toEqual(["a", "a", "b"]);
    expect(listeners.size).toBe(0);
  });

  it("do not stop each other by failing, and one removed meanwhile hears nothing", () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    const listeners = new Listeners<[]>();
    const last = vi.fn();
    const removed = vi.fn();
    let remove = () => {};
    listeners.add(() => {
      remove();
      throw new Error("a crashed view");
    });
    remove = listeners.add(removed);
    listeners.add(last);
    listeners.emit();
    expect(reported).toHaveBeenCalledOnce();
    expect(removed).not.toHaveBeenCalled();
    expect(last).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
});
