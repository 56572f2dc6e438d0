import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RecipeText } from "../../lab/recipe-text";

class Model {
  readOnly = false;
  dirty = false;
  constructor(public text: string) {}
  toString = () => this.text;
  fromString = (text: string) => {
    this.text = text;
  };
}

/** Saves as JupyterLab does: it says when it begins and ends, and a second save meanwhile is a conflict. */
class Context {
  disk: string[] = [];
  conflicts = 0;
  takes = 100;
  refuses = false;
  onSave: (state: "started" | "completed") => unknown = () => undefined;
  #underway = 0;
  constructor(readonly model: Model) {}

  async save(): Promise<void> {
    this.onSave("started");
    const text = this.model.text;
    if (this.#underway > 0) this.conflicts += 1;
    this.#underway += 1;
    await new Promise((done) => setTimeout(done, this.takes));
    this.#underway -= 1;
    if (this.refuses) throw new Error("the disk is full");
    this.disk.push(text);
    this.model.dirty = false;
    this.onSave("completed");
  }
}

let model: Model;
let context: Context;
let kernel: string;
let answers: number;
let foreign: number;
let trouble: unknown[];

function made(): RecipeText {
  const publish = async () => {
    await new Promise((done) => setTimeout(done, answers));
    return { open: true, error: null, text: kernel };
  };
  const text = new RecipeText(
    context,
    publish,
    () => {
      foreign += 1;
    },
    (error) => trouble.push(error),
  );
  context.onSave = (state) => (state === "started" ? text.saving() : void text.saved());
  return text;
}

async function saved(): Promise<void> {
  const first = context.save();
  await vi.advanceTimersByTimeAsync(1000);
  await first;
}

beforeEach(() => {
  vi.useFakeTimers();
  [model, kernel, foreign, trouble] = [new Model("one"), "one", 0, []];
  context = new Context(model);
  answers = 0;
});
afterEach(() => vi.useRealTimers());

it("takes the kernel's text after a pause, once for many changes", async () => {
  const text = made();
  text.agreed();
  for (kernel of ["two", "three"]) text.changed();
  expect(model.text).toBe("one");
  await vi.advanceTimersByTimeAsync(1000);
  expect(model.text).toBe("three");
  expect(model.dirty).toBe(true);
  expect(foreign).toBe(0);
});

it("never writes over what others have written", async () => {
  const text = made();
  text.agreed();
  model.text = "an editor's";
  text.textChanged();
  kernel = "two";
  text.changed();
  await saved();
  expect(model.text).toBe("an editor's");
  expect(context.disk).toEqual(["an editor's"]);
  expect(foreign).toBeGreaterThan(0);
});

it("saves what the session is by now, after the save that it missed, and not for ever", async () => {
  const text = made();
  text.agreed();
  kernel = "two";
  text.changed();
  await saved();
  expect(context.disk).toEqual(["one", "two"]);
  expect(context.conflicts).toBe(0);
  expect(model.dirty).toBe(false);
  await saved();
  expect(context.disk).toEqual(["one", "two", "two"]);
});

it("leaves it to a save that somebody has begun meanwhile", async () => {
  const text = made();
  text.agreed();
  kernel = "two";
  answers = 150; // longer than a save
  const first = context.save();
  await vi.advanceTimersByTimeAsync(120);
  await first;
  context.takes = 1000; // the kernel has answered long before
  const second = context.save();
  await vi.advanceTimersByTimeAsync(3000);
  await second;
  expect(context.conflicts).toBe(0);
  expect(context.disk).toEqual(["one", "one", "two"]);
});

it("says that a text is not saved where it could not be, and tries no further", async () => {
  const text = made();
  text.agreed();
  kernel = "two";
  const first = context.save();
  await vi.advanceTimersByTimeAsync(150);
  await first;
  context.refuses = true;
  await vi.advanceTimersByTimeAsync(1000);
  expect(context.disk).toEqual(["one"]);
  expect([model.text, model.dirty]).toEqual(["two", true]);
  context.refuses = false;
  await saved();
  expect(context.disk).toEqual(["one", "two"]);
});

it("says that a text which came during the second save is not saved", async () => {
  const text = made();
  text.agreed();
  kernel = "two";
  const first = context.save();
  context.takes = 1000; // the second one's
  await vi.advanceTimersByTimeAsync(150);
  await first;
  kernel = "three";
  text.changed();
  await vi.advanceTimersByTimeAsync(2000);
  expect(context.disk).toEqual(["one", "two"]);
  expect([model.text, model.dirty]).toEqual(["three", true]);
});

it("leaves a document without a session, and one that may not be written, alone", async () => {
  const text = made();
  kernel = "two";
  text.changed();
  await saved();
  text.agreed();
  model.readOnly = true;
  text.changed();
  await vi.advanceTimersByTimeAsync(1000);
  await saved();
  expect([model.text, context.disk]).toEqual(["one", ["one", "one"]]);
});
