import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { ConformanceResult } from "../../src/backend/webgpu/conform.ts";
import type { ChipForm } from "../../src/backend/webgpu/lower.ts";
import { conformGraph } from "../../src/check/conformance.ts";
import { type OnChipOptions, onChip } from "../../src/check/on-chip.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { sizeOf } from "../../src/core/ndarray.ts";
import type { AnyOp, OpCase } from "../../src/graph/op.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import { openGpu } from "./gpu.ts";

/** Forms of the kernel: written out for one invocation, one subgroup of a CPU's adapter, a GPU's workgroup. */
export const forms: readonly ChipForm[] = [
  { width: 1, memory: "variables" },
  { width: 4, memory: "storage" },
  { width: 64, memory: "workgroup" },
];

/** Elements of a case in the memory of a workgroup: SwiftShader's compiler writes out their first zeros one by one. */
const MOST_SHARED = 2500;

/** Elements of a case that is written out, unless all cases are asked for: ten times as many take a compiler ten seconds. */
const MOST_WRITTEN_OUT = 320;

/** Of what goes in and what comes out. */
const elementsOf = (op: AnyOp, c: OpCase<unknown>): number =>
  [...c.inputs, ...op.infer(c.inputs, c.attrs)].reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** One case of an op as a graph of its own on the chip; null where it does not fit. */
export async function conformOnChip(
  gpu: WebGpuBackend,
  op: AnyOp,
  c: OpCase<unknown>,
  options: OnChipOptions,
): Promise<ConformanceResult | null> {
  try {
    return await conformGraph(onChip(gpu, options), op, c);
  } catch (error) {
    if (error instanceof ChainruleError && error.code === "limit") return null;
    throw error;
  }
}

/** Bodies of recurrences are long, and alike: a third of the cases, unless all are asked for. */
const isLong = ({ name }: AnyOp): boolean => /^(lstm|gru|rnn)/.test(name);

/** At most so many cases of an op for one form: each is code of its own. Another form has others of them. */
function someOf<T>(cases: readonly T[], most: number, first: number): readonly T[] {
  const step = Math.ceil(cases.length / Math.min(most, cases.length));
  return step <= 1 ? cases : cases.filter((_, i) => (i + first) % step === 0);
}

/** Declares a test for each op that has a form for the chip: its cases that fit within the proved bounds. */
export function chipConformanceTests(ops: readonly AnyOp[], most: number, tried = forms): void {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());
  const able = ops.filter((op) => op.onChip);
  test("every op that is not made of others has a form for the chip, but for those over keys and a vocabulary", () => {
    const composed = [
      ...["linear", "linearInputGradient", "linearWeightGradient", "crossEntropyWithGradient"],
      ...["sumSquaredError", "mse", "huber", "bce"].map((loss) => `${loss}WithGradient`),
      ...["drawBatch", "controlAndRecord", "weightedCrossEntropyWithGradient"],
      ...["convLayer", "convLayerInputGradient", "convLayerWeightGradient"],
      ...["convTransposeLayer", "convTransposeLayerInputGradient", "addActivation"],
    ];
    const long = ["attention", "attentionGradient"];
    // What turns the inputs of attention goes with it.
    const others = ["rotary", "headLoss", "attentionStep", "recurrentStep"];
    // In no order: exports of a module have another in a browser.
    expect(new Set(ops.filter((op) => !op.onChip).map((op) => op.name))).toEqual(
      new Set([...composed, ...long, ...others]),
    );
  });
  describe.each(able.map((op) => [op.name, op] as const))("%s", (_name, op) => {
    test.each(tried)("$width in $memory agree with the reference on every case that fits", async (form) => {
      let applied = 0;
      // What is written out for one invocation takes a compiler longest.
      const writtenOut = form.memory === "variables";
      const some = (writtenOut ? most / 2 : most) / (isLong(op) ? 3 : 1);
      const { cases } = await proofOf(op);
      const short = cases.filter((c) => elementsOf(op, c) <= MOST_WRITTEN_OUT);
      const all = writtenOut && Number.isFinite(most) && short.length > 0 ? short : cases;
      const first = someOf(all, some, forms.indexOf(form));
      // Where none of those fits, the first of the others that does.
      for (const c of [...first, ...all.filter((one) => !first.includes(one))]) {
        if (applied > 0 && !first.includes(c)) break;
        if (form.memory === "workgroup" && elementsOf(op, c) > MOST_SHARED) continue;
        const result = await conformOnChip(gpu, op, c, { form });
        if (!result) continue;
        applied++;
        expect(result.reason, `${op.name}, ${c.name}, ${gpu.description}`).toBe("");
      }
      expect(applied, "cases that fit").toBeGreaterThan(0);
    });
  });
}
