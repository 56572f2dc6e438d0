import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  cacheDir: here("../node_modules/.vite"),
  resolve: {
    // JupyterLab's packages are the page's own, and not installed.
    alias: [{ find: /^@(jupyterlab|lumino)\/.*/, replacement: here("./tests/lab/page.ts") }],
  },
  test: { root: import.meta.dirname, include: ["tests/**/*.test.ts"], environment: "happy-dom" },
});
