import type { Backend } from "../backend/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { throwIfAborted } from "../core/abort.ts";
import type { Shape } from "../core/ndarray.ts";
import {
  type ConvolutionForm,
  type ConvolutionSize,
  convolutionGraph,
  convolutionOperands,
  convolutionWork,
  verifyConvolution,
} from "./convolution-problem.ts";
import { kernelFor } from "./matmul.ts";
import type { Timing } from "./stats.ts";
import { timeGraph } from "./time-graph.ts";

/** One convolution, or one of its gradients: verified, then timed. */
export interface ConvolutionRow {
  /** "conv 64x16x28x28 to 16, 3x3, weight" */
  readonly name: string;
  readonly form: ConvolutionForm;
  readonly kernel: string;
  /** False means a result was wrong, and that nothing was timed. */
  readonly verified: boolean;
  /** From the recorded graph to the first result read back: compiling, upload, one run. */
  readonly firstMs: number | null;
  readonly gpuMs: Timing | null;
  readonly gflops: number | null;
  readonly cpuMs: Timing | null;
  readonly cpuGflops: number | null;
}

const forms = ["forward", "input", "weight"] as const satisfies readonly ConvolutionForm[];
/** Layers of small image nets: few channels on large images, more of them on smaller ones. */
const layers: readonly (readonly [x: Shape, out: number])[] = [
  [[64, 16, 28, 28], 16],
  [[32, 32, 14, 14], 32],
];

/** Convolutions of 3x3 that keep the size of the image, and both their gradients. */
export function convolutionSizes(): readonly ConvolutionSize[] {
  return layers.flatMap(([x, out]) => forms.map((form) => ({ form, x, w: [out, x[1]!, 3, 3] })));
}

export const nameOfConvolution = ({ form, x, w }: ConvolutionSize): string =>
  `conv ${x.join("x")} to ${w[0]}, ${w[2]}x${w[3]}, ${form}`;

/** Yields a row for each size as it is done. Throws ChainruleError "aborted" when the signal is given. */
export async function* benchConvolutions(options: {
  readonly gpu: WebGpuBackend | null;
  readonly cpu: Backend | null;
  readonly sizes: readonly ConvolutionSize[];
  readonly signal?: AbortSignal | undefined;
}): AsyncGenerator<ConvolutionRow> {
  const { gpu, cpu, signal } = options;
  for (const size of options.sizes) {
    const operands = convolutionOperands(size);
    const timeOn = (backend: Backend) => {
      throwIfAborted(signal);
      const verify = (result: Parameters<typeof verifyConvolution>[2]) => verifyConvolution(size, operands, result);
      return timeGraph(backend, convolutionGraph(size, operands), verify, { signal });
    };
    const onGpu = gpu && (await timeOn(gpu));
    const onCpu = cpu && (await timeOn(cpu));
    const rate = (ms: Timing | null | undefined) => (ms ? (2 * convolutionWork(size)) / ms.median / 1e6 : null);
    yield {
      name: nameOfConvolution(size),
      form: size.form,
      kernel: gpu ? kernelFor(gpu, convolutionGraph(size, operands).result).kernel : "none",
      verified: (onGpu?.verified ?? true) && (onCpu?.verified ?? true),
      firstMs: onGpu?.firstMs ?? null,
      gpuMs: onGpu?.ms ?? null,
      gflops: rate(onGpu?.ms),
      cpuMs: onCpu?.ms ?? null,
      cpuGflops: rate(onCpu?.ms),
    };
  }
}
