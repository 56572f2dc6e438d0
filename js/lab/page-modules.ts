// Packages of the page that are looked up when they are needed rather than at start: those of other
// extensions, which may not be there. In: a name. Out: the module, or an empty one.

interface Container {
  load(name: string): Promise<unknown>;
}

export async function fromPage<T extends object>(name: string): Promise<Partial<T>> {
  const containers = (globalThis as { _JUPYTERLAB?: Record<string, Container> })._JUPYTERLAB;
  return ((await containers?.mechwidget?.load(name)) ?? {}) as Partial<T>;
}
