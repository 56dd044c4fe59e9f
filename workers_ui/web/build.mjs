// One esbuild call: hashed JS, CSS and SVG into workers_ui/static/build, with the manifest that `asset()` reads.
import { build } from "esbuild";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(fileURLToPath(import.meta.url));
const outdir = join(web, "..", "static", "build");

const result = await build({
  absWorkingDir: web,
  entryPoints: ["src/app.ts", "css/app.css", "icons/icons.svg", "icons/favicon.svg"],
  outdir,
  outbase: web,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox128", "safari17.5"],
  loader: { ".svg": "copy" },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  if (!output.entryPoint) continue;
  manifest[basename(output.entryPoint).replace(/\.ts$/, ".js")] = basename(path);
}

// Old files go only after the new manifest stands, so that a running server never names a missing one.
await mkdir(outdir, { recursive: true });
await writeFile(join(outdir, "manifest.json.new"), JSON.stringify(manifest, null, 2) + "\n");
await rename(join(outdir, "manifest.json.new"), join(outdir, "manifest.json"));
const current = new Set([...Object.values(manifest), "manifest.json"]);
for (const name of await readdir(outdir)) {
  if (!current.has(name)) await rm(join(outdir, name));
}
console.log(Object.values(manifest).join("\n"));
