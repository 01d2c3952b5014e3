import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { conformAll } from "../../src/check/conformance.ts";
import { proofOf } from "../../src/graph/op.ts";
import { ops } from "../../src/ops/index.ts";
import { openGpu, opNamed } from "../shared/gpu.ts";
import { mutants } from "./mutants.ts";

describe("wrong kernels are caught, all of them", () => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());

  test.each(mutants)("$kernel: $what", async ({ op: name, kernel: kernelName, from, to }) => {
    const op = opNamed(name);
    const kernel = op.kernels.find((k) => k.name === kernelName)!;
    let changed = 0;
    const edit = (code: string): string => {
      const edited = code.replace(from, to);
      if (edited !== code) changed++;
      return edited;
    };
    let caught = false;
    for (const c of (await proofOf(op)).cases) {
      const result = await conform(gpu.gpu, op, kernel, c, { edit });
      if (result && !result.pass) caught = true;
      if (caught) break;
    }
    expect(changed, "the mutation found its place in the code").toBeGreaterThan(0);
    expect(caught).toBe(true);
  });
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
