import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { expect, inject, test } from "vitest";
import { thorough } from "../shared/thorough.ts";

const manifest = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(inject("userProject"), "node_modules/chainrule/package.json"), "utf8"));

test("publint has nothing to say", async () => {
  const pkgDir = join(inject("userProject"), "node_modules/chainrule");
  const { messages } = await publint({ pkgDir, strict: true, pack: false });
  expect(messages.map((m) => formatMessage(m, manifest(), { color: false }))).toEqual([]);
});

test("types are the ones of the code that runs, for ES modules and for bundlers", async () => {
  // A whole program is made for each entry and way of resolving it; test/package/types.test.ts compiles the others' types.
  const tarball = createPackageFromTarballData(readFileSync(inject("tarball")));
  const analysis = await checkPackage(tarball, thorough ? {} : { entrypoints: ["./node"] });
  if (!analysis.types) throw new Error("the package has no types");
  // An ES module that CommonJS must import() is what the package is; resolution as in Node 10 knows no exports.
  const ignored = (p: { kind: string; resolutionKind?: string }): boolean =>
    p.kind === "CJSResolvesToESM" || p.resolutionKind === "node10";
  expect(analysis.problems.filter((p) => !ignored(p))).toEqual([]);
  const entries = thorough ? analysis.entrypoints : (manifest().exports as Record<string, unknown>);
  expect(Object.keys(entries).sort()).toEqual([".", "./check", "./custom", "./io", "./node", "./package.json"]);
});

test("the tarball holds the build, the command and documents, and no more", () => {
  const { files, unpackedSize } = inject("packed");
  const tops = new Set(files.map((f) => f.path.split("/").slice(0, 2).join("/")));
  const documents = ["ARCHITECTURE.md", "LICENSE", "README.md", "package.json", "bin/chainrule.mjs"];
  const pictures = ["docs/train.png", "docs/gradients.png", "docs/guides"];
  expect([...tops].sort()).toEqual([...documents, ...pictures, "dist/cli", "dist/lib", "dist/node"].sort());
  const guides = files.filter((f) => f.path.startsWith("docs/guides/")).map((f) => f.path);
  expect(guides).toHaveLength(14);
  expect(guides.every((path) => /^docs\/guides\/((README|(en|zh)\/[\w-]+)\.md|pytorch-curves\.svg)$/.test(path))).toBe(
    true,
  );
  for (const name of ["wgsl-preprocessor", "hyparquet", "fzstd", "jpeg-js", "@huggingface/tokenizers"]) {
    expect(files.some((f) => f.path === `dist/lib/vendor/${name}/LICENSE`)).toBe(true);
  }
  expect(unpackedSize).toBeLessThan(14.5e6);
});
