import { ChainruleError } from "../../core/errors.ts";
import type { Node } from "../../graph/graph.ts";
import type { AnyKernel, ChosenKernel } from "./choose.ts";
import type { ConformanceResult } from "./conform.ts";
import type { WebGpuDevice } from "./device.ts";
import { answerOf } from "./self-test-answer.ts";

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
    const code = launches.map((l) => l.code).join("\n");
    // One text may serve several ops, each in its own way.
    const key = `${kernel.name}\n${code}`;
    let result = this.done.get(key);
    if (!result) {
      result = answerOf(this.gpu, node, kernel, code)
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
}

const tests = new WeakMap<WebGpuDevice, SelfTest>();

/** The one of a device. */
export function selfTestOf(gpu: WebGpuDevice): SelfTest {
  const known = tests.get(gpu) ?? new SelfTest(gpu);
  tests.set(gpu, known);
  return known;
}

/**
 * A kernel that needs what not every device has is, where the device refuses it, left out as a wrong one is: why it was
 * refused. Throws any other error.
 */
export function refusalOf(gpu: WebGpuDevice, kernel: AnyKernel, error: unknown): string {
  if (!(error instanceof ChainruleError) || error.code !== "device" || !kernel.needs || gpu.failed) throw error;
  return error.message;
}
