import { compare } from "../core/compare.ts";
import { HALF_U } from "../core/half.ts";
import type { NdArray } from "../core/ndarray.ts";
import { STREAM, uniforms } from "../core/philox.ts";
import type { Node, Tensor } from "../graph/graph.ts";
import type { AnyOp } from "../graph/op.ts";
import { activations } from "../ops/elementwise/activations.ts";
import { toHalf } from "../ops/half/to-half.ts";
import { proofOf } from "../proof/proof-of.ts";
import type { GradientGraph } from "../train/run/gradient-graph.ts";

/** Largest relative error of a whole gradient, ||g^ - g|| / ||g||, for nets of up to eight layers. */
export const NORM_LIMIT = 1e-5;
/** Relative error that a value of the forward pass may have before a gradient is taken of it. */
const VALUE_ERROR = 2e-6;
/** How much larger the relative error of a gradient may be than that of the one it comes from. */
const CARRIED = 8;

/** What limits follow from: the precision that a device computes in. */
export interface NormPrecision {
  /** For a gradient that nothing makes less precise. */
  readonly limit: number;
  readonly carried: number;
  /** How far values of the forward pass may be off; null for VALUE_ERROR of each. */
  readonly errors: ReadonlyMap<Tensor, NdArray | null> | null;
}

export const F32_NORMS: NormPrecision = { limit: NORM_LIMIT, carried: CARRIED, errors: null };
/**
 * Operands rounded to halves are off by up to u = 2^-11 each, and a gradient has passed through several. Where a value may
 * be off by its bound, a rectifier close to zero may open or close, a pool take another of two: that is a whole element of the gradient, and moves the
 * norm by hundredths, so what comes behind is allowed no more than twice what was seen there.
 */
export const halfNorms = (errors: NormPrecision["errors"]): NormPrecision => ({
  limit: 8 * HALF_U,
  carried: 2,
  errors,
});

/** Ops that sum terms, or products of one term of each input. By name: a check of a dense net loads no convolutions. */
const sums: ReadonlySet<string> = new Set([
  "matmul",
  "transposeMatmul",
  "sumRows",
  "add",
  "conv",
  "convInputGradient",
  "convWeightGradient",
  "sumChannels",
]);
/** Ops that take means off gradients, of which little may be left: a bias in front of batch norm has no gradient at all. */
const isNorm = ({ name }: AnyOp): boolean => /Norm(Scale)?Gradient$/.test(name);
/** Ops that give a gradient to the largest of several: where two are as large within their errors, it may be the other. */
const choices: ReadonlySet<string> = new Set(["maxPoolGradient", "maxoutGradient"]);
/** Draws of random signs, and their seed. */
const DRAWS = 4;

/**
 * The relative error that each gradient's norm may have. Two kinds of node turn right values into gradients that are
 * small differences of large numbers: the loss at a minimum, p - t, and an activation where it is saturated, 1 - y y.
 * What values right to VALUE_ERROR allow there, every gradient behind carries on; and where a sum over rows or units is
 * small beside its terms, as it is for every parameter of a net that has found its minimum, so is what it may be off by.
 */
export async function normLimits(
  g: GradientGraph,
  exact: ReadonlyMap<Tensor, NdArray>,
  computed: ReadonlyMap<Tensor, NdArray>,
  precision: NormPrecision = F32_NORMS,
): Promise<ReadonlyMap<Tensor, number>> {
  const limits = new Map<Tensor, number>();
  const slopes = new Set<unknown>(Object.values(activations).map((a) => a.backward));
  const gradients = new Set(g.gradients.values());
  const first = g.gradients.get(g.outputs);
  // Where a kernel stores a value as halves alone, they are what there is to see of it.
  const copies = new Map(g.graph.nodes.filter((n) => n.op === toHalf).map((n) => [n.inputs[0]!, n.outputs[0]!]));
  const seen = (t: Tensor): NdArray | undefined => computed.get(t) ?? computed.get(copies.get(t) ?? t);
  for (const node of g.graph.nodes) {
    const carried = Math.max(precision.limit, ...node.inputs.map((t) => limits.get(t) ?? 0));
    const back = node.outputs.some((t) => gradients.has(t));
    const growth =
      back && sums.has(node.op.name)
        ? cancellation(node, exact)
        : back && isNorm(node.op)
          ? amplification(node, exact)
          : [];
    for (const [i, t] of node.outputs.entries()) {
      const grown = carried * (growth[i] ?? 1);
      const differs = t === first || slopes.has(node.op) || choices.has(node.op.name);
      const more = differs ? await allowed(node, t, gradients, exact, seen(t), precision) : 0;
      limits.set(t, Math.max(grown, more));
    }
  }
  return limits;
}

/**
 * By how much a relative error of the terms grows in their sum: the root of the sum of their squares over its own norm,
 * since errors of many terms add up as numbers of random signs do. At least 1; infinite where nothing is left of a sum.
 */
function cancellation({ op, attrs, inputs, outputs }: Node, exact: ReadonlyMap<Tensor, NdArray>): number[] {
  const squared = ({ shape, data }: NdArray): NdArray => ({
    shape,
    dtype: "f64",
    data: Float64Array.from(data, (v) => v * v),
  });
  const [terms] = op.reference(
    inputs.map((t) => squared(exact.get(t)!)),
    attrs,
  );
  let sum = 0;
  for (const v of terms!.data) sum += v;
  return [sum === 0 ? 1 : Math.max(1, Math.sqrt(sum) / norm(exact.get(outputs[0]!)!))];
}

/**
 * The same for an op that is linear in its first input, a gradient: how much larger its results are where the signs of
 * that are drawn, as those of errors are. One number for each output.
 */
function amplification({ op, attrs, inputs, outputs }: Node, exact: ReadonlyMap<Tensor, NdArray>): number[] {
  const [dy, ...others] = inputs.map((t) => exact.get(t)!) as [NdArray, ...NdArray[]];
  const squares = outputs.map(() => 0);
  for (let draw = 0; draw < DRAWS; draw++) {
    const signs = uniforms(DRAWS, STREAM.check, draw, dy.data.length, -1, 1);
    const data = Float64Array.from(dy.data, (v, i) => (signs[i]! < 0 ? -v : v));
    const made = op.reference([{ ...dy, dtype: "f64", data }, ...others], attrs);
    made.forEach((value, i) => {
      squares[i]! += norm(value) ** 2 / DRAWS;
    });
  }
  return outputs.map((t, i) => (squares[i] === 0 ? 1 : Math.max(1, Math.sqrt(squares[i]!) / norm(exact.get(t)!))));
}

async function allowed(
  node: Node,
  t: Tensor,
  gradients: ReadonlySet<Tensor>,
  exact: ReadonlyMap<Tensor, NdArray>,
  onDevice: NdArray | undefined,
  { carried, errors }: NormPrecision,
): Promise<number> {
  const { bound } = await proofOf(node.op);
  if (!bound || !onDevice) return 0;
  const inputs = node.inputs.map((input) => exact.get(input)!);
  const outputs = node.outputs.map((output) => exact.get(output)!);
  const size = norm(exact.get(t)!);
  if (size === 0) return 0;
  // Gradients that come in have limits of their own; targets and the seed are exact.
  const isValue = (input: Tensor): boolean => input.kind === "computed" && !gradients.has(input);
  const off = node.inputs.map((input, i) => {
    if (!isValue(input) || (!errors && input.dtype !== "f32")) return null;
    if (errors) return errors.get(input) ?? null;
    return { ...inputs[i]!, data: Float64Array.from(inputs[i]!.data, (v) => VALUE_ERROR * Math.abs(v)) };
  });
  const most = norm((await bound(inputs, off, outputs, node.attrs))[0]!) / size;
  return carried * Math.min(compare(onDevice, exact.get(t)!, null).normRelative, most);
}

function norm({ data }: NdArray): number {
  let sum = 0;
  for (const v of data) sum += v * v;
  return Math.sqrt(sum);
}
