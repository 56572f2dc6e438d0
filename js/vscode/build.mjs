// Builds the extension for VS Code and zips it into dist/mechwidget-VERSION.vsix; `--folder` leaves it
// unzipped, for a VS Code that takes extensions as folders. Its own code, without the views that every
// host gets, is held below a limit.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { strToU8, zipSync } from "fflate";
import { CONTENT_TYPES, packageManifest } from "./package-manifest.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const MAX_BYTES = 200 * 1024;
const OURS = /^(js\/vscode|node_modules)\//;
const folder = here("../../node_modules/.cache/vscode-extension");
const manifest = JSON.parse(readFileSync(here("./package.json"), "utf8"));
const { version } = JSON.parse(readFileSync(here("../../package.json"), "utf8"));
manifest.version = version;

rmSync(folder, { recursive: true, force: true });
mkdirSync(`${folder}/dist`, { recursive: true });

const shared = {
  bundle: true,
  minify: true,
  outdir: `${folder}/dist`,
  absWorkingDir: here("../.."),
  define: { "define.amd": "false" },
  metafile: true,
  logLevel: "warning",
};
const built = [
  await esbuild.build({
    ...shared,
    entryPoints: [here("./extension.ts")],
    platform: "node",
    target: "node22",
    format: "cjs",
    external: ["vscode"],
  }),
  await esbuild.build({
    ...shared,
    entryPoints: [here("./editor.ts")],
    format: "esm",
    target: "es2022",
  }),
];
const style = JSON.stringify(readFileSync(`${folder}/dist/editor.css`, "utf8"));
built.push(
  await esbuild.build({
    ...shared,
    entryPoints: [here("./renderer.ts")],
    format: "esm",
    target: "es2022",
    define: { ...shared.define, MECHWIDGET_STYLE: style },
  }),
);
rmSync(`${folder}/dist/renderer.css`); // it is in the script

const own = built
  .flatMap(({ metafile }) => Object.values(metafile.outputs))
  .flatMap(({ inputs }) => Object.entries(inputs))
  .filter(([path]) => OURS.test(path) && !path.endsWith(".css"))
  .reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

writeFileSync(`${folder}/package.json`, JSON.stringify(manifest, null, 2));
for (const name of ["README.md", "icon.svg"]) cpSync(here(`./${name}`), `${folder}/${name}`);
cpSync(here("../../LICENSE"), `${folder}/LICENSE.txt`);

if (own > MAX_BYTES) {
  console.error(`The extension's own code is ${kilobytes(own)}, over ${kilobytes(MAX_BYTES)}.`);
  process.exit(1);
}
console.log(`VS Code extension: ${kilobytes(own)} of its own (limit ${kilobytes(MAX_BYTES)})`);

if (!process.argv.includes("--folder")) {
  const names = ["package.json", "README.md", "icon.svg", "LICENSE.txt"];
  const made = ["extension.js", "editor.js", "editor.css", "renderer.js"].map((n) => `dist/${n}`);
  const files = Object.fromEntries(
    [...names, ...made].map((name) => [
      `extension/${name}`,
      new Uint8Array(readFileSync(`${folder}/${name}`)),
    ]),
  );
  const zipped = zipSync({
    "extension.vsixmanifest": strToU8(packageManifest(manifest)),
    "[Content_Types].xml": strToU8(CONTENT_TYPES),
    ...files,
  });
  mkdirSync(here("../../dist"), { recursive: true });
  const vsix = `dist/mechwidget-${version}.vsix`;
  writeFileSync(here(`../../${vsix}`), zipped);
  console.log(`${vsix}: ${kilobytes(zipped.length)}`);
}
