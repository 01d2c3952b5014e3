import { compare } from "../core/compare.ts";
import type { NdArray } from "../core/ndarray.ts";
import type { Node, Tensor } from "../graph/graph.ts";
import { proofOf } from "../graph/op.ts";
import { activations } from "../ops/activations.ts";
import type { GradientGraph } from "../train/gradient-graph.ts";

/** Largest relative error of a whole gradient, ||g^ - g|| / ||g||, for nets of up to eight layers. */
export const NORM_LIMIT = 1e-5;
/** Relative error that a value of the forward pass may have before a gradient is taken of it. */
const VALUE_ERROR = 2e-6;
/** How much larger the relative error of a gradient may be than that of the one it comes from. */
const CARRIED = 8;

/**
 * The relative error that each gradient's norm may have. Two kinds of node turn right values into gradients that are
 * small differences of large numbers: the loss at a minimum, p - t, and an activation where it is saturated, 1 - y y.
 * What values right to VALUE_ERROR allow there, every gradient behind carries on.
 */
export async function normLimits(
  g: GradientGraph,
  exact: ReadonlyMap<Tensor, NdArray>,
  computed: ReadonlyMap<Tensor, NdArray>,
): Promise<ReadonlyMap<Tensor, number>> {
  const limits = new Map<Tensor, number>();
  const slopes = new Set<unknown>(Object.values(activations).map((a) => a.backward));
  const gradients = new Set(g.gradients.values());
  const first = g.gradients.get(g.outputs);
  for (const node of g.graph.nodes) {
    const carried = Math.max(NORM_LIMIT, ...node.inputs.map((t) => limits.get(t) ?? 0));
    for (const t of node.outputs) {
      const differs = t === first || slopes.has(node.op);
      limits.set(t, differs ? Math.max(carried, await allowed(node, t, gradients, exact, computed)) : carried);
    }
  }
  return limits;
}

async function allowed(
  node: Node,
  t: Tensor,
  gradients: ReadonlySet<Tensor>,
  exact: ReadonlyMap<Tensor, NdArray>,
  computed: ReadonlyMap<Tensor, NdArray>,
): Promise<number> {
  const onDevice = computed.get(t);
  const { bound } = await proofOf(node.op);
  if (!bound || !onDevice) return 0;
  const inputs = node.inputs.map((input) => exact.get(input)!);
  const outputs = node.outputs.map((output) => exact.get(output)!);
  const size = norm(exact.get(t)!);
  if (size === 0) return 0;
  // Gradients that come in have limits of their own; targets and the seed are exact.
  const isValue = (input: Tensor): boolean =>
    input.kind === "computed" && input.dtype === "f32" && !gradients.has(input);
  const off = node.inputs.map((input, i) =>
    isValue(input)
      ? { ...inputs[i]!, data: Float64Array.from(inputs[i]!.data, (v) => VALUE_ERROR * Math.abs(v)) }
      : null,
  );
  const most = norm((await bound(inputs, off, outputs, node.attrs))[0]!) / size;
  return CARRIED * Math.min(compare(onDevice, exact.get(t)!, null).normRelative, most);
}

function norm({ data }: NdArray): number {
  let sum = 0;
  for (const v of data) sum += v * v;
  return Math.sqrt(sum);
}
