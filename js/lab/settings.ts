// A person's settings, as schema/plugin.json describes them. In: JupyterLab's settings, where there
// are any. Out: values that are always there.

import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export const PLUGIN = "mechwidget:plugin";

export interface Values {
  defaultModel: string;
  defaultPrompt: string;
  theme: "page" | "light" | "dark";
  listedInterventions: number;
  sweepSeconds: number;
}

const DEFAULTS: Values = {
  defaultModel: "microcosm",
  defaultPrompt: "The capital of France is",
  theme: "page",
  listedInterventions: 12,
  sweepSeconds: 5,
};

export class Settings {
  #values: Values = DEFAULTS;
  readonly #listeners = new Set<(values: Values) => void>();

  get values(): Values {
    return this.#values;
  }

  /** Follows what JupyterLab keeps; without it, the defaults stay. */
  async follow(registry: ISettingRegistry): Promise<void> {
    const settings = await registry.load(PLUGIN);
    const take = () => this.take(settings.composite);
    settings.changed.connect(take);
    take();
  }

  take(given: Readonly<Record<string, unknown>>): void {
    this.#values = { ...DEFAULTS, ...known(given) };
    for (const listener of this.#listeners) listener(this.#values);
  }

  /** Calls `listener` now and after every change, until `signal`. */
  onChange(listener: (values: Values) => void, signal?: AbortSignal): void {
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
    listener(this.#values);
  }
}

/** Those values that are of the type of their default. */
function known(given: Readonly<Record<string, unknown>>): Partial<Values> {
  const fits = ([name, value]: [string, unknown]): boolean =>
    Object.hasOwn(DEFAULTS, name) && typeof value === typeof DEFAULTS[name as keyof Values];
  return Object.fromEntries(Object.entries(given).filter(fits));
}
