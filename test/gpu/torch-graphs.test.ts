import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { onChip } from "../../src/check/on-chip.ts";
import { asDispatches, openGpu } from "../shared/gpu.ts";
import { thorough } from "../shared/thorough.ts";
import { table } from "../shared/torch.ts";
import { type GraphCase, graphErrors } from "../shared/torch-graph.ts";

const cases = table<GraphCase>("graphs");

async function agrees(backend: Backend, c: GraphCase, limit: number): Promise<void> {
  for (const [what, error] of await graphErrors(backend, c)) expect(error, what).toBeLessThan(limit);
}

describe("CPU f64 against PyTorch, 1e-11", () => {
  test.each(cases)("$name", async (c) => agrees(referenceBackend("f64"), c, 1e-11));
});

describe.each([
  ["WebGPU as dispatches", async () => asDispatches(await openGpu())],
  ["WebGPU on the chip", async () => onChip(await openGpu(), { form: { width: 4, memory: "storage" } })],
  ["WebAssembly", wasmBackend],
] as const)("%s against PyTorch, 1e-5", (which, open) => {
  const onOneChip = which === "WebGPU on the chip";
  let backend: Backend;
  beforeAll(async () => {
    backend = await open();
  });
  afterAll(() => backend.dispose());

  // One kernel of all its steps would be too long to compile: such a net runs as dispatches.
  // Each is a kernel of its own, and test/gpu/on-chip has every op: here every fourth net, unless all are asked for. And
  // of the one convolution that differs in its numbers alone dispatches take every other.
  const numbers = ({ name }: GraphCase): boolean => name.startsWith("conv2d 3x3, stride");
  const many = which === "WebAssembly" || thorough;
  const some = many ? cases : cases.filter((c, i) => (onOneChip ? i % 4 === 0 : i % 2 === 1 || !numbers(c)));
  const fits = some.filter(({ name }) => !(onOneChip && name === "residual, fourteen convolutions"));
  test.each(fits)("$name", async (c) => agrees(backend, c, 1e-5));
});
