// One store per session and page, whoever asks for it, also another copy of this very module.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { acquireStore, type PageState } from "../../store/session-store";
import type { ComponentJson } from "../../types";

const HEAD: ComponentJson = { type: "head", layer: 1, head: 2 };
const MLP: ComponentJson = { type: "mlp", layer: 0 };

let scope: AbortController;

beforeEach(() => {
  vi.useFakeTimers();
  scope = new AbortController();
});
afterEach(() => {
  scope.abort();
  vi.runAllTimers();
  vi.useRealTimers();
});

const acquire = (session = "s-1", signal = scope.signal) => acquireStore(session, signal);

describe("the store", () => {
  it("previews what is hovered, and falls back to what is locked", () => {
    const store = acquire();
    expect(store.focus).toBeNull();
    store.lock(HEAD);
    expect(store.focus).toEqual(HEAD);
    store.hover(MLP, 3);
    expect(store.focus).toEqual(MLP);
    expect(store.value.hover.token).toBe(3);
    store.hover(null);
    expect(store.focus).toEqual(HEAD);
  });

  it("CircuitsVis: locking the same head again unlocks it, and so does null", () => {
    const store = acquire();
    store.lock(HEAD);
    store.lock({ ...HEAD });
    expect(store.value.locked).toBeNull();
    store.lock(HEAD);
    store.lock(MLP);
    expect(store.value.locked).toEqual(MLP);
    store.lock(null);
    expect(store.value.locked).toBeNull();
  });

  it("tells what is new, and only that", () => {
    const store = acquire();
    const told: [PageState, PageState][] = [];
    const stop = new AbortController();
    store.subscribe((...states) => told.push(states), { signal: stop.signal });
    store.hover(HEAD);
    store.hover({ ...HEAD }); // the pointer moved within the cell
    store.set({ baseline: true });
    store.set({ baseline: true });
    expect(told.map(([now]) => [now.hover.component, now.baseline])).toEqual([
      [HEAD, false],
      [HEAD, true],
    ]);
    expect(told[1]?.[1]).toBe(told[0]?.[0]);
    stop.abort();
    store.hover(null);
    expect(told).toHaveLength(2);
  });
});

describe("the page", () => {
  it("has one store per session", () => {
    expect(acquire()).toBe(acquire());
    expect(acquire("s-2")).not.toBe(acquire());
  });

  it("shares it between widgets, each of which evaluates its own copy of the bundle", async () => {
    const store = acquire();
    vi.resetModules();
    const copy = await import("../../store/session-store");
    expect(copy.acquireStore).not.toBe(acquireStore);
    const theirs = copy.acquireStore("s-1", scope.signal);
    const heard = vi.fn();
    theirs.subscribe(heard);
    store.lock(HEAD);
    expect(heard).toHaveBeenCalledOnce();
    expect(theirs.focus).toEqual(HEAD);
  });

  it("keeps it while anybody looks, and a little longer for a cell that runs again", () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const store = acquire("s-3", first.signal);
    acquire("s-3", second.signal);
    store.lock(HEAD);
    first.abort();
    vi.advanceTimersByTime(60_000);
    second.abort();
    vi.advanceTimersByTime(5_000);
    const again = new AbortController();
    expect(acquire("s-3", again.signal).value.locked).toEqual(HEAD);
    vi.advanceTimersByTime(60_000);
    expect(acquire("s-3", AbortSignal.abort())).toBe(store);
    again.abort();
    vi.advanceTimersByTime(60_000);
    expect(acquire("s-3").value.locked).toBeNull();
  });

  it("does not keep it for a view that had gone before it asked", () => {
    acquire("s-4", AbortSignal.abort()).lock(HEAD);
    vi.advanceTimersByTime(60_000);
    expect(acquire("s-4").value.locked).toBeNull();
  });
});
