import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { node, root, tools } from "./process.mjs";
import { ensureWasm } from "./wasm.mjs";

/**
 * The library as it is installed: a file for each source and its declarations beside it, so that a bundler takes along
 * what is used and no more. thread.js is a file that others start by its address.
 */

const entries = [
  "src/index.ts",
  "src/node.ts",
  "src/check/index.ts",
  "src/custom.ts",
  "src/io/index.ts",
  "src/backend/wasm/thread.js",
];
const external = [/^node:/, "webgpu", "@sparticuz/chromium"];
/** Declarations that no compiler makes. */
const handwritten = ["src/backend/ambient.d.ts", "src/backend/wasm/instance.d.ts"];
/** Packages that are taken along; their licences ask to be with them. npm would leave out a folder node_modules. */
const vendored = ["wgsl-preprocessor", "hyparquet", "fzstd", "jpeg-js", "@huggingface/tokenizers"];

/** Builds into `folder` what programs run, without the declarations. */
export async function bundleLibrary(folder) {
  const { rolldown } = await import("rolldown");
  await ensureWasm();
  rmSync(folder, { recursive: true, force: true });
  const bundle = await rolldown({ cwd: root, input: entries.map((file) => join(root, file)), external });
  await bundle.write({
    dir: folder,
    format: "es",
    preserveModules: true,
    preserveModulesRoot: root,
    entryFileNames: ({ name }) => `${name.replace("node_modules/", "vendor/")}.js`,
    sourcemap: true,
  });
  await bundle.close();
  // One that only the command reaches is no part of the library.
  for (const name of vendored.filter((name) => existsSync(join(folder, "vendor", name)))) {
    copyFileSync(join(root, "node_modules", name, "LICENSE"), join(folder, "vendor", name, "LICENSE"));
  }
}

/** Builds into `folder`. Without `check` types are taken as right: the same declarations in half the time. */
export async function buildLibrary(folder = join(root, "dist/lib"), check = true) {
  await bundleLibrary(folder);
  const checks = check ? [] : ["--noCheck"];
  const status = await node([tools.tsc, "--project", "tsconfig.build.json", "--outDir", folder, ...checks]);
  if (status !== 0) throw new Error("the declarations could not be made; what tsc printed above says why");
  for (const file of handwritten) copyFileSync(join(root, file), join(folder, file));
  for (const file of readdirSync(folder, { recursive: true })) {
    if (file.endsWith(".d.ts")) nameModules(join(folder, file), join(folder, "src/backend/ambient.d.ts"));
  }
}

/** Declarations name the files that are there: ./a.js where the source has ./a.ts, and the ambient names' copy. */
function nameModules(path, ambient) {
  const beside = relative(dirname(path), ambient).replaceAll("\\", "/");
  const text = readFileSync(path, "utf8")
    .replace(/((?:from|import\()\s*"\.[^"]*)\.ts"/g, '$1.js"')
    .replace(/<reference path="[^"]*ambient\.d\.ts"/, `<reference path="${beside}"`);
  writeFileSync(path, text);
}
