// What this page is called towards the kernel, so that it can tell what was selected on it from what
// was selected elsewhere. Every widget evaluates its own copy of this module, hence globalThis.

const NAME = Symbol.for("mechwidget.page-name");

export function pageName(): string {
  const page = globalThis as { [NAME]?: string };
  page[NAME] ??= `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  return page[NAME];
}
