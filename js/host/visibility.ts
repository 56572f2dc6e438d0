// Is the page in front of a person? Hidden pages are not asked for signs of life, and draw nothing.

import { type Live, LiveReading } from "./live";

export function watchVisibility(signal: AbortSignal): Live<boolean> {
  const visible = new LiveReading(() => document.visibilityState !== "hidden");
  document.addEventListener("visibilitychange", () => visible.refresh(), { signal });
  return visible;
}
