import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What each folder may import from, besides itself: arrows run one way. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  shaders: [],
  wasm: [],
  "src/core": [],
  "src/platform": ["src/core"],
  "src/graph": ["src/core"],
  "src/data": ["src/core", "src/graph"],
  "src/backend": ["src/core", "src/graph", "src/proof", "src/platform", "shaders"],
  "src/proof": ["src/core", "src/graph", "src/ops"],
  "src/ops": ["src/core", "src/graph", "shaders"],
  "src/optim": ["src/core", "src/graph", "src/ops"],
  "src/nn": ["src/core", "src/graph", "src/ops", "src/optim"],
  "src/train": ["src/core", "src/graph", "src/ops", "src/proof", "src/nn", "src/optim", "src/data", "src/backend"],
};
const tools = ["src/io", "src/check", "src/bench"];
const below = Object.keys(libraries);
const allowed: Readonly<Record<string, readonly string[]>> = {
  ...libraries,
  ...Object.fromEntries(tools.map((folder) => [folder, below])),
  "src/io": [...below, "package.json"],
  "src/cli": [...below, ...tools, "package.json"],
  "src/app": [...below, ...tools],
};

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile() && /\.tsx?$/.test(f.name) && !f.name.endsWith(".d.ts"))
    .map((f) => join(f.parentPath, f.name));
}

function folderOf(path: string): string {
  const parts = relative(root, path).split(/[\\/]/);
  return parts[0] === "src" ? (parts.length > 2 ? `src/${parts[1]}` : "src") : parts[0]!;
}

const imports = [...files("src"), ...files("shaders"), ...files("wasm")].flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((m) => ({
    file: relative(root, file),
    from: folderOf(file),
    to: folderOf(resolve(dirname(file), m[1]!)),
    imported: relative(root, resolve(dirname(file), m[1]!)),
    target: m[1]!,
  })),
);

test("imports run one way", () => {
  expect(imports.length).toBeGreaterThan(200);
  const wrong = imports.filter(({ from, to }) => from !== "src" && from !== to && !allowed[from]?.includes(to));
  expect(wrong.map((w) => `${w.file} imports ${w.target}`)).toEqual([]);
});

test("no files import each other in a circle, types and late imports included", () => {
  const importsOf = new Map<string, string[]>();
  for (const { file, imported } of imports) importsOf.set(file, [...(importsOf.get(file) ?? []), imported]);
  // A file is done when all that it imports is; what is met again on the way there is in a circle.
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    if (done.has(file)) return;
    const met = way.indexOf(file);
    if (met >= 0) {
      circles.push([...way.slice(met), file].join(" -> "));
      return;
    }
    for (const next of importsOf.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of importsOf.keys()) visit(file, []);
  expect(circles).toEqual([]);
});

test("GPUDevice is named only under backend/webgpu, the DOM only under app", () => {
  for (const file of files("src")) {
    const text = readFileSync(file, "utf8");
    const where = relative(root, file).replaceAll("\\", "/");
    if (!where.startsWith("src/backend/webgpu/")) expect(text, where).not.toMatch(/\bGPUDevice\b/);
    if (!where.startsWith("src/app/")) expect(text, where).not.toMatch(/\bdocument\.|\bHTMLElement\b/);
  }
});

test("Math.random appears nowhere", () => {
  for (const file of [...files("src"), ...files("shaders"), ...files("wasm")]) {
    expect(readFileSync(file, "utf8"), file).not.toContain("Math.random");
  }
});
