import type { Node, TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, OpCase } from "../../graph/op.ts";
import { proofOf } from "../../proof/proof-of.ts";
import type { AnyKernel } from "./choose.ts";
import { type ConformanceResult, conform } from "./conform.ts";
import type { WebGpuDevice } from "./device.ts";

/** Elements of the inputs of a case that stands for a kernel: several tiles of any, and no long work. */
const MOST_ELEMENTS = 2 ** 13;
/** Of the net's own problem made smaller: a product of 64 x 64 with 255 terms. Another case would be another pipeline. */
const MOST_OWN = 2 ** 15;

/** The known answer of a kernel whose code is `key`; null where no case of its op stands for it. See self-test.ts. */
export async function answerOf(
  gpu: WebGpuDevice,
  node: Node,
  kernel: AnyKernel,
  key: string,
): Promise<ConformanceResult | null> {
  const { cases } = await proofOf(node.op);
  const c = await standsFor(node, cases, kernel, key, gpu);
  return c && conform(gpu, node.op, kernel, c);
}

/**
 * The largest case for which the kernel has the very code that is asked for; else the node's own problem made smaller;
 * else the largest case that the kernel applies to.
 */
async function standsFor(
  node: Node,
  cases: readonly OpCase<unknown>[],
  kernel: AnyKernel,
  key: string,
  gpu: WebGpuDevice,
): Promise<OpCase<unknown> | null> {
  const op = node.op as AnyOp;
  const codeOf = (inputs: readonly TensorSpec[], attrs: unknown): string | null => {
    const plan = kernel.plan(inputs, op.infer(inputs, attrs), attrs, gpu.caps);
    return plan?.launches.map((l) => l.code).join("\n") ?? null;
  };
  let other: OpCase<unknown> | null = null;
  for (const c of [...cases].sort((a, b) => elements(b.inputs) - elements(a.inputs))) {
    if (elements(c.inputs) > MOST_ELEMENTS) continue;
    const code = codeOf(c.inputs, c.attrs);
    if (code === key) return c;
    if (code !== null) other ??= c;
  }
  const own = node.inputs.map(({ shape, dtype }): TensorSpec => ({ shape, dtype }));
  let inputs: readonly TensorSpec[] | null = op.sample ? op.sample(own, node.attrs) : op.trial ? own : null;
  while (!op.sample && inputs && elements(inputs) > MOST_OWN) inputs = await op.trial!.halve(inputs, node.attrs);
  if (inputs && codeOf(inputs, node.attrs) === key) return { name: "the net's own", inputs, attrs: node.attrs };
  return other;
}

const elements = (inputs: readonly TensorSpec[]): number =>
  inputs.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
