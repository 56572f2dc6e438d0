import { expect, it } from "vitest";
import type { Answer } from "../../wire/rpc";
import { askScore, askScores } from "../../wire/scores";
import { FakeSession, frame } from "../views/fake-session";

function answering(op: string, answer: Answer<unknown>) {
  const session = new FakeSession();
  session.answers.set(op, () => answer);
  return session.client;
}

it("reads the menu of scores, with what each lacks and how it is drawn", async () => {
  const entry = {
    name: "copying",
    title: "copying",
    convention: "1 copies",
    unit: "",
    scale: "diverging",
    range: [-1, 1],
    follows_edits: false,
    missing: "needs weights",
    label: "copying",
  };
  const client = answering("score_menu", { result: { scores: [entry] }, frames: [] });
  const { follows_edits: followsEdits, ...same } = entry;
  expect(await askScores(client)).toEqual([{ ...same, followsEdits }]);
});

it.each([
  ["no list", { scores: "all" }],
  ["nothing", null],
  ["a score without a name", { scores: [{ title: "x" }] }],
])("refuses a menu that is %s", async (_what, result) => {
  const client = answering("score_menu", { result, frames: [] });
  await expect(askScores(client)).rejects.toMatchObject({ type: "BadAnswer" });
});

it("refuses numbers that are no map", async () => {
  const none = answering("score", { result: {}, frames: [] });
  await expect(askScore(none, "x", false)).rejects.toMatchObject({ type: "BadAnswer" });
  const two = answering("score", { result: {}, frames: [frame([[1]]), frame([[1]])] });
  await expect(askScore(two, "x", false)).rejects.toMatchObject({ type: "BadAnswer" });
});

it("takes a strange range for none, and a strange scale for the plain one", async () => {
  const result = { scale: "log", range: [0, "1"], unit: 7 };
  const client = answering("score", { result, frames: [frame([[1]])] });
  const { style } = await askScore(client, "x", false);
  expect(style).toEqual({ unit: "", scale: "sequential", range: null, label: "" });
});
