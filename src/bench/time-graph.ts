import type { Backend } from "../backend/executor.ts";
import type { NdArray } from "../core/ndarray.ts";
import type { Graph, Tensor } from "../graph/graph.ts";
import { measure, type Timing } from "./stats.ts";

/** One op on one backend. */
export interface TimedGraph {
  /** False means the result was wrong, and that nothing was timed. */
  readonly verified: boolean;
  /** From the recorded graph to the first result read back: compiling, upload, one run. */
  readonly firstMs: number;
  readonly ms: Timing | null;
}

/** Compiles a graph, verifies what it computes, then times it. `kernel` is by name; null leaves the choice to the device. */
export async function timeGraph(
  backend: Backend,
  { graph, result }: { readonly graph: Graph; readonly result: Tensor },
  verify: (result: NdArray) => boolean,
  { kernel = null, signal }: { readonly kernel?: string | null; readonly signal?: AbortSignal | undefined },
): Promise<TimedGraph> {
  const start = performance.now();
  const executor = await backend.compile(graph, { kernel: () => kernel });
  try {
    const [found] = await executor.run(1, [result]);
    const firstMs = performance.now() - start;
    if (!verify(found!)) return { verified: false, firstMs, ms: null };
    const ms = await measure(async (n) => void (await executor.run(n)), { signal });
    return { verified: true, firstMs, ms };
  } finally {
    executor.dispose();
  }
}
