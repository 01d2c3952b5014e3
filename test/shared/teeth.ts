import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { AnyOp, OpCase } from "../../src/graph/op.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import type { Mutant } from "../gpu/mutants.ts";
import { openGpu, opNamed } from "./gpu.ts";

/** Expects some case, by default of the op's own, to show that the wrong kernel is wrong. */
export async function expectCaught(
  gpu: WebGpuBackend,
  op: AnyOp,
  { kernel: name, from, to, vendor }: Mutant,
  cases?: readonly OpCase<unknown>[],
): Promise<void> {
  const kernel = op.kernels.find((k) => k.name === name)!;
  const caps = vendor === undefined ? {} : { caps: { ...gpu.gpu.caps, vendor } };
  let changed = 0;
  const edit = (code: string): string => {
    const edited = code.replace(from, to);
    if (edited !== code) changed++;
    return edited;
  };
  let caught = false;
  for (const c of cases ?? (await proofOf(op)).cases) {
    const result = await conform(gpu.gpu, op, kernel, c, { ...caps, edit });
    if (result && !result.pass) caught = true;
    if (caught) break;
  }
  expect(changed, "the mutation found its place in the code").toBeGreaterThan(0);
  expect(caught).toBe(true);
}

/** Declares a test for each wrong kernel: some case of its op catches it. */
export function teethTests(mutants: readonly Mutant[]): void {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());
  test.each(mutants)("$kernel: $what", async (mutant) => expectCaught(gpu, opNamed(mutant.op), mutant));
}
