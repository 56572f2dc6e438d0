// Bundles js/index.ts into the one ESM file and the one stylesheet that the Python package ships, and
// js/host/loader.ts into what a view carries that fetches them.
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const watch = process.argv.includes("--watch");
const MAX_BYTES = 250 * 1024;

const options = {
  entryPoints: { mechwidget: here("./index.ts"), "mechwidget-loader": here("./host/loader.ts") },
  outdir: here("../mechwidget/static"),
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: !watch,
  // Libraries in UMD form would otherwise register themselves with the page's requirejs.
  define: { "define.amd": "false" },
  logLevel: "warning",
};

if (watch) {
  await (await esbuild.context(options)).watch();
  console.log("watching js/ …");
} else {
  await esbuild.build(options);
  const { size } = statSync(here("../mechwidget/static/mechwidget.js"));
  console.log(
    `mechwidget.js: ${(size / 1024).toFixed(1)} KB minified (limit ${MAX_BYTES / 1024} KB)`,
  );
  if (size > MAX_BYTES) {
    console.error("The bundle is over its limit.");
    process.exit(1);
  }
}
