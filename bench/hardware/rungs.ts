import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { chooseKernel } from "../../src/backend/webgpu/choose.ts";
import { suffixOf } from "../../src/backend/webgpu/tuner-candidates.ts";
import { convolutionSizes, nameOfConvolution } from "../../src/bench/convolution.ts";
import {
  type ConvolutionSize,
  convolutionGraph,
  convolutionOperands,
  convolutionWork,
  verifyConvolution,
} from "../../src/bench/convolution-problem.ts";
import { nameOf, operands, type ProductSize, productGraph, verifySamples } from "../../src/bench/matmul.ts";
import { measure } from "../../src/bench/stats.ts";
import type { NdArray } from "../../src/core/ndarray.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { addLateKernels } from "../../src/graph/late-kernels.ts";

/** One kernel of a ladder on one problem. */
export interface RungRow {
  readonly name: string;
  readonly kernel: string;
  /** Whether a device takes it before it has measured anything. */
  readonly guessed: boolean;
  /** False: its result was wrong, and it was not timed. */
  readonly verified: boolean;
  /** Median of a run. */
  readonly ms: number | null;
  readonly gflops: number | null;
}

/** Kernels that are there to be read: they would take most of the time. */
const SLOW = new Set(["naive", "tiled"]);
const LARGE = 1 << 30;

const square = (n: number): readonly ProductSize[] =>
  (["NN", "NT", "TN"] as const).map((form) => ({ form, M: n, N: n, K: n }));

/** Square products, and those of a training step of a dense net, of a net of attention and of one row. */
export function rungSizes(max: number): readonly ProductSize[] {
  return [
    ...[1024, 4096].filter((n) => n <= max).flatMap(square),
    { form: "NN", M: 64, N: 512, K: 784 },
    { form: "NT", M: 64, N: 784, K: 512 },
    { form: "TN", M: 784, N: 512, K: 64 },
    { form: "NN", M: 128, N: 1024, K: 1024 },
    { form: "TN", M: 1024, N: 1024, K: 128 },
    { form: "NN", M: 1024, N: 512, K: 128 },
    { form: "NT", M: 1024, N: 128, K: 512 },
    { form: "TN", M: 128, N: 512, K: 1024 },
    { form: "NN", M: 1, N: 4096, K: 4096 },
    { form: "NT", M: 1, N: 4096, K: 4096 },
  ];
}

/** Layers of image nets of today's size, beside those of the benchmark. */
const largeConvolutions: readonly ConvolutionSize[] = (["forward", "input", "weight"] as const).flatMap((form) => [
  { form, x: [32, 64, 56, 56], w: [64, 64, 3, 3] },
  { form, x: [32, 256, 14, 14], w: [256, 256, 3, 3] },
]);

/** Yields every kernel that applies to each problem, verified, then timed. */
export async function* timeRungs(gpu: WebGpuBackend, max: number, match: string): AsyncGenerator<RungRow> {
  for (const size of rungSizes(max).filter((s) => nameOf(s).includes(match))) {
    const { a, b } = operands(size);
    const work = 2 * size.M * size.N * size.K;
    const verify = (c: NdArray): boolean => verifySamples(size, a, b, c);
    yield* ladder(gpu, nameOf(size), () => problem(productGraph(size, a, b)), work, verify);
  }
  const convolutions = [...convolutionSizes(), ...(max >= 2048 ? largeConvolutions : [])];
  for (const size of convolutions.filter((s) => nameOfConvolution(s).includes(match))) {
    const values = convolutionOperands(size);
    const verify = (c: NdArray): boolean => verifyConvolution(size, values, c);
    const graph = (): Problem => convolutionGraph(size, values);
    yield* ladder(gpu, nameOfConvolution(size), graph, 2 * convolutionWork(size), verify);
  }
}

interface Problem {
  readonly graph: Graph;
  readonly result: Tensor;
}

const problem = ({ graph, c }: { readonly graph: Graph; readonly c: Tensor }): Problem => ({ graph, result: c });

/** All kernels over the same operands, which are uploaded anew for each. */
async function* ladder(
  backend: WebGpuBackend,
  name: string,
  build: () => Problem,
  work: number,
  verify: (result: NdArray) => boolean,
): AsyncGenerator<RungRow> {
  const { caps } = backend.gpu;
  const node = build().result.node!;
  await addLateKernels([node], caps);
  const guess = chooseKernel(node, caps).kernel.name;
  for (const k of node.op.kernels) {
    const kernel = k.name;
    if (work > LARGE && SLOW.has(suffixOf(kernel))) continue;
    if (k.plan(node.inputs, node.outputs, node.attrs, caps) === null) continue;
    const { graph, result } = build();
    const executor = await backend.compile(graph, { kernel: () => kernel });
    try {
      const [found] = await executor.run(1, [result]);
      const verified = verify(found!);
      const row = { name, kernel, guessed: kernel === guess, verified };
      const ms = verified
        ? (await measure(async (n) => void (await executor.run(n)), { samples: 5, sampleMs: 20 })).median
        : null;
      yield { ...row, ms, gflops: ms === null ? null : work / ms / 1e6 };
    } finally {
      executor.dispose();
    }
  }
}
