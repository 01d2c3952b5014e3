import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pkg = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

test("the library has no runtime dependency; Dawn is an optional peer", () => {
  for (const kind of ["dependencies", "optionalDependencies", "bundleDependencies", "bundledDependencies"]) {
    expect(pkg[kind], kind).toBeUndefined();
  }
  const peers = Object.keys(pkg.peerDependencies ?? {});
  expect(peers.filter((name) => !pkg.peerDependenciesMeta?.[name]?.optional)).toEqual([]);
});

test("what is not the page or a tool of this repository imports no package", () => {
  /** Dawn where there is no browser, and the packaged software adapter, which is looked for and may be missing. */
  const optional = ["webgpu", "@sparticuz/chromium"];
  /** Shaders' text is put together by two functions of the first; the others read Parquet, JPEG and tokenizers. They are in the bundle. */
  const bundled = ["wgsl-preprocessor", "hyparquet", "fzstd", "jpeg-js", "@huggingface/tokenizers"];
  const files = ["src", "shaders"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((f) => join(root, folder, f)),
  );
  const sources = files.filter((f) => /\.tsx?$/.test(f) && !f.includes(join("src", "app")));
  expect(sources.length).toBeGreaterThan(100);
  const imported =
    /^(?:import|export)\b[^;"`]*\bfrom "([^"./][^"]*)"|^import "([^"./][^"]*)"|\bimport\("([^"./][^"]*)"\)/gm;
  const foreign = sources.flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(imported)]
      .map((m) => (m[1] ?? m[2] ?? m[3])!)
      .filter((name) => !isBuiltin(name))
      .filter((name) => ![...optional, ...bundled].some((known) => name === known || name.startsWith(`${known}/`)))
      .map((name) => `${file} imports ${name}`),
  );
  expect(foreign).toEqual([]);
});
