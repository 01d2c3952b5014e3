import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { conformGraph } from "../../src/check/conformance.ts";
import type { AnyOp } from "../../src/graph/op.ts";
import { proofOf } from "../../src/proof/proof-of.ts";

/** Declares a test for each case of the given ops, or for one in `every`: what WebAssembly computes lies within the proved bounds. */
export function wasmConformanceTests(ops: readonly AnyOp[], every = 1): void {
  let backend: Backend;
  beforeAll(async () => {
    backend = await wasmBackend();
  });
  afterAll(() => backend.dispose());
  describe.each(ops.map((op) => [op.name, op] as const))("%s", async (_name, op) => {
    const cases = (await proofOf(op)).cases.filter((_, i) => i % every === 0);
    test("computes without the reference's help", () => {
      expect(op.wasm).toBeTypeOf("function");
    });

    test.each(cases)("$name agrees with the reference", async (c) => {
      const result = await conformGraph(backend, op, c);
      expect(result.reason, backend.description).toBe("");
    });
  });
}
