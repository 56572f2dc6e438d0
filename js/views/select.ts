// A choice of a few words. In: values and what each is called. Out: a select.

import { element } from "../charts/dom";

export function selectOf(
  label: string,
  testid: string,
  options: readonly (readonly [value: string, text: string])[],
): HTMLSelectElement {
  const select = element("select", {
    class: "mw-select",
    "aria-label": label,
    "data-testid": testid,
  });
  for (const [value, said] of options) select.append(element("option", { value }, said));
  return select;
}
