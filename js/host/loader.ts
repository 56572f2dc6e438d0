// What a page runs of every view: a loader, since a page never forgets a module, and a notebook with
// ten views should not save ten front ends. In: a widget model. Out: the widget of the front end,
// which the model carries (a workbench) or the kernel sends; it is run once per page.

import type { AnyModel } from "@anywidget/types";
import type { Widget } from "./widget";

interface FrontEnd {
  script: string;
  style: string;
}

/** A front end that runs: `widget` makes one for each model. */
interface Running {
  widget(): Widget;
  style: string;
}

type Hook = { model: AnyModel; signal?: AbortSignal };
type Render = Hook & { el: HTMLElement };

const PROTOCOL = 1;
const ASK_AGAIN_MS = 2_000;

// By fingerprint: after an upgrade the page may still hold the front end of before.
const REGISTRY = Symbol.for("mechwidget.front-ends.2");

function registry(): Map<string, Promise<Running>> {
  const page = globalThis as { [REGISTRY]?: Map<string, Promise<Running>> };
  page[REGISTRY] ??= new Map();
  return page[REGISTRY];
}

function isFrontEnd(value: unknown): value is FrontEnd {
  const { script, style } = (value ?? {}) as Partial<FrontEnd>;
  return typeof script === "string" && typeof style === "string";
}

/** Asks the kernel until it has answered, or `signal`. */
function ask(model: AnyModel, signal: AbortSignal): Promise<FrontEnd> {
  return new Promise((resolve) => {
    const name = `front end ${Math.random().toString(36).slice(2)}`;
    let asked = 0;
    const send = (): void => {
      asked += 1;
      model.send({ v: PROTOCOL, id: `${name} ${asked}`, op: "front_end", args: {} });
    };
    const timer = setInterval(send, ASK_AGAIN_MS);
    const stop = (): void => {
      clearInterval(timer);
      model.off("msg:custom", hear);
    };
    const hear = (message: unknown): void => {
      const { id, result } = (message ?? {}) as { id?: unknown; result?: unknown };
      if (typeof id !== "string" || !id.startsWith(name) || !isFrontEnd(result)) return;
      stop();
      resolve(result);
    };
    model.on("msg:custom", hear);
    signal.addEventListener("abort", stop, { once: true });
    send();
  });
}

/** The front end, from the model where it is carried, else from the kernel. */
async function fetched(model: AnyModel, signal: AbortSignal): Promise<FrontEnd> {
  const carried: unknown = model.get("_carried");
  return isFrontEnd(carried) ? carried : ask(model, signal);
}

async function run({ script, style }: FrontEnd): Promise<Running> {
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    const { widget }: Pick<Running, "widget"> = await import(url);
    return { widget, style };
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function load(model: AnyModel, signal: AbortSignal): Promise<[Widget, string]> {
  const name = String(model.get("_front_end"));
  const known = registry().get(name);
  if (known) return made(await known);
  // Two views may ask at once; the first that has it runs it for both.
  const frontEnd = await fetched(model, signal);
  const running = registry().get(name) ?? run(frontEnd);
  registry().set(name, running);
  running.catch(() => registry().delete(name));
  return made(await running);
}

const made = ({ widget, style }: Running): [Widget, string] => [widget(), style];

function scopeOf(signal: AbortSignal | undefined): AbortController {
  const scope = new AbortController();
  if (signal?.aborted) scope.abort();
  else signal?.addEventListener("abort", () => scope.abort(), { once: true });
  return scope;
}

/** Says in plain words why there is nothing to see yet; the front end itself says the rest. */
function waiting(el: HTMLElement, signal: AbortSignal): (words: string) => void {
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  el.append(words);
  signal.addEventListener("abort", () => words.remove(), { once: true });
  return (text) => {
    words.textContent = text;
    words.hidden = text === "";
  };
}

let loading: Promise<[Widget, string]> | null = null;
const life = new AbortController();

export default {
  initialize({ model, signal }: Hook): () => void {
    const scope = scopeOf(signal);
    scope.signal.addEventListener("abort", () => life.abort(), { once: true });
    loading ??= load(model, life.signal);
    loading
      .then(([widget]) => {
        if (!scope.signal.aborted) widget.initialize({ model, signal: scope.signal });
      })
      .catch(() => {}); // said where it is drawn
    return () => scope.abort();
  },

  render({ model, el, signal }: Render): () => void {
    const scope = scopeOf(signal);
    const say = waiting(el, scope.signal);
    const late = setTimeout(() => say("Waiting for the kernel …"), ASK_AGAIN_MS);
    scope.signal.addEventListener("abort", () => clearTimeout(late), { once: true });
    loading ??= load(model, life.signal);
    loading.then(
      ([widget, style]) => {
        clearTimeout(late);
        say("");
        if (scope.signal.aborted) return;
        const sheet = document.createElement("style");
        sheet.textContent = style;
        el.append(sheet);
        scope.signal.addEventListener("abort", () => sheet.remove(), { once: true });
        widget.render({ model, el, signal: scope.signal });
      },
      (error: unknown) => {
        clearTimeout(late);
        say(`mechwidget could not be loaded here: ${error}.`);
      },
    );
    return () => scope.abort();
  },
};
