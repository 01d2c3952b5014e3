import type { Backend } from "../backend/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { chooseKernel } from "../backend/webgpu/choose.ts";
import { throwIfAborted } from "../core/abort.ts";
import { type NdArray, ndarray } from "../core/ndarray.ts";
import { normals, randomWord, STREAM } from "../core/philox.ts";
import { Graph, type Tensor } from "../graph/graph.ts";
import { addLateKernels } from "../graph/late-kernels.ts";
import type { AnyOp } from "../graph/op.ts";
import { matmul, outerProduct, transposeMatmul } from "../ops/matmul/matmul.ts";
import type { Timing } from "./stats.ts";
import { type TimedGraph, timeGraph } from "./time-graph.ts";

export type ProductForm = "NN" | "NT" | "TN" | "outer";

export interface ProductSize {
  readonly form: ProductForm;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** One product, verified, then timed. */
export interface BenchRow extends ProductSize {
  readonly name: string;
  readonly kernel: string;
  /** False means the result was wrong, and that nothing was timed. */
  readonly verified: boolean;
  /** From the recorded graph to the first result read back: compiling, upload, one run. */
  readonly firstMs: number | null;
  readonly gpuMs: Timing | null;
  /** Operands and result, each moved once, in GB/s: what counts where a product is limited by memory. */
  readonly gbps: number | null;
  readonly gflops: number | null;
  readonly cpuMs: Timing | null;
  readonly cpuGflops: number | null;
}

export interface BenchOptions {
  readonly gpu: WebGpuBackend | null;
  readonly cpu: Backend | null;
  readonly sizes: readonly ProductSize[];
  readonly signal?: AbortSignal;
  /** Kernel of the ladder to time instead of the chosen one, by the part of its name after the slash. */
  readonly rung?: string;
}

/** A product that would take the CPU longer than this, going by the last one, is not timed there. */
const MAX_CPU_MS = 2000;
/** Elements that are recomputed in f64 before a product is timed. */
const SAMPLES = 256;

/** Square, training-shaped, one-row and ragged products, up to `max` wide. */
export function productSizes(max: number): readonly ProductSize[] {
  const square = [64, 256, 512, 1024, 2048, 4096, 8192].filter((n) => n <= max);
  const forms = ["NN", "NT", "TN"] as const;
  return [
    ...square.flatMap((n) => forms.map((form) => ({ form, M: n, N: n, K: n }))),
    { form: "NN", M: 64, N: 512, K: 784 },
    { form: "NT", M: 64, N: 784, K: 512 },
    { form: "TN", M: 784, N: 512, K: 64 },
    { form: "NN", M: 1, N: 512, K: 784 },
    { form: "NT", M: 1, N: 784, K: 512 },
    { form: "outer", M: 784, N: 512, K: 1 },
    { form: "NN", M: 65, N: 511, K: 785 },
  ];
}

/** Yields a row for each size as it is done. Throws ChainruleError "aborted" when the signal is given. */
export async function* benchMatmul({ gpu, cpu, sizes, signal, rung }: BenchOptions): AsyncGenerator<BenchRow> {
  let cpuMsPerWork = 0;
  for (const size of sizes) {
    throwIfAborted(signal);
    const { a, b } = operands(size);
    const work = 2 * size.M * size.N * size.K;
    const onGpu = gpu ? await timeOn(gpu, size, a, b, rung, signal) : null;
    const onCpu = cpu && cpuMsPerWork * work <= MAX_CPU_MS ? await timeOn(cpu, size, a, b, undefined, signal) : null;
    const cpuMs = onCpu?.ms ?? null;
    if (cpuMs) cpuMsPerWork = cpuMs.median / work;
    yield {
      ...size,
      name: nameOf(size),
      kernel: onGpu?.kernel ?? "none",
      verified: (onGpu?.verified ?? true) && (onCpu?.verified ?? true),
      firstMs: onGpu?.firstMs ?? null,
      gpuMs: onGpu?.ms ?? null,
      gbps: onGpu?.ms ? (4 * (size.M * size.K + size.K * size.N + size.M * size.N)) / onGpu.ms.median / 1e6 : null,
      gflops: onGpu?.ms ? work / onGpu.ms.median / 1e6 : null,
      cpuMs,
      cpuGflops: cpuMs ? work / cpuMs.median / 1e6 : null,
    };
  }
}

export function nameOf({ form, M, N, K }: ProductSize): string {
  const names = { NN: "matmul", NT: "transposeMatmul b", TN: "transposeMatmul a", outer: "outerProduct" };
  return `${names[form]} ${M}x${N}x${K}`;
}

/** a and b as they lie in memory for this form, standard normal. */
export function operands({ form, M, N, K }: ProductSize): { a: NdArray; b: NdArray } {
  const draw = (shape: readonly [number, number], step: number): NdArray =>
    ndarray(shape, "f32", normals(1, STREAM.check, step, shape[0] * shape[1]));
  return {
    a: draw(form === "TN" ? [K, M] : form === "outer" ? [1, M] : [M, K], 1),
    b: draw(form === "NT" ? [N, K] : form === "outer" ? [1, N] : [K, N], 2),
  };
}

/** A graph of one product, its operands resident. */
export function productGraph(size: ProductSize, a: NdArray, b: NdArray): { graph: Graph; c: Tensor } {
  const ops: Record<ProductForm, [AnyOp, unknown]> = {
    NN: [matmul, null],
    NT: [transposeMatmul, { transpose: "b" }],
    TN: [transposeMatmul, { transpose: "a" }],
    outer: [outerProduct, null],
  };
  const graph = new Graph();
  const [op, attrs] = ops[size.form];
  const c = graph.one(op, [graph.variable("a", a), graph.variable("b", b)], attrs);
  graph.keep(c);
  return { graph, c };
}

/** `rung` is for WebGPU. */
async function timeOn(
  backend: Backend,
  size: ProductSize,
  a: NdArray,
  b: NdArray,
  rung: string | undefined,
  signal: AbortSignal | undefined,
): Promise<TimedGraph & { readonly kernel: string }> {
  const { graph, c } = productGraph(size, a, b);
  if (backend.kind === "webgpu") await addLateKernels(graph.nodes, (backend as WebGpuBackend).gpu.caps);
  const { kernel, wanted } = kernelFor(backend, c, rung);
  const verify = (result: NdArray): boolean => verifySamples(size, a, b, result);
  return { kernel, ...(await timeGraph(backend, { graph, result: c }, verify, { kernel: wanted, signal })) };
}

/** The kernel that WebGPU will take. A rung that does not apply to this size, or to this op, leaves the choice to the ladder. */
export function kernelFor(
  backend: Backend,
  c: Tensor,
  rung?: string,
): { readonly kernel: string; readonly wanted: string | null } {
  if (backend.kind !== "webgpu") return { kernel: backend.kind, wanted: null };
  const { caps } = (backend as WebGpuBackend).gpu;
  const { op, inputs, outputs, attrs } = c.node!;
  const named = `${op.name}/${rung}`;
  const applies = op.kernels.some((k) => k.name === named && k.plan(inputs, outputs, attrs, caps) !== null);
  const wanted = applies ? named : null;
  return { kernel: chooseKernel(c.node!, caps, wanted).kernel.name, wanted };
}

/** Recomputes random elements in f64 and holds them to 4 sqrt(K + 1) u |A||B|; corners are always among them. */
export function verifySamples({ form, M, N, K }: ProductSize, a: NdArray, b: NdArray, c: NdArray): boolean {
  for (let s = 0; s < SAMPLES; s++) {
    const corner = s < 4;
    const m = corner ? (s & 1 ? M - 1 : 0) : randomWord(2, STREAM.check, 0, s) % M;
    const n = corner ? (s & 2 ? N - 1 : 0) : randomWord(2, STREAM.check, 1, s) % N;
    let sum = 0;
    let size = 0;
    for (let k = 0; k < K; k++) {
      const va = a.data[form === "TN" || form === "outer" ? k * M + m : m * K + k]!;
      const vb = b.data[form === "NT" ? n * K + k : k * N + n]!;
      sum += va * vb;
      size += Math.abs(va * vb);
    }
    const bound = 4 * Math.sqrt(K + 1) * 2 ** -24 * size + 2 ** -126;
    if (!(Math.abs(c.data[m * N + n]! - sum) <= bound)) return false;
  }
  return true;
}
