import { compare } from "../../core/compare.ts";
import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, ndarray, sizeOf } from "../../core/ndarray.ts";
import { Graph, type Node, type Tensor, type TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, Trial } from "../../graph/op.ts";
import { proofOf } from "../../proof/proof-of.ts";
import { type AnyKernel, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { WebGpuExecutor } from "./executor.ts";
import { refusalOf, selfTestOf } from "./self-test.ts";

/** A trial begins with this work, and grows while a run takes less than the least time that a clock can judge. */
const FIRST_WORK = 2 ** 22;
const LEAST_MS = 0.05;
const SAMPLE_MS = 3;
const SAMPLES = 4;
/** Rows of a result that are recomputed in f64 before a kernel is timed. */
const CHECKED_ROWS = 4;

interface Trialled {
  readonly ms: number | null;
  readonly problem: readonly TensorSpec[];
}

/** `measured`, or null where the device has no room for that: a run may have room for all the same. */
export function trial(...given: Parameters<typeof measured>): Promise<Trialled | null> {
  const [gpu, , kernel, problem] = given;
  return measured(...given).catch((error) => {
    if (error instanceof ChainruleError && error.code === "limit") return null;
    gpu.wrong.set(kernel.name, refusalOf(gpu, kernel, error));
    return { ms: null, problem };
  });
}

/** Checks a kernel, then times it. The first of a problem may find it too small to time, and grows it. */
async function measured(
  gpu: WebGpuDevice,
  node: Node,
  kernel: AnyKernel,
  problem: readonly TensorSpec[],
  mayGrow: boolean,
): Promise<Trialled> {
  const g = new Graph();
  // Halves are made on the device. That takes every kernel's trial the same time.
  const inputs = problem.map((spec, i) => {
    const x = g.variable(`input ${i}`, numbersFor(spec));
    return spec.dtype === "f16" ? trialOf(node).store!(g, x) : x;
  });
  const outputs = g.add(node.op, inputs, node.attrs);
  g.keep(...outputs, ...inputs);
  const named = (n: Node): string | null => (n.op === node.op ? kernel.name : null);
  const executor = await WebGpuExecutor.compile(gpu, g, { kernel: named, selfTest: false });
  try {
    const stored = inputs.filter((t) => t.kind !== "variable");
    const read = await executor.run(1, [...outputs, ...stored]);
    const computed = read.slice(0, outputs.length);
    const given = inputs.map((t) => t.initial ?? read[outputs.length + stored.indexOf(t)]!);
    if (trialOf(node).cut) {
      if (!(await isRight(node, given, computed))) {
        gpu.wrong.set(kernel.name, "computed wrongly in a trial");
        return { ms: null, problem };
      }
    } else if (!(await knowsAnswer(gpu, node, kernel))) return { ms: null, problem };
    const ms = await timeOf(executor);
    const larger = mayGrow && ms < LEAST_MS ? await grownProblem(node, problem) : null;
    if (larger) return await measured(gpu, node, kernel, larger, true);
    return { ms, problem };
  } finally {
    executor.dispose();
  }
}

const trialOf = (node: Node): Trial<unknown> => node.op.trial! as Trial<unknown>;

/** The net's own problem, halved until it is short work anywhere. */
export async function firstProblem(node: Node, most = FIRST_WORK): Promise<readonly TensorSpec[]> {
  const { work, halve } = trialOf(node);
  let problem: readonly TensorSpec[] = node.inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  while (work(problem, node.attrs) > most) {
    const half = await halve(problem, node.attrs);
    if (!half) break;
    problem = half;
  }
  return problem;
}

/** The net's problem halved less often; null where nothing was halved. */
async function grownProblem(node: Node, problem: readonly TensorSpec[]): Promise<readonly TensorSpec[] | null> {
  const now = trialOf(node).work(problem, node.attrs);
  const larger = await firstProblem(node, now * 16);
  return trialOf(node).work(larger, node.attrs) > now ? larger : null;
}

/** Numbers in [-1, 1), made in no time: their distribution does not matter, their low bits do. */
function numbersFor({ shape }: TensorSpec): NdArray {
  const data = new Float32Array(sizeOf(shape));
  let state = 12345;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    data[i] = state / 2 ** 31;
  }
  return ndarray(shape, "f32", data);
}

/** Some rows of the result, first and last among them, and all of any other output, against f64 and its bound. */
async function isRight(node: Node, inputs: readonly NdArray[], computed: readonly NdArray[]): Promise<boolean> {
  const op = node.op as AnyOp;
  const [y, ...rest] = computed as [NdArray, ...NdArray[]];
  const [M, N] = y.shape as readonly [number, number];
  const rows = [0, Math.floor(M / 3), Math.floor((2 * M) / 3), M - 1].slice(0, Math.min(M, CHECKED_ROWS));
  const cut = (): Promise<readonly NdArray[]> =>
    trialOf(node).cut!(
      inputs.map((x) => cast(x, "f64")),
      node.attrs,
      rows,
    );
  const exact = op.reference(await cut(), node.attrs);
  const nothing = inputs.map(() => null);
  const { bound } = await proofOf(op);
  const bounds = await bound!(await cut(), nothing, exact, node.attrs);
  const picked = new Float32Array(rows.length * N);
  rows.forEach((row, i) => {
    picked.set((y.data as Float32Array).subarray(row * N, (row + 1) * N), i * N);
  });
  const values = [ndarray([rows.length, N], "f32", picked), ...rest];
  return values.every((value, i) => compare(value, exact[i]!, bounds[i] ?? null).pass);
}

/** Of a kernel of the net's own problem, which has the code of the trial's. What is wrong is left out from then on. */
async function knowsAnswer(gpu: WebGpuDevice, node: Node, kernel: AnyKernel): Promise<boolean> {
  const chosen = chooseKernel(node, gpu.caps, kernel.name, gpu.wrong);
  return chosen.kernel === kernel && (await selfTestOf(gpu).of(new Map([[node, chosen]]))).length === 0;
}

/** Milliseconds of a run: the best of a few samples, since whatever else the machine does only adds to them. */
async function timeOf(executor: { run(steps: number, read?: readonly Tensor[]): Promise<unknown> }): Promise<number> {
  const sample = async (runs: number): Promise<number> => {
    const start = performance.now();
    await executor.run(runs);
    return (performance.now() - start) / runs;
  };
  const runs = Math.max(1, Math.min(64, Math.ceil(SAMPLE_MS / Math.max(await sample(1), 1e-3))));
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < SAMPLES; i++) best = Math.min(best, await sample(runs));
  return best;
}
