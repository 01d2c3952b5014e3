import { ChainruleError } from "../../core/errors.ts";
import type { Node, TensorSpec } from "../../graph/graph.ts";
import { type AnyOp, type OpCase, proofOf } from "../../graph/op.ts";
import type { AnyKernel, ChosenKernel } from "./choose.ts";
import type { ConformanceResult } from "./conform.ts";
import type { WebGpuDevice } from "./device.ts";

/** Elements of the inputs of a case that stands for a kernel: several tiles of any, and no long work. */
const MOST_ELEMENTS = 2 ** 13;

/**
 * Known answers: each kernel that a graph is about to use computes a case of its op, which is held against the reference
 * in f64 and its bound, once for a device and a pipeline. A browser's compiler and a driver stand between a kernel that
 * was right elsewhere and this device.
 */
export class SelfTest {
  private readonly done = new Map<string, Promise<ConformanceResult | null>>();
  private readonly results: ConformanceResult[] = [];

  constructor(private readonly gpu: WebGpuDevice) {}

  /** Every answer so far. */
  get made(): readonly ConformanceResult[] {
    return this.results;
  }

  /** Tests what has not been tested, side by side; a kernel that is wrong is never chosen again on this device. */
  async of(chosen: ReadonlyMap<Node, ChosenKernel>): Promise<readonly ConformanceResult[]> {
    const found = await Promise.all([...chosen].map(([node, { kernel, plan }]) => this.one(node, kernel, plan)));
    return found.filter((r) => r !== null && !r.pass) as readonly ConformanceResult[];
  }

  private one(node: Node, kernel: AnyKernel, { launches }: ChosenKernel["plan"]): Promise<ConformanceResult | null> {
    const key = launches.map((l) => l.code).join("\n");
    let result = this.done.get(key);
    if (!result) {
      result = this.answer(node, kernel, key)
        .catch((error) => this.refused(node, kernel, error))
        .then((r) => {
          if (r) this.results.push(r);
          if (r && !r.pass) this.gpu.wrong.set(kernel.name, r.reason);
          return r;
        });
      this.done.set(key, result);
      // Without an answer, for want of room say, it is asked again.
      result.catch(() => this.done.delete(key));
    }
    return result;
  }

  private refused(node: Node, kernel: AnyKernel, error: unknown): ConformanceResult {
    const reason = refusalOf(this.gpu, kernel, error);
    return { op: node.op.name, kernel: kernel.name, case: "", pass: false, comparisons: [], reason };
  }

  private async answer(node: Node, kernel: AnyKernel, key: string): Promise<ConformanceResult | null> {
    const { cases } = await proofOf(node.op);
    const c = standsFor(node, cases, kernel, key, this.gpu);
    if (!c) return null;
    const { conform } = await import("./conform.ts");
    return conform(this.gpu, node.op, kernel, c);
  }
}

/**
 * A kernel that needs what not every device has is, where the device refuses it, left out as a wrong one is: why it was
 * refused. Throws any other error.
 */
export function refusalOf(gpu: WebGpuDevice, kernel: AnyKernel, error: unknown): string {
  if (!(error instanceof ChainruleError) || error.code !== "device" || !kernel.needs || gpu.failed) throw error;
  return error.message;
}

/**
 * The largest case for which the kernel has the very code that is asked for; else the node's own problem made smaller;
 * else the largest case that the kernel applies to.
 */
function standsFor(
  node: Node,
  cases: readonly OpCase<unknown>[],
  kernel: AnyKernel,
  key: string,
  gpu: WebGpuDevice,
): OpCase<unknown> | null {
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
  let inputs: readonly TensorSpec[] | null = op.trial
    ? node.inputs.map(({ shape, dtype }): TensorSpec => ({ shape, dtype }))
    : null;
  while (inputs && elements(inputs) > MOST_ELEMENTS) inputs = op.trial!.halve(inputs, node.attrs);
  if (inputs && codeOf(inputs, node.attrs) === key) return { name: "the net's own", inputs, attrs: node.attrs };
  return other;
}

const elements = (inputs: readonly TensorSpec[]): number =>
  inputs.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0);
