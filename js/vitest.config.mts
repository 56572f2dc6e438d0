import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  cacheDir: fileURLToPath(new URL("../node_modules/.vite", import.meta.url)),
  test: { root: import.meta.dirname, include: ["tests/**/*.test.ts"], environment: "happy-dom" },
});
