// Builds js/lab into a prebuilt JupyterLab extension: a folder that a Jupyter server hands to the
// page as it is. In: js/lab. Out: mechwidget/labextension, with a container of the form that the page
// asks for ({init, get} under its name in `_JUPYTERLAB`).
//
// JupyterLab's own packages are not bundled and need not be installed: an import of one becomes a
// look into the page's share scope, which holds the copies that JupyterLab itself runs on.

import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const NAME = "mechwidget";
const OUT = here("../mechwidget/labextension");
const OF_THE_PAGE = /^@(?:jupyterlab|lumino)\//;
// What every page with the extension pays for; the panel and the documents come when they are opened.
const MAX_AT_START = 16 * 1024;

/** Imports of the page's packages, and into `wanted` which ones they are. */
function fromThePage(wanted) {
  const shared = `globalThis._JUPYTERLAB[${JSON.stringify(NAME)}].shared`;
  return {
    name: "from-the-page",
    setup(build) {
      build.onStart(() => wanted.clear());
      build.onResolve({ filter: OF_THE_PAGE }, ({ path }) => {
        wanted.add(path);
        return { path, namespace: "page" };
      });
      build.onLoad({ filter: /.*/, namespace: "page" }, ({ path }) => ({
        contents: `module.exports = ${shared}[${JSON.stringify(path)}];`,
        loader: "js",
      }));
    },
  };
}

/**
 * The script that the page runs first; everything else is a module that it imports when asked. The
 * extension is shared under its own name, so that others can ask for the token of its registry.
 */
function container([entry, ...others], wanted, version) {
  return `(() => {
  const base = document.currentScript.src;
  for (const each of ${JSON.stringify([entry, ...others])}) {
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = new URL(each, base).href;
    document.head.append(link);
  }
  const newest = (a, b) => b.localeCompare(a, "en", { numeric: true });
  const container = {
    shared: {},
    async load(name) {
      const versions = container.scope[name] ?? {};
      const [found] = Object.keys(versions).sort((a, b) =>
        Number(Boolean(versions[b].loaded)) - Number(Boolean(versions[a].loaded)) || newest(a, b));
      return found ? (await versions[found].get())() : {};
    },
    init(scope) {
      container.scope = scope;
      (scope.${NAME} ??= {})[${JSON.stringify(version)}] ??= { get: factory, from: "${NAME}" };
    },
    async get(name) {
      if (name !== "./extension") throw new Error("${NAME} exposes ./extension, not " + name);
      return factory();
    },
  };
  const load = async () => {
    await Promise.all(${JSON.stringify([...wanted].sort())}.map(async (each) => {
      container.shared[each] = await container.load(each);
    }));
    return import(new URL(${JSON.stringify(entry)}, base).href);
  };
  let loading;
  const factory = async () => {
    const extension = { ...(await (loading ??= load())), __esModule: true };
    return () => extension;
  };
  (globalThis._JUPYTERLAB ??= {})[${JSON.stringify(NAME)}] = container;
})();
`;
}

function describe(load, { version, license }) {
  const build = { load: `static/${load}`, extension: "./extension" };
  const extension = { extension: true, _build: build };
  const told = { name: NAME, version, license, jupyterlab: extension };
  const install = {
    packageManager: "python",
    packageName: NAME,
    uninstallInstructions: `Use your Python package manager (pip, conda …) to uninstall ${NAME}.`,
  };
  writeFileSync(`${OUT}/package.json`, `${JSON.stringify(told, null, 2)}\n`);
  writeFileSync(`${OUT}/install.json`, `${JSON.stringify(install, null, 2)}\n`);
  mkdirSync(`${OUT}/schemas/${NAME}`, { recursive: true });
  for (const name of readdirSync(here("./lab/schema"))) {
    cpSync(here(`./lab/schema/${name}`), `${OUT}/schemas/${NAME}/${name}`);
  }
}

/** Writes the folder anew. */
export async function buildLabextension({ minify = true } = {}) {
  rmSync(OUT, { recursive: true, force: true });
  const wanted = new Set();
  const { metafile } = await esbuild.build({
    entryPoints: { extension: here("./lab/index.ts") },
    outdir: `${OUT}/static`,
    entryNames: "[name].[hash]",
    chunkNames: "[name].[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify,
    metafile: true,
    define: { "define.amd": "false" },
    loader: { ".css": "text" },
    logLevel: "warning",
    plugins: [fromThePage(wanted)],
  });
  const at = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint)[0];
  const first = atStart(metafile, at);
  const about = JSON.parse(readFileSync(here("../package.json"), "utf8"));
  const script = container(first, wanted, about.version);
  const hash = createHash("sha256").update(script).digest("hex").slice(0, 16);
  writeFileSync(`${OUT}/static/remoteEntry.${hash}.js`, script);
  describe(`remoteEntry.${hash}.js`, about);
  const all = Object.keys(metafile.outputs).map(nameOf);
  return { start: weighed(first), all: weighed(all), limit: MAX_AT_START };
}

const nameOf = (path) => path.split("/").at(-1);

/** The files that are loaded before the first plugin is there, the entry first. */
function atStart(metafile, entry) {
  const found = new Set();
  const follow = (path) => {
    if (found.has(path)) return;
    found.add(path);
    const imports = metafile.outputs[path]?.imports ?? [];
    for (const { path: next, kind } of imports) if (kind === "import-statement") follow(next);
  };
  follow(entry);
  return [...found].map(nameOf);
}

/** Bytes, compressed. */
const weighed = (names) =>
  names.reduce((sum, name) => sum + gzipSync(readFileSync(`${OUT}/static/${name}`)).length, 0);
