import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { backward } from "../../src/graph/backward.ts";
import { Graph } from "../../src/graph/graph.ts";
import { add } from "../../src/ops/elementwise/add.ts";
import { batchedMatmul } from "../../src/ops/matmul/batched.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { normError, type TorchArray, table, toArray } from "../shared/torch.ts";

interface BatchedCase {
  readonly name: string;
  readonly transpose: "a" | "b" | null;
  readonly a: TorchArray;
  readonly b: TorchArray;
  readonly y: TorchArray;
  readonly dy: TorchArray;
  readonly da: TorchArray;
  readonly db: TorchArray;
}

const cases = table<BatchedCase>("batched");

describe.each([
  ["CPU f64", 1e-13, async () => referenceBackend("f64")],
  ["WebGPU as dispatches", 1e-6, async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", 1e-6, async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", 1e-6, wasmBackend],
] as const)("batches of products on %s against PyTorch, %s", (which, limit, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());
  const some = which === "WebGPU on the chip" ? cases.filter((_, i) => i % 5 === 2) : cases;
  test.each(some)("$name", async (c) => {
    const g = new Graph();
    const [a, b, dy] = (["a", "b", "dy"] as const).map((name) => g.variable(name, toArray(c[name])));
    const y = g.one(batchedMatmul, [a!, b!], c.transpose ? { transpose: c.transpose } : {}, "y");
    const d = backward(g, y, dy!, [a!, b!], (p, q) => g.one(add, [p, q], null, p.name));
    const [da, db] = [d.get(a!)!, d.get(b!)!];
    g.keep(y, da, db);
    g.prune();
    const executor = await backend.compile(g, { nodes: g.nodes });
    const found = await executor.run(1, [y, da, db]);
    executor.dispose();
    [c.y, c.da, c.db].forEach((exact, i) => {
      expect(found[i]!.shape).toEqual(exact.shape);
      expect(normError(found[i]!.data, exact.data), ["y", "da", "db"][i]).toBeLessThan(limit);
    });
  });
});
