import { type Comparison, compare, comparisonText } from "../../core/compare.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { caseInputs } from "../../graph/case-inputs.ts";
import type { AnyOp, DeviceCaps, OpCase } from "../../graph/op.ts";
import { truth } from "../../proof/truth.ts";
import type { AnyKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { runKernel } from "./run-kernel.ts";

/** One kernel on one case of its op. */
export interface ConformanceResult {
  /** The op's name. */
  readonly op: string;
  /** The kernel's name: "matmul/block64". */
  readonly kernel: string;
  /** The case's name. */
  readonly case: string;
  /** True where every element of every output lies within its bound. */
  readonly pass: boolean;
  /** One per output. */
  readonly comparisons: readonly Comparison[];
  /** Why it failed, in one line; "" when it passed. */
  readonly reason: string;
}

/** How kernels are checked. */
export interface ConformanceOptions {
  /** Draws the inputs. Default 1. */
  readonly seed?: number;
  /** What the planner may count on; the device's own by default. */
  readonly caps?: DeviceCaps;
  /** Changes the kernel's code before it runs: how tests show that wrong kernels are caught. */
  readonly edit?: (code: string) => string;
  /** A gate tighter than the op's own bound. */
  readonly gate?: (inputs: readonly NdArray[], outputs: readonly NdArray[]) => readonly NdArray[];
}

interface Known {
  readonly inputs: readonly NdArray[];
  truth: ReturnType<typeof truth> | null;
}

/** What cases of one op come to, by seed: its kernels are held against the same ones after each other. */
let last: { readonly op: AnyOp; readonly known: WeakMap<OpCase<unknown>, Map<number, Known>> } | null = null;

function knownOf(op: AnyOp, c: OpCase<unknown>, seed: number): Known {
  if (last?.op !== op) last = { op, known: new WeakMap() };
  const bySeed = last.known.get(c) ?? new Map<number, Known>();
  last.known.set(c, bySeed);
  const known = bySeed.get(seed) ?? { inputs: caseInputs(c, seed), truth: null };
  bySeed.set(seed, known);
  return known;
}

/** Holds one kernel against the reference on one case. Null where the kernel does not apply. */
export async function conform(
  gpu: WebGpuDevice,
  op: AnyOp,
  kernel: AnyKernel,
  c: OpCase<unknown>,
  options: ConformanceOptions = {},
): Promise<ConformanceResult | null> {
  const known = knownOf(op, c, options.seed ?? 1);
  const { inputs } = known;
  const run = await runKernel(gpu, op, kernel, inputs, c.attrs, options);
  if (!run) return null;
  known.truth ??= truth(op, inputs, c.attrs);
  const { outputs, bounds } = await known.truth;
  const gates = options.gate?.(inputs, outputs);
  const comparisons = outputs.map((exact, i) => compare(run.outputs[i]!, exact, gates?.[i] ?? bounds[i] ?? null));
  const worst = comparisons.findIndex((x) => !x.pass);
  const reason = !run.marginIntact
    ? "wrote behind the end of an array"
    : worst >= 0
      ? `output ${worst} ${comparisonText(comparisons[worst]!)}`
      : "";
  return { op: op.name, kernel: kernel.name, case: c.name, pass: reason === "", comparisons, reason };
}
