import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { conformAll } from "../../src/check/conformance.ts";
import { ops } from "../../src/ops/all.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { expectCaught } from "../shared/teeth.ts";
import { mutants } from "./mutants.ts";

describe("wrong kernels are caught, all of them", () => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());

  test.each(mutants)("$kernel: $what", async (mutant) => expectCaught(gpu, opNamed(mutant.op), mutant));
});

describe("Dawn's null backend, which computes nothing", () => {
  test("fails every numeric case of every kernel", async () => {
    const idle = await webgpuBackend(await createNodeGpu({ backend: "null" }));
    const results = await conformAll(idle.gpu, ops);
    idle.dispose();
    expect(results.length).toBeGreaterThan(300);
    expect(results.filter((r) => r.pass).map((r) => `${r.kernel} ${r.case}`)).toEqual([]);
  });
});
