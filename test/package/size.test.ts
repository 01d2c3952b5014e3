import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, inject, test } from "vitest";

/** Bytes, minified and gzipped, that a program costs as it is bundled: at once, and when it first needs more. */
async function sizeOf(code: string): Promise<{ first: number; later: number; text: string }> {
  const entry = join(inject("userProject"), "entry.js");
  const bundle = await rolldown({
    input: entry,
    external: [/^node:/],
    plugins: [
      { name: "program", load: (id) => (id === entry ? code : null), resolveId: (id) => (id === entry ? id : null) },
    ],
  });
  const { output } = await bundle.generate({ format: "es", minify: true });
  await bundle.close();
  const chunks = new Map(output.flatMap((c) => (c.type === "chunk" ? [[c.fileName, c] as const] : [])));
  const atOnce = new Set<string>();
  const follow = (file: string): void => {
    const chunk = chunks.get(file);
    if (!chunk || atOnce.has(file)) return;
    atOnce.add(file);
    for (const next of chunk.imports) follow(next);
  };
  follow(output[0].fileName);
  let [first, later, text] = [0, 0, ""];
  for (const [file, { code }] of chunks) {
    const size = gzipSync(code, { level: 9 }).length;
    if (atOnce.has(file)) {
      first += size;
      text += code;
    } else later += size;
  }
  return { first, later, text };
}

test("an array costs an array", async () => {
  const { first, later } = await sizeOf(`import { ndarray } from "chainrule"; console.log(ndarray([1], "f32", [1]));`);
  expect(first).toBeLessThan(1000);
  expect(later).toBe(0);
});

test("the engine (graph, ops, kernels, the WebGPU executor) is at most 40 KB", async () => {
  const source = join(inject("userProject"), "node_modules/chainrule/dist/lib/src");
  const at = (path: string): string => JSON.stringify(join(source, path));
  const { first, later } = await sizeOf(
    `import { webgpuBackend } from ${at("backend/webgpu/backend.js")};
     import { backward } from ${at("graph/backward.js")};
     import { Graph } from ${at("graph/graph.js")};
     import { fuse } from ${at("ops/fuse.js")};
     import { eagerOps } from ${at("ops/eager.js")};
     console.log(webgpuBackend, backward, Graph, fuse, eagerOps);`,
  );
  console.log(`engine: ${first} bytes, and ${later} when first needed`);
  expect(first).toBeLessThan(40_000);
  expect(first).toBeGreaterThan(25_000);
});

test("a trainer on WebGPU leaves out the checks, the readers of files, and the CPU until they are needed", async () => {
  const { first, later, text } = await sizeOf(
    `import { createTrainer, webgpuBackend } from "chainrule";
     createTrainer(await webgpuBackend(), globalThis.options);`,
  );
  console.log(`a trainer on WebGPU: ${first} bytes, and ${later} when first needed`);
  expect(first).toBeLessThan(74_000);
  // Words of what is left out: of the files' readers, of checks, of WebAssembly's bytes, of programs for the CPU.
  for (const word of ["safetensors", "finite differences", "0061736d01", "WebAssembly.Memory"]) {
    expect(text, word).not.toContain(word);
  }
});
