import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { AnyOp, DeviceCaps, OpCase } from "../../src/graph/op.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu } from "./gpu.ts";

/** Ops that have a file of their own, test/gpu/matmul.test.ts, since whatever else it tests needs the same pipelines. */
export const isProduct = ({ name }: AnyOp): boolean => name === "matmul" || name === "transposeMatmul";

/** Apply on Intel's GPUs alone, and have a file of their own: test/gpu/conv-uniform.test.ts. */
const ofIntel = /conv\w*\/block-uniform$/i;

/** So many codes of a kernel, or so many characters of them in all, are soon compiled. */
const FEW = 3;
const SHORT = 16_000;
/**
 * And so many are enough of a kernel whose code differs by the sizes that it is for. Of halves fewer: those kernels
 * differ from their twins of f32 in how they read and write.
 */
const ENOUGH = { f32: 8_000, f16: 5_500 };

/**
 * The cases of an op for its kernel number `k`: all of them, or where they make many long codes of it those of every second
 * code, or fewer. Its neighbours take others, so that each case is held against the short kernels and some of the long ones.
 */
function someOf(op: AnyOp, k: number, cases: readonly OpCase<unknown>[], caps: DeviceCaps): readonly OpCase<unknown>[] {
  const enough = ENOUGH[op.name.startsWith("half") ? "f16" : "f32"];
  const codes = new Map<string, OpCase<unknown>[]>();
  for (const c of cases) {
    const plan = op.kernels[k]!.plan(c.inputs, op.infer(c.inputs, c.attrs), c.attrs, caps);
    if (!plan) continue;
    const code = plan.launches.map((launch) => launch.code).join("\n");
    codes.set(code, [...(codes.get(code) ?? []), c]);
  }
  const text = [...codes.keys()].reduce((sum, { length }) => sum + length, 0);
  if (codes.size <= FEW || text <= SHORT) return cases;
  // No more than there are codes: each kernel has one at least.
  const each = Math.min(codes.size, Math.max(2, Math.ceil(text / enough)));
  const taken = new Set([...codes.values()].flatMap((of, i) => (i % each === k % each ? of : [])));
  return cases.filter((c) => taken.has(c));
}

export interface ConformanceChoice {
  /** Cases of each kernel, from the first on. Default all. */
  readonly most?: number;
  /** False: as `someOf` has it. Default true. */
  readonly all?: boolean;
}

/** Declares a test for each kernel of the given ops: its cases, all or some, within the proved bounds. */
export function conformanceTests(
  ops: readonly AnyOp[],
  { most = Number.POSITIVE_INFINITY, all = true }: ConformanceChoice = {},
): void {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());
  for (const op of ops) {
    describe(op.name, () => {
      for (const [k, kernel] of op.kernels.entries()) {
        if (ofIntel.test(kernel.name)) continue;
        test(`${kernel.name} agrees with the reference on ${all ? "every case" : "its cases"}`, async () => {
          const lacks = kernel.needs !== undefined && !gpu.gpu.caps[kernel.needs];
          let applied = 0;
          const { cases } = await proofOf(op);
          for (const c of all ? cases : someOf(op, k, cases, gpu.gpu.caps)) {
            if (applied === most) break;
            const result = await conform(gpu.gpu, op, kernel, c);
            if (!result) continue;
            applied++;
            expect(result.reason, `${kernel.name}, ${c.name}, ${gpu.description}`).toBe("");
          }
          if (lacks) expect(applied, `cases, without ${kernel.needs}`).toBe(0);
          else expect(applied, "cases that the kernel applies to").toBeGreaterThan(0);
        });
      }
    });
  }
}
