import type { AnyOp, Fusion, Node, Op, Uses } from "../../graph/op.ts";
import { matmul, transposeMatmul } from "../matmul/matmul.ts";
import { reshape } from "../shape/reshape.ts";
import { headLoss } from "./head-loss.ts";
import {
  weightedCrossEntropy as plainCrossEntropy,
  type WeightedAttrs,
  weightedCrossEntropyGradient,
} from "./weighted-cross-entropy.ts";

/** Logits from which a head and its loss are one op: fewer cost little memory, and products of all rows are faster. */
const LEAST_LOGITS = 2 ** 22;
/** Logits of a chunk of rows. */
const CHUNK_LOGITS = 2 ** 20;
/** Bindings begin at multiples of so many rows. */
const ROWS = 64;

/** Rows of a chunk for so many classes. */
const chunkRows = (classes: number): number => ROWS * Math.max(1, Math.floor(CHUNK_LOGITS / classes / ROWS));

/**
 * A product without bias whose values nothing reads but the loss, and the way back through both, as one node; null where
 * they are anything else, or fewer than `least` logits.
 */
export function headLossFusion(node: Node, uses: Uses, least = LEAST_LOGITS): Fusion | null {
  const [logits, labels, weights, sums] = node.inputs as readonly [Node["inputs"][number], ...Node["inputs"]];
  const [n, classes] = logits.shape as readonly [number, number];
  if (n * classes < least || uses.kept(logits)) return null;
  const back = uses.of(logits).find((other) => other.op === weightedCrossEntropyGradient);
  if (!back || uses.of(logits).length !== 2 || back.inputs[1] !== labels) return null;
  const dloss = back.inputs[2]!;
  if (dloss.kind !== "variable" && uses.nodes.indexOf(dloss.node!) > uses.nodes.indexOf(node)) return null;
  const between: Node[] = [];
  let value = logits;
  while (value.node?.op === reshape) {
    between.push(value.node);
    value = value.node.inputs[0]!;
    if (uses.only(value) !== between.at(-1)) return null;
  }
  let gradient = back.outputs[0]!;
  for (let next = uses.only(gradient); next?.op === reshape; next = uses.only(gradient)) {
    between.push(next);
    gradient = next.outputs[0]!;
  }
  const product = value.node;
  const turned = product?.op === transposeMatmul && product.attrs.transpose === "b";
  if (!product || (product.op !== matmul && !turned) || uses.kept(gradient)) return null;
  const [x, w] = product.inputs as readonly [Node["inputs"][number], Node["inputs"][number]];
  const readers = uses.of(gradient);
  const reads = (op: AnyOp, a: unknown, b: unknown, transpose?: string): Node | undefined =>
    readers.find((r) => r.op === op && r.inputs[0] === a && r.inputs[1] === b && r.attrs?.transpose === transpose);
  const dx = turned ? reads(matmul, gradient, w) : reads(transposeMatmul, gradient, w, "b");
  const dw = turned ? reads(transposeMatmul, gradient, x, "a") : reads(transposeMatmul, x, gradient, "a");
  if (!dx || readers.length !== (dw ? 2 : 1)) return null;
  return {
    replaces: [product, ...between, node, back, dx, ...(dw ? [dw] : [])],
    at: node,
    op: headLoss,
    attrs: { ...node.attrs, turned, rows: chunkRows(classes), frozen: !dw },
    inputs: [x, w, labels!, dloss, weights!, sums!],
    outputs: [node.outputs[0]!, dx.outputs[0]!, ...(dw ? [dw.outputs[0]!] : [])],
  };
}

/** weightedCrossEntropy, which with a head before it becomes headLoss where logits are many. */
export const weightedCrossEntropy: Op<WeightedAttrs> = {
  ...plainCrossEntropy,
  fuse: (node, uses, patterns) =>
    patterns.reduce<Fusion | null>((found, pattern) => found ?? pattern(node, uses), headLossFusion(node, uses)),
};
