import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { table } from "../shared/torch.ts";
import { type GraphCase, graphErrors } from "../shared/torch-graph.ts";

const cases = table<GraphCase>("places");

async function agrees(backend: Backend, c: GraphCase, limit: number): Promise<void> {
  for (const [what, error] of await graphErrors(backend, c)) expect(error, what).toBeLessThan(limit);
}

describe.each([
  ["CPU f64", 1e-12, async () => referenceBackend("f64")],
  ["WebGPU as dispatches", 1e-5, async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", 1e-5, async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", 1e-5, wasmBackend],
] as const)("classes of places on %s against PyTorch, %s", (_which, limit, open) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());
  test.each(cases)("$name", async (c) => agrees(backend, c, limit));
});
