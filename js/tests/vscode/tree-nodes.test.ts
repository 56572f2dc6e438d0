// The tree in words, and questions to a notebook's kernel, which a test plays.

import { describe, expect, it } from "vitest";
import {
  ANSWER,
  answered,
  asking,
  type JupyterKernel,
  kernelOf,
} from "../../vscode/notebook-questions";
import { readFromPage } from "../../vscode/page-messages";
import { readKernel } from "../../vscode/session-summary";
import { kernelNodes } from "../../vscode/tree-nodes";

const SESSION = {
  id: "s",
  revision: 3,
  model: { name: "gpt2", device: "cpu" },
  prompt: "The capital",
  interventions: [
    { id: 4, sentence: "Zero head 1.2", enabled: false, name: null },
    { id: 9, sentence: "Scale MLP 0", enabled: true, name: "mover" },
  ],
  interventions_total: 12,
  metric: { label: "logit difference", unit: "logits", before: 10.2, after: -1.5 },
  undo: "Zero head 1.2",
  redo: null,
};
const kernel = (more: object) =>
  readKernel({ id: "k", name: "python3", path: "work/a.ipynb", state: "answered", ...more });

describe("the tree", () => {
  it("says of a session what it measures, what can be undone, and what is switched off", () => {
    const [node] = kernelNodes([kernel({ sessions: [SESSION] })], { kind: "server" });
    expect(node).toMatchObject({ label: "a.ipynb", description: "1 session" });
    const [session] = node?.children ?? [];
    expect(session).toMatchObject({
      label: "gpt2",
      description: "10.2 → −1.50 logits",
      context: "session undo",
    });
    expect(session?.children.map(({ label }) => label)).toEqual([
      "Zero head 1.2",
      "mover",
      "and 10 more",
    ]);
    expect(session?.children.map((each) => each.intervention?.enabled)).toEqual([
      false,
      true,
      undefined,
    ]);
  });

  it("gives each node an id of its own, the same after a refresh", () => {
    const ids = () => {
      const [node] = kernelNodes([kernel({ sessions: [SESSION] })], { kind: "server" });
      const flat = (each: typeof node): string[] =>
        each ? [each.id, ...each.children.flatMap(flat)] : [];
      return flat(node);
    };
    expect(new Set(ids()).size).toBe(ids().length);
    expect(ids()).toEqual(ids());
  });

  it("says why a kernel says nothing", () => {
    const [busy] = kernelNodes([kernel({ state: "busy", sessions: null })], { kind: "server" });
    expect(busy?.description).toContain("busy");
  });
});

describe("a notebook's kernel", () => {
  const playing = (
    items: { mime: string; data: Uint8Array }[],
    codes: string[] = [],
  ): JupyterKernel => ({
    language: "python",
    async *executeCode(code) {
      codes.push(code);
      yield { items };
    },
  });
  const said = (answer: object) => [
    { mime: "text/plain", data: new Uint8Array() },
    { mime: ANSWER, data: new TextEncoder().encode(JSON.stringify(answer)) },
  ];

  it("is asked without being made to import mechwidget", async () => {
    const codes: string[] = [];
    const answer = await answered(
      playing(said({ status: "ok", sessions: [SESSION] }), codes),
      { op: "x" },
      null,
    );
    expect(codes[0]).toBe(asking({ op: "x" }));
    expect(codes[0]).toContain('if "mechwidget" in _sys.modules:');
    expect(kernelOf("a.ipynb", answer).sessions).toHaveLength(1);
    expect(kernelOf("a.ipynb", await answered(playing([]), {}, null)).state).toBe("no_sessions");
  });

  it("refuses in its own words", async () => {
    const error = { message: "The session has changed.", hint: "Look again." };
    const refused = answered(playing(said({ status: "error", error })), {}, null);
    await expect(refused).rejects.toThrow("The session has changed. Look again.");
  });
});

describe("messages of the page", () => {
  it("are checked before anything is done", () => {
    expect(readFromPage({ kind: "command", name: "connect" })).not.toBeNull();
    for (const odd of [null, 3, {}, { kind: "command", name: "rm" }, { kind: "eval" }]) {
      expect(readFromPage(odd)).toBeNull();
    }
    const custom = readFromPage({ kind: "custom", content: 1, buffers: [Uint8Array.of(1), "x"] });
    expect(custom).toEqual({ kind: "custom", content: 1, buffers: [Uint8Array.of(1)] });
  });
});
