import { expect, test } from "vitest";
import { checkOp } from "../../../src/check/op.ts";
import { lazyActivations } from "../../../src/ops/elementwise/lazy-activations.ts";
import { maxout } from "../../../src/ops/elementwise/maxout.ts";
import { multiply } from "../../../src/ops/elementwise/multiply.ts";
import { prelu } from "../../../src/ops/elementwise/prelu.ts";
import { batchedMatmul } from "../../../src/ops/matmul/batched.ts";
import { logSoftmax } from "../../../src/ops/norm/log-softmax.ts";
import { concat } from "../../../src/ops/shape/concat.ts";
import { pad, part } from "../../../src/ops/shape/pad.ts";
import { permute } from "../../../src/ops/shape/permute.ts";
import { upsample } from "../../../src/ops/shape/upsample.ts";

const ops = [batchedMatmul, permute, concat, part, pad, upsample, multiply, prelu, maxout, logSoftmax];

test.each([...ops, ...Object.values(lazyActivations).map((a) => a.forward)].map((op) => [op.name, op] as const))(
  "%s: its gradient is that of central differences",
  async (_name, op) => {
    const { reason, gradients } = await checkOp(op, { backend: null, samples: 10 });
    expect(reason).toBe("");
    expect(gradients.length).toBeGreaterThan(3);
  },
);
