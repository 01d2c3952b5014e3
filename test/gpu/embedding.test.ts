import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { ndarray } from "../../src/core/ndarray.ts";
import { Graph } from "../../src/graph/graph.ts";
import { embeddingGradient } from "../../src/ops/embedding/embedding.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";

describe.each([
  ["WebGPU", async () => asDispatches(await openGpu())],
  ["WebAssembly", wasmBackend],
] as const)("embeddingGradient on %s", (_name, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());

  // By sorting, and by looking at all.
  test.each([
    [700, 300, 8],
    [9, 40, 3],
  ])("a batch of %i tokens' vocabulary leaves nothing for the next", async (vocabulary, n, width) => {
    const attrs = { vocabulary, paddingIndex: 3 };
    const tokens = (step: number) =>
      ndarray(
        [n],
        "i32",
        Int32Array.from({ length: n }, (_, i) => (i * i * (7 + step) + 13 * step) % vocabulary),
      );
    const dy = ndarray(
      [n, width],
      "f32",
      Float32Array.from({ length: n * width }, (_, i) => (i % 11) - 5),
    );
    const g = new Graph();
    const read = g.variable("tokens", tokens(0));
    const out = g.one(embeddingGradient, [g.variable("dy", dy), read], attrs);
    g.keep(out);
    const executor = await backend.compile(g, {});
    for (const step of [0, 1, 2]) {
      executor.write(read, tokens(step));
      const [found] = await executor.run(1, [out]);
      // Sums of whole numbers are exact.
      expect(found!.data).toEqual(embeddingGradient.reference([dy, tokens(step)], attrs)[0]!.data);
    }
    executor.dispose();
  });
});
