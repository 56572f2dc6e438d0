import { describe, expect, it } from "vitest";
import { bytes, memory, metricWords, parameters, silence, when } from "../../lab/words";
import { aKernel, anIntervention, aSession } from "./answers";

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [99_499, "99.5 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [1.2e9, "1.2 GB"],
    [9.9e15, "9900 TB"],
  ])("%d bytes read %s", (n, words) => expect(bytes(n)).toBe(words));

  it.each([
    [810_000, "810k"],
    [124_439_808, "124M"],
    [1_500_000_000, "1.5B"],
    [70e9, "70B"],
  ])("%d parameters read %s", (n, words) => expect(parameters(n)).toBe(words));
});

describe("a session in words", () => {
  it("has a device's memory where there is one, and the kernel's", () => {
    const session = aSession({
      model: { ...aSession().model, device: "cuda:0" },
      memory: { device_allocated: 2e9, device_total: 24e9 },
    });
    expect(memory(aKernel(), session)).toBe("2.0 GB of 24.0 GB on cuda:0 · kernel 1.2 GB");
    expect(memory(aKernel({ process: null }), aSession())).toBe("");
  });

  it("has before and after only while something is on", () => {
    const metric = { label: "p", unit: "probability", before: 0.5, after: 0.25 };
    const on = { interventions: [anIntervention(1)], interventions_total: 1 };
    expect(metricWords(aSession({ metric, ...on }))).toBe("50% → 25%");
    expect(metricWords(aSession({ metric }))).toBe("25%");
    expect(metricWords(aSession({ metric: { ...metric, after: null } }))).toBe("…");
  });
});

it("says why a kernel says nothing, and nothing of one that has no session", () => {
  const silent = ["busy", "no_answer", "unreachable", "other_version"] as const;
  const reasons = silent.map((state) => silence(aKernel({ state })));
  expect(new Set(reasons).size).toBe(silent.length);
  expect(reasons).not.toContain("");
  expect(silence(aKernel({ state: "no_sessions" }))).toBe("");
});

it("says the time of today, the day of others, and nothing of what is no date", () => {
  const now = new Date(2026, 10, 29, 15, 0);
  expect(when(new Date(2026, 10, 29, 14, 5).toISOString(), now)).toMatch(/5/);
  expect(when(new Date(2025, 0, 3).toISOString(), now)).toMatch(/2025/);
  expect(when("", now)).toBe("");
});
