// Light or dark, as the host has it: every host says it in its own way, and changes it while we live.
// In: an element of the page. Out: a live "light" | "dark".

import { type Live, LiveReading } from "./live";

export type Theme = "light" | "dark";

const DARK_PREFERENCE = "(prefers-color-scheme: dark)";

/** The theme around `el` now. */
export function themeAround(el: Element): Theme {
  const { body, documentElement } = document;
  // What a person wants of our own parts of the page, whatever the rest of it is
  const wish = el.closest(`[${WISH}]`)?.getAttribute(WISH);
  if (wish === "light" || wish === "dark") return wish;
  // JupyterLab and Notebook 7
  const jupyterLight = body?.dataset.jpThemeLight;
  if (jupyterLight) return jupyterLight === "false" ? "dark" : "light";
  // VS Code: vscode-light, vscode-dark, vscode-high-contrast, vscode-high-contrast-light
  const kind = body?.dataset.vscodeThemeKind;
  if (kind) return kind.endsWith("light") ? "light" : "dark";
  // marimo: a class on the content of the shadow root, or further out
  for (const around of ancestors(el)) {
    if (around.classList.contains("dark")) return "dark";
    if (around.classList.contains("light")) return "light";
  }
  // Colab
  const colab = documentElement.getAttribute("theme");
  if (colab) return colab === "dark" ? "dark" : "light";
  return matchMedia(DARK_PREFERENCE).matches ? "dark" : "light";
}

/** The theme around `el`, live until `signal`. */
export function watchTheme(el: Element, signal: AbortSignal): Live<Theme> {
  const theme = new LiveReading(() => themeAround(el));
  const observer = new MutationObserver(() => theme.refresh());
  const observe = () => {
    observer.disconnect();
    for (const around of ancestors(el)) observer.observe(around, { attributeFilter: ATTRIBUTES });
    // Not always ancestors: before `el` is attached the page has its theme already.
    for (const root of [document.documentElement, document.body]) {
      if (root) observer.observe(root, { attributeFilter: ATTRIBUTES });
    }
    theme.refresh();
  };
  observe();
  onceAttached(el, observe, signal);
  const preference = matchMedia(DARK_PREFERENCE);
  preference.addEventListener("change", () => theme.refresh(), { signal });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  return theme;
}

const WISH = "data-mw-theme-wish";
const ATTRIBUTES = [WISH, "class", "theme", "data-jp-theme-light", "data-vscode-theme-kind"];

/** `el` and what it sits in, out through shadow roots to <html>. */
function* ancestors(el: Element): Generator<Element> {
  let around: Element | null = el;
  while (around) {
    yield around;
    const parent: ParentNode | null = around.parentNode;
    around = parent instanceof ShadowRoot ? parent.host : around.parentElement;
  }
}

/** Hosts render into an element first and put it on the page later: then it has new ancestors. */
function onceAttached(el: Element, callback: () => void, signal: AbortSignal): void {
  if (el.isConnected) return;
  const observer = new ResizeObserver(() => {
    if (!el.isConnected) return;
    observer.disconnect();
    callback();
  });
  observer.observe(el);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
