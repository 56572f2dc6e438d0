// Light or dark in every host's own words, and live.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { themeAround, watchTheme } from "../../host/theme";

let el: HTMLElement;
let scope: AbortController;
let preferDark: (dark: boolean) => void;

beforeEach(() => {
  document.body.replaceChildren();
  for (const name of document.body.getAttributeNames()) document.body.removeAttribute(name);
  for (const name of document.documentElement.getAttributeNames()) {
    document.documentElement.removeAttribute(name);
  }
  const media = Object.assign(new EventTarget(), { matches: false });
  vi.stubGlobal("matchMedia", () => media);
  preferDark = (dark) => {
    media.matches = dark;
    media.dispatchEvent(new Event("change"));
  };
  el = document.createElement("div");
  document.body.append(el);
  scope = new AbortController();
});
afterEach(() => {
  scope.abort();
  vi.unstubAllGlobals();
});

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

/** An element as marimo makes them: inside an open shadow root, below a div with the theme's class. */
function inMarimo(theme: string): { content: HTMLElement; el: HTMLElement } {
  const outer = document.createElement("marimo-anywidget");
  document.body.append(outer);
  const content = document.createElement("div");
  content.className = `contents ${theme}`;
  outer.attachShadow({ mode: "open" }).append(content);
  const inner = document.createElement("div");
  content.append(inner);
  return { content, el: inner };
}

describe("the theme of", () => {
  it.each([
    ["true", "light"],
    ["false", "dark"],
  ])("JupyterLab and Notebook 7: data-jp-theme-light=%s is %s", (attribute, theme) => {
    preferDark(theme === "light"); // the host knows better than the system
    document.body.setAttribute("data-jp-theme-light", attribute);
    expect(themeAround(el)).toBe(theme);
  });

  it.each([
    ["vscode-light", "light"],
    ["vscode-dark", "dark"],
    ["vscode-high-contrast", "dark"],
    ["vscode-high-contrast-light", "light"],
  ])("VS Code: %s is %s", (kind, theme) => {
    preferDark(theme === "light");
    document.body.setAttribute("data-vscode-theme-kind", kind);
    expect(themeAround(el)).toBe(theme);
  });

  it.each(["light", "dark"])("marimo: .%s around the shadow content", (theme) => {
    preferDark(theme === "light");
    expect(themeAround(inMarimo(theme).el)).toBe(theme);
  });

  it("marimo: a class outside the shadow root", () => {
    document.body.className = "dark";
    expect(themeAround(inMarimo("").el)).toBe("dark");
  });

  it.each([
    ["dark", "dark"],
    ["default", "light"],
  ])("Colab: html[theme=%s] is %s", (attribute, theme) => {
    preferDark(theme === "light");
    document.documentElement.setAttribute("theme", attribute);
    expect(themeAround(el)).toBe(theme);
  });

  it("a page that says nothing: the system's", () => {
    expect(themeAround(el)).toBe("light");
    preferDark(true);
    expect(themeAround(el)).toBe("dark");
  });
});

describe("a change of theme", () => {
  it.each([
    ["JupyterLab", () => document.body.setAttribute("data-jp-theme-light", "false")],
    ["VS Code", () => document.body.setAttribute("data-vscode-theme-kind", "vscode-dark")],
    ["Colab", () => document.documentElement.setAttribute("theme", "dark")],
    ["the system", () => preferDark(true)],
  ])("of %s is heard once, until the view goes", async (_host, darken) => {
    const theme = watchTheme(el, scope.signal);
    const heard = vi.fn();
    theme.subscribe(heard, { signal: scope.signal });
    darken();
    await settle();
    expect(heard.mock.calls).toEqual([["dark"]]);
    expect(theme.value).toBe("dark");
    scope.abort();
    document.body.setAttribute("data-jp-theme-light", "true");
    await settle();
    expect(heard).toHaveBeenCalledOnce();
  });

  it("of marimo is heard inside the shadow root", async () => {
    const { content, el: inner } = inMarimo("light");
    const theme = watchTheme(inner, scope.signal);
    content.className = "contents dark";
    await settle();
    expect(theme.value).toBe("dark");
  });

  it("is found by an element that was rendered before it was put on the page", async () => {
    let attached = () => {};
    vi.stubGlobal(
      "ResizeObserver",
      class {
        constructor(callback: () => void) {
          attached = callback;
        }
        observe() {}
        disconnect() {}
      },
    );
    const later = document.createElement("div");
    const theme = watchTheme(later, scope.signal);
    expect(theme.value).toBe("light");
    const { content } = inMarimo("dark");
    content.append(later);
    attached();
    expect(theme.value).toBe("dark");
    content.className = "contents light";
    await settle();
    expect(theme.value).toBe("light");
  });
});
