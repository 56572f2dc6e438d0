// Widget models differ between hosts: `change:` callbacks get (model, value) in Jupyter and (value) in
// marimo, and `off()` without a callback removes everybody's listeners there. So: never read the
// arguments, never remove anything but one's own callback.

import type { AnyModel } from "@anywidget/types";

/** Calls `callback` with the trait's value whenever it changes, until `signal`. */
export function watchTrait(
  model: Pick<AnyModel, "get" | "on" | "off">,
  trait: string,
  callback: (value: unknown) => void,
  signal: AbortSignal,
): void {
  if (signal.aborted) return;
  const changed = () => callback(model.get(trait));
  model.on(`change:${trait}`, changed);
  signal.addEventListener("abort", () => model.off(`change:${trait}`, changed), { once: true });
}
