import { expect, test } from "vitest";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { cpuOps, ops } from "../../src/ops/all.ts";
import { wasmConformanceTests } from "../shared/wasm-conformance.ts";
import { thorough } from "./thorough.ts";

// Chrome has relaxed SIMD: here it is the other build that is held against the reference.
test("multiply-add is fused, and a page's own thread works alone", async () => {
  const { description } = await wasmBackend();
  expect(description).toBe("CPU (WebAssembly SIMD, 1 thread, fused multiply-add)");
});

wasmConformanceTests([...ops, ...cpuOps], thorough ? 1 : 2);
