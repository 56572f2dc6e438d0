// What a view of its own carries instead of the whole front end, so that a notebook with ten of them
// open does not save ten copies. In: a widget model. Out: the widget of the front end that the
// kernel sends once per page, run once per model, as a copy of its own would be.

import type { AnyModel } from "@anywidget/types";
import type { Widget } from "./widget";

interface FrontEnd {
  script: string;
  style: string;
}

type Hook = { model: AnyModel; signal?: AbortSignal };
type Render = Hook & { el: HTMLElement };

const PROTOCOL = 1;
const ASK_AGAIN_MS = 2_000;

// By fingerprint: after an upgrade the page may still hold the front end of before.
const REGISTRY = Symbol.for("mechwidget.front-ends.1");

function registry(): Map<string, FrontEnd> {
  const page = globalThis as { [REGISTRY]?: Map<string, FrontEnd> };
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

async function load(model: AnyModel, signal: AbortSignal): Promise<[Widget, FrontEnd]> {
  const fingerprint = String(model.get("_front_end"));
  const frontEnd = registry().get(fingerprint) ?? (await ask(model, signal));
  registry().set(fingerprint, frontEnd);
  const url = URL.createObjectURL(new Blob([frontEnd.script], { type: "text/javascript" }));
  try {
    const module: { default: Widget } = await import(url);
    return [module.default, frontEnd];
  } finally {
    URL.revokeObjectURL(url);
  }
}

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

let loading: Promise<[Widget, FrontEnd]> | null = null;
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
      ([widget, { style }]) => {
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
        say(`mechwidget could not be loaded here: ${error}. Show mw.Workbench(session) instead.`);
      },
    );
    return () => scope.abort();
  },
};
