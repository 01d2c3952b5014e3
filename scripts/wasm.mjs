import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Compiles wasm/ into modules of TypeScript that hold the bytes, where the sources or the compiler have changed. */

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const generated = join(root, "src/backend/wasm/generated");

/**
 * Two builds of two modules, a file each, so that a page loads only what it runs: where the engine has relaxed SIMD,
 * multiply-add may be one instruction, and plain dense nets call the first module alone.
 */
const flagsOf = { plain: [], relaxed: ["--enable", "relaxed-simd"] };
const builds = Object.entries(flagsOf).flatMap(([build, flags]) => [
  { name: build, entry: "index", flags },
  { name: `${build}-late`, entry: "late", flags },
]);
const common = ["-O3", "--noAssert", "--runtime", "stub", "--disableWarning", "112"];
const features = ["simd", "threads", "bulk-memory"].flatMap((name) => ["--enable", name]);
/** The memory is made by the host, in the size that the graph needs; the table is filled with the kernels. */
const imports = [
  "--importTable",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  "65536",
];

/** Makes src/backend/wasm/generated/*.ts, one for each build, where one is missing or old. Takes a millisecond where there is nothing to do. */
export async function ensureWasm() {
  const key = await fingerprint();
  mkdirSync(generated, { recursive: true });
  for (const { name, entry, flags } of builds) {
    const target = join(generated, `${name}.ts`);
    if (existsSync(target) && readFileSync(target, "utf8").startsWith(`// ${key}`)) continue;
    // Hexadecimal is longer than base64 and smaller once gzipped, which finds what repeats only where bytes stay whole.
    const bytes = Buffer.from(await compile([...flags], undefined, entry)).toString("hex");
    // Another process may be doing the same: whoever comes last replaces the file as a whole.
    const half = `${target}.${process.pid}`;
    writeFileSync(half, `// ${key} made by scripts/wasm.mjs from wasm/\nexport const bytes =\n  "${bytes}";\n`);
    renameSync(half, target);
  }
}

/** The bytes of a module compiled with these flags. `edit` may change a source: for tests that want wrong kernels. */
export async function compile(flags, edit = (text) => text, entry = "index") {
  const { default: asc } = await import("assemblyscript/asc");
  let binary = null;
  const { error, stderr } = await asc.main(
    [`wasm/${entry}.ts`, "--outFile", "module.wasm", ...common, ...features, ...imports, ...flags],
    {
      readFile: (name, base) => {
        const path = join(root, base ?? "", name);
        const at = existsSync(path) ? path : join(root, name);
        return existsSync(at) ? edit(readFileSync(at, "utf8"), name) : null;
      },
      writeFile: (_name, contents) => {
        binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || !binary) throw new Error(`wasm/ does not compile:\n${stderr.toString()}`);
  return binary;
}

async function fingerprint() {
  const hash = createHash("sha256");
  const folder = join(root, "wasm");
  for (const file of readdirSync(folder).sort()) hash.update(file).update(readFileSync(join(folder, file)));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(JSON.parse(readFileSync(join(root, "node_modules/assemblyscript/package.json"), "utf8")).version);
  return hash.digest("hex").slice(0, 16);
}
