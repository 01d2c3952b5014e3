import { describe, expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { conformGraph } from "../../src/check/conformance.ts";
import { ops } from "../../src/ops/index.ts";

const backend = await wasmBackend();

describe.each(ops.map((op) => [op.name, op] as const))("%s", (_name, op) => {
  test("computes without the reference's help", () => {
    expect(op.wasm).toBeTypeOf("function");
  });

  test.each(op.cases)("$name agrees with the reference", async (c) => {
    const result = await conformGraph(backend, op, c);
    expect(result.reason, backend.description).toBe("");
  });
});
