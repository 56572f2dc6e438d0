// What a page runs of every view: a loader, since a page never forgets a module, and a notebook with
// ten views should not save ten front ends. In: a widget model. Out: the widget of the front end,
// which the model carries (a workbench) or the kernel sends; it is run once per page.

import type { AnyModel } from "@anywidget/types";
import { isPacked, moduleOf, type Packed, unpacked } from "../wire/gzip";
import type { Widget } from "./widget";

/** A front end that runs: `widget` makes one for each model. */
interface Running {
  widget(): Widget;
  style: string;
}

type Hook = { model: AnyModel; signal?: AbortSignal };
type Render = Hook & { el: HTMLElement };

const PROTOCOL = 1;
const ASK_AGAIN_MS = 2_000;
const GIVE_UP_MS = 8_000;
const NOBODY =
  "No kernel answers, and this view was saved without what draws it. Run its cell again, or show mw.Workbench(session), which is saved whole.";

// By fingerprint: after an upgrade the page may still hold the front end of before.
const REGISTRY = Symbol.for("mechwidget.front-ends.2");

function registry(): Map<string, Promise<Running>> {
  const page = globalThis as { [REGISTRY]?: Map<string, Promise<Running>> };
  page[REGISTRY] ??= new Map();
  return page[REGISTRY];
}

/** Asks the kernel until it has answered, another view has brought the front end, or `signal`. */
function asked(model: AnyModel, known: Known, signal: AbortSignal): Promise<Running> {
  return new Promise((resolve) => {
    const name = `front end ${Math.random().toString(36).slice(2)}`;
    let count = 0;
    const send = (): void => {
      const there = known.get();
      if (there) {
        done(there);
        return;
      }
      count += 1;
      model.send({ v: PROTOCOL, id: `${name} ${count}`, op: "front_end", args: {} });
    };
    const timer = setInterval(send, ASK_AGAIN_MS);
    const stop = (): void => {
      clearInterval(timer);
      model.off("msg:custom", hear);
    };
    const done = (running: Promise<Running>): void => {
      stop();
      resolve(running);
    };
    const hear = (message: unknown): void => {
      const { id, result } = (message ?? {}) as { id?: unknown; result?: unknown };
      if (typeof id !== "string" || !id.startsWith(name) || !isPacked(result)) return;
      done(known.get() ?? known.put(run(result)));
    };
    model.on("msg:custom", hear);
    signal.addEventListener("abort", stop, { once: true });
    send();
  });
}

/** The front end of one fingerprint, as far as the page has it. */
interface Known {
  get(): Promise<Running> | undefined;
  put(running: Promise<Running>): Promise<Running>;
}

function knownAs(name: string): Known {
  return {
    get: () => registry().get(name),
    put(running) {
      registry().set(name, running);
      running.catch(() => registry().delete(name));
      return running;
    },
  };
}

async function run(packed: Packed): Promise<Running> {
  const { script, style } = await unpacked(packed);
  const { widget } = await moduleOf(script);
  return { widget: widget as Running["widget"], style };
}

async function load(model: AnyModel, signal: AbortSignal): Promise<[Widget, string]> {
  const known = knownAs(String(model.get("_front_end")));
  const carried: unknown = model.get("_carried");
  const there = known.get() ?? (isPacked(carried) ? known.put(run(carried)) : null);
  return made(await (there ?? asked(model, known, signal)));
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
    const timers = [
      setTimeout(() => say("Waiting for the kernel …"), ASK_AGAIN_MS),
      setTimeout(() => say(NOBODY), GIVE_UP_MS),
    ];
    const inTime = (): void => timers.forEach(clearTimeout);
    scope.signal.addEventListener("abort", inTime, { once: true });
    loading ??= load(model, life.signal);
    loading.then(
      ([widget, style]) => {
        inTime();
        say("");
        if (scope.signal.aborted) return;
        const sheet = document.createElement("style");
        sheet.textContent = style;
        el.append(sheet);
        scope.signal.addEventListener("abort", () => sheet.remove(), { once: true });
        widget.render({ model, el, signal: scope.signal });
      },
      (error: unknown) => {
        inTime();
        say(`mechwidget could not be loaded here: ${error}.`);
      },
    );
    return () => scope.abort();
  },
};
