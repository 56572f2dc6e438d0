import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RecipeText } from "../../lab/recipe-text";

class Model {
  saved: string[] = [];
  readOnly = false;
  dirty = false;
  constructor(public text: string) {}
  toString = () => this.text;
  fromString = (text: string) => {
    this.text = text;
  };
}

let model: Model;
let kernel: string;
let foreign: number;
let trouble: unknown[];

function made(): RecipeText {
  const context = { model, save: async () => void model.saved.push(model.text) };
  const publish = async () => ({ open: true, error: null, text: kernel });
  return new RecipeText(
    context,
    publish,
    () => {
      foreign += 1;
    },
    (error) => trouble.push(error),
  );
}

beforeEach(() => {
  vi.useFakeTimers();
  [model, kernel, foreign, trouble] = [new Model("one"), "one", 0, []];
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
  await vi.advanceTimersByTimeAsync(1000);
  await text.saving();
  expect(model.text).toBe("an editor's");
  expect(model.saved).toEqual([]);
  expect(foreign).toBeGreaterThan(0);
});

it("saves what the session is by now, and does not save for ever", async () => {
  const text = made();
  text.agreed();
  kernel = "two";
  text.changed();
  await Promise.all([text.saving(), text.saving()]);
  expect(model.saved).toEqual(["two"]);
  await text.saving();
  expect(model.saved).toEqual(["two"]);
});

it("leaves a document without a session, and one that may not be written, alone", async () => {
  const text = made();
  kernel = "two";
  text.changed();
  await text.saving();
  text.agreed();
  model.readOnly = true;
  text.changed();
  await vi.advanceTimersByTimeAsync(1000);
  await text.saving();
  expect([model.text, model.saved]).toEqual(["one", []]);
});
