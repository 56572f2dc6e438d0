// A histogram as bars that stand on one line, with a true zero: what is below it in one colour, what
// is above in the other. Heights are logarithmic, since most activations are next to nothing. In:
// counts and the ends of their range. Out: elements, and one sentence for a screen reader.

import { element } from "./dom";
import { plain } from "./format";

export interface HistogramScene {
  readonly counts: Float32Array;
  readonly from: number;
  readonly to: number;
}

export function histogram({ counts, from, to }: HistogramScene): HTMLElement {
  const most = Math.max(...counts, 1);
  const step = (to - from) / counts.length;
  const bars = Array.from(counts, (count, at) => {
    const low = from + at * step;
    const bar = element("span", {
      class: "mw-histogram-bar",
      "data-side": low < 0 ? "below" : "above",
      title: `${plain(low)} to ${plain(low + step)}: ${count.toLocaleString("en")}`,
    });
    const height = count > 0 ? Math.max(2, (100 * Math.log1p(count)) / Math.log1p(most)) : 0;
    bar.style.height = `${height}%`;
    return bar;
  });
  const all = counts.reduce((sum, count) => sum + count, 0);
  const said = `${all.toLocaleString("en")} activations from ${plain(from)} to ${plain(to)}`;
  const plot = element("div", { class: "mw-histogram-plot" }, ...bars);
  const axis = element(
    "div",
    { class: "mw-histogram-axis mw-muted" },
    element("span", {}, plain(from)),
    element("span", {}, plain(to)),
  );
  if (from < 0 && to > 0) {
    const place = `${(100 * -from) / (to - from)}%`;
    const zero = element("span", { class: "mw-histogram-zero" });
    zero.style.left = place;
    plot.append(zero);
  }
  const label = `Histogram of ${said}, counts on a logarithmic scale`;
  return element("div", { class: "mw-histogram", role: "img", "aria-label": label }, plot, axis);
}
