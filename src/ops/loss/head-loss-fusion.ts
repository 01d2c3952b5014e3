import type { AnyOp, Fusion, Node, Op, Tensor, Uses } from "../../graph/op.ts";
import { addBias, sumRows } from "../matmul/bias.ts";
import { matmul, transposeMatmul } from "../matmul/matmul.ts";
import { reshape } from "../shape/reshape.ts";
import { type HeadLossAttrs, type HeadOperand, headLoss } from "./head-loss.ts";
import {
  weightedCrossEntropy as plainCrossEntropy,
  type WeightedAttrs,
  weightedCrossEntropyGradient,
} from "./weighted-cross-entropy.ts";

/** Logits from which a head and its loss are one op: fewer cost little memory, and products of all rows are faster. */
export const LEAST_LOGITS = 2 ** 22;
/** Logits of a chunk of rows. */
const CHUNK_LOGITS = 2 ** 20;
/** Bindings begin at multiples of so many rows; of halves at twice as many. */
const ROWS = 64;

/** Rows of a chunk for so many classes. */
function chunkRows(classes: number, halves: boolean): number {
  const unit = halves ? 2 * ROWS : ROWS;
  return unit * Math.max(1, Math.floor(CHUNK_LOGITS / classes / unit));
}

/** The node that makes a value, as `uses` shows nodes. */
const makerOf = ({ nodes }: Uses, value: Tensor): Node | undefined =>
  nodes.find(({ outputs }) => outputs.includes(value));

/** What moves no value, or rounds it for products that read halves; by name, since that op comes with such runs alone. */
const passes = ({ op }: Node): boolean => op === reshape || op.name === "toHalf";

/**
 * A product, perhaps with a bias, whose values nothing reads but the loss, and the way back through all of them, as one
 * node; why not, in words, where they are anything else, and null where there are fewer logits than `least`.
 */
function headOf(node: Node, uses: Uses, least: number): Fusion | string | null {
  const [logits, labels, weights, sums] = node.inputs as readonly [Tensor, Tensor, Tensor, Tensor];
  const [n, classes] = logits.shape as readonly [number, number];
  if (n * classes < least) return null;
  const back = uses.of(logits).find((other) => other.op === weightedCrossEntropyGradient);
  if (!back || back.inputs[1] !== labels) return "nothing goes back through the loss";
  if (uses.kept(logits) || uses.of(logits).length !== 2) return "something else reads the logits";
  const dloss = back.inputs[2]!;
  if (dloss.kind !== "variable" && uses.nodes.indexOf(dloss.node!) > uses.nodes.indexOf(node))
    return "what the loss is worth is known only behind it";
  const between: Node[] = [];
  let value = logits;
  let maker = makerOf(uses, value);
  let bias: Tensor | null = null;
  while (maker && (maker.op === reshape || (maker.op === addBias && !bias))) {
    between.push(maker);
    if (maker.op === addBias) bias = maker.inputs[1]!;
    value = maker.inputs[0]!;
    if (uses.only(value) !== maker) return "something else reads the logits";
    maker = makerOf(uses, value);
  }
  const turned = maker?.op === transposeMatmul && maker.attrs.transpose === "b";
  if (!maker || (maker.op !== matmul && !turned))
    return `the last layer's values come from ${maker ? maker.op.name : "nowhere"}, not from the head's product`;
  let gradient = back.outputs[0]!;
  for (let next = uses.only(gradient); next && passes(next); next = uses.only(gradient)) {
    between.push(next);
    gradient = next.outputs[0]!;
  }
  const [x, w] = maker.inputs as readonly [Tensor, Tensor];
  const readers = uses.of(gradient);
  const reads = (op: AnyOp, a: unknown, b?: unknown, transpose?: string): Node | undefined =>
    readers.find((r) => r.op === op && r.inputs[0] === a && r.inputs[1] === b && r.attrs?.transpose === transpose);
  const found: Readonly<Record<HeadOperand, Node | undefined>> = {
    x: turned ? reads(matmul, gradient, w) : reads(transposeMatmul, gradient, w, "b"),
    weight: turned ? reads(transposeMatmul, gradient, x, "a") : reads(transposeMatmul, x, gradient, "a"),
    bias: bias ? reads(sumRows, gradient) : undefined,
  };
  const operands: readonly HeadOperand[] = bias ? ["x", "weight", "bias"] : ["x", "weight"];
  const without = operands.filter((operand) => !found[operand]);
  const ways = Object.values(found).filter((way) => way !== undefined);
  if (uses.kept(gradient) || readers.length !== ways.length) return "something else reads the logits' gradient";
  const attrs: HeadLossAttrs = {
    ...node.attrs,
    turned,
    rows: chunkRows(classes, x.dtype === "f16"),
    ...(bias && { biased: true }),
    ...(without.length > 0 && { without }),
  };
  return {
    replaces: [maker, ...between, node, back, ...ways],
    at: node,
    op: headLoss,
    attrs,
    inputs: [x, w, labels, dloss, weights, sums, ...(bias ? [bias] : [])],
    outputs: [node.outputs[0]!, ...ways.map((way) => way.outputs[0]!)],
  };
}

/** A head and its loss as one node, there and back; null where that cannot be, or logits are fewer than `least`. */
export function headLossFusion(node: Node, uses: Uses, least = LEAST_LOGITS): Fusion | null {
  const found = headOf(node, uses, least);
  return typeof found === "string" ? null : found;
}

/** weightedCrossEntropy, which with a head before it becomes headLoss where logits are many. */
export const weightedCrossEntropy: Op<WeightedAttrs> = {
  ...plainCrossEntropy,
  fuse: (node, uses, patterns) =>
    patterns.reduce<Fusion | null>((found, pattern) => found ?? pattern(node, uses), headLossFusion(node, uses)),
  unfused(node, uses) {
    const found = headOf(node, uses, LEAST_LOGITS);
    return typeof found === "string" ? `all logits are in memory at once, since ${found}` : null;
  },
};
