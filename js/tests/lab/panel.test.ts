import { expect, it, vi } from "vitest";
import { redraw } from "../../lab/redraw";
import { Registry } from "../../lab/registry";
import { sessionCard } from "../../lab/session-card";
import { cells, pythonText } from "../../lab/starter-notebook";
import { SweepNotices } from "../../lab/sweep-notices";
import { aKernel, anIntervention, aSession } from "./answers";

const context = () => ({
  act: vi.fn(async () => {}),
  listed: 2,
  unfolded: new Set<string>(),
  again: vi.fn(),
});

it("a card's switches ask for the other position, by the id of the intervention", () => {
  const given = context();
  const session = aSession({
    interventions: [anIntervention(7), anIntervention(9, false), anIntervention(11)],
    interventions_total: 3,
  });
  const card = sessionCard(aKernel(), session, given);
  const switches = card.querySelectorAll<HTMLButtonElement>("[role=switch]");
  expect([...switches].map((each) => each.getAttribute("aria-checked"))).toEqual(["true", "false"]);
  for (const each of switches) each.click();
  expect(given.act.mock.calls).toEqual([
    [session, "disable", { which: 7 }],
    [session, "enable", { which: 9 }],
  ]);
  card.querySelector<HTMLButtonElement>(".mw-lab-more")?.click();
  expect(given.unfolded.has(session.id)).toBe(true);
});

it("what a model or a prompt is called is text", () => {
  const session = aSession({ prompt: "<img src=x>", error: "<b>no</b>" });
  const card = sessionCard(aKernel(), session, context());
  expect(card.querySelector("img, b")).toBeNull();
  expect(card.textContent).toContain("<img src=x>");
});

it("a redraw keeps the keyboard where it was", () => {
  const row = (key: string) => {
    const made = document.createElement("button");
    made.dataset.key = key;
    return made;
  };
  const list = document.body.appendChild(document.createElement("div"));
  redraw(list, [row("a"), row("b")]);
  (list.children[1] as HTMLElement).focus();
  redraw(list, [row("x"), row("b")]);
  expect(document.activeElement).toBe(list.children[1]);
});

it("the registry refuses what is no view and a second of one name, and forgets", () => {
  const registry = new Registry();
  const render = () => {};
  const added = registry.addView({ id: "x:b", title: "B", render });
  registry.addView({ id: "x:a", title: "A", rank: 1, render });
  expect(registry.views.map(({ id }) => id)).toEqual(["x:a", "x:b"]);
  expect(() => registry.addView({ id: "x:a", title: "A", render })).toThrow("x:a");
  expect(() => registry.addView({ id: "", title: "A", render })).toThrow();
  added.dispose();
  added.dispose();
  expect([added.isDisposed, registry.views.length]).toEqual([true, 1]);
});

it("a long sweep is announced once, followed, and taken back when it is over", () => {
  const notices = { emit: vi.fn(() => "n1"), update: vi.fn(() => true), dismiss: vi.fn() };
  const cancel = vi.fn();
  let now = 0;
  const watch = new SweepNotices(
    notices,
    () => 5,
    cancel,
    () => now,
  );
  const at = (done: number | null) => {
    const sweep = done === null ? null : { done, total: 10 };
    watch.take({ kernels: [aKernel({ sessions: [aSession({ sweep })] })], trouble: null });
  };
  at(1);
  now = 4.9;
  at(2);
  expect(notices.emit).not.toHaveBeenCalled();
  now = 5;
  at(3);
  at(4);
  expect(notices.emit).toHaveBeenCalledTimes(1);
  expect(notices.update).toHaveBeenLastCalledWith(
    expect.objectContaining({ id: "n1", progress: 0.4 }),
  );
  const [, , options] = notices.emit.mock.calls[0] as unknown as [
    string,
    string,
    { actions: { callback(): void }[] },
  ];
  options.actions[0]?.callback();
  expect(cancel).toHaveBeenCalledWith("k1", "s1");
  watch.take({ kernels: null, trouble: new Error("gone") });
  expect(notices.dismiss).not.toHaveBeenCalled();
  at(null);
  expect(notices.dismiss).toHaveBeenCalledWith("n1");
});

it("a prompt enters Python as a literal", () => {
  expect(pythonText('a"b\\\n')).toBe('"a\\"b\\\\\\n"');
  expect(pythonText("x\u2028%ls")).toBe('"x\\u2028%ls"');
  expect(pythonText("é😀")).toBe('"é😀"');
  const [load, show] = cells({ model: 'm"; import os', code: null, prompt: "p" });
  expect(load).toBe('import mechwidget as mw\n\nmodel = mw.load("m\\"; import os")');
  expect(show).toContain('mw.Session(model, "p")');
});
