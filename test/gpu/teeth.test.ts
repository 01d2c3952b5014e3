import { describe, expect, test } from "vitest";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { conformAll } from "../../src/check/conformance.ts";
import { ops } from "../../src/ops/all.ts";
import { teethTests } from "../shared/teeth.ts";
import { mutants } from "./mutants.ts";

describe("wrong kernels are caught, all of them", () => teethTests(mutants));

describe("Dawn's null backend, which computes nothing", () => {
  test("fails every numeric case of every kernel", async () => {
    const idle = await webgpuBackend(await createNodeGpu({ backend: "null" }));
    const results = await conformAll(idle.gpu, ops);
    idle.dispose();
    expect(results.length).toBeGreaterThan(300);
    expect(results.filter((r) => r.pass).map((r) => `${r.kernel} ${r.case}`)).toEqual([]);
  });
});
