// Bundles js/index.ts into the one ESM file and the one stylesheet that the Python package ships, and
// js/host/loader.ts into what a view carries that fetches them; and js/lab into a JupyterLab extension.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { buildLabextension } from "./labextension.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const watch = process.argv.includes("--watch");
// What a notebook saves and a page is sent is the compressed form, so that is what is limited.
const MAX_BYTES = 160 * 1024;

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
  await buildLabextension({ minify: false }); // not watched: a page takes it in when it is loaded
  await (await esbuild.context(options)).watch();
  console.log("watching js/ …");
} else {
  await esbuild.build(options);
  const script = readFileSync(here("../mechwidget/static/mechwidget.js"));
  const size = gzipSync(script).length;
  const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
  console.log(
    `mechwidget.js: ${kilobytes(script.length)} minified, ${kilobytes(size)} compressed (limit ${kilobytes(MAX_BYTES)})`,
  );
  if (size > MAX_BYTES) {
    console.error("The bundle is over its limit.");
    process.exit(1);
  }
  const lab = await buildLabextension();
  console.log(
    `labextension: ${kilobytes(lab.start)} compressed at start (limit ${kilobytes(lab.limit)}), ${kilobytes(lab.all)} in all`,
  );
  if (lab.start > lab.limit) {
    console.error("What JupyterLab loads at start is over its limit.");
    process.exit(1);
  }
}
