import type { Backend } from "../../backend/executor.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import type { AnyOp } from "../../graph/op.ts";
import { initialise } from "../../nn/initialise.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { matmul, transposeMatmul } from "../../ops/matmul/matmul.ts";
import { product } from "../../ops/matmul/reference.ts";
import type { Fault } from "../state/settings.ts";

/** What a fault puts in the place of a node; the node itself where it is not concerned. */
type Change = (node: Node, g: Graph) => Node;

/** An op with another reference, and with the simplest of its kernels changed in the text. */
function broken(op: AnyOp, from: string, to: string, reference: AnyOp["reference"]): AnyOp {
  const simplest = op.kernels[0]!;
  const { wasm: _right, ...rest } = op;
  return {
    ...rest,
    reference,
    kernels: [
      {
        ...simplest,
        suits: () => true,
        plan(inputs, outputs, attrs, caps) {
          const plan = simplest.plan(inputs, outputs, attrs, caps);
          if (plan?.launches.some((l) => !l.code.includes(from))) {
            throw new ChainruleError("usage", `${simplest.name} has no "${from}" to break`);
          }
          return plan && { ...plan, launches: plan.launches.map((l) => ({ ...l, code: l.code.replace(from, to) })) };
        },
      },
    ],
  };
}

/** Every sum of the forward products stops one term short, as at the edge of a tile. */
const shortMatmul = broken(matmul, "k < params.K", "k + 1u < params.K", ([a, b]) => {
  const [M, K] = a!.shape as readonly [number, number];
  const c = product("NN", a!, b!);
  const N = c.shape[1]!;
  for (let i = 0; i < M * N; i++) {
    c.data[i]! -= a!.data[Math.floor(i / N) * K + K - 1]! * b!.data[(K - 1) * N + (i % N)]!;
  }
  return [c];
});

/** dx = dy W where dy W transposed is meant: W is read as it lies. */
const untransposed = broken(transposeMatmul, "b[indexB(k, n)]", "b[k * params.N + n]", ([dy, w]) => {
  const [N, K] = w!.shape as readonly [number, number];
  return [product("NN", dy!, { ...w!, shape: [K, N] })];
});

const changes: Partial<Record<Fault, Change>> = {
  edge: (node) => (node.op === matmul ? { ...node, op: shortMatmul } : node),
  transpose: (node) =>
    node.op === transposeMatmul && node.attrs.transpose === "b" ? { ...node, op: untransposed } : node,
  // The gradient starts from the number of rows instead of 1, which is what leaving out 1 / batch comes to.
  batch: (node, g) => {
    if (!/^(crossEntropy|mse|bce|huber)Gradient$/.test(node.op.name)) return node;
    const rows = node.inputs[0]!.shape[0]!;
    return { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, g.variable("rows", ndarray([1], "f32", [rows]))] };
  },
};

/**
 * A backend that computes as this fault does. Nodes are not fused, so that each is where the fault can find it, and run
 * as dispatches: the kernel for whole steps is made of the graph's own nodes.
 */
export function brokenBackend(backend: Backend, fault: Fault): Backend {
  const change = changes[fault];
  if (!change) return backend;
  return {
    ...backend,
    compile: (g, options) =>
      backend.compile(g, { ...options, nodes: g.nodes.map((node) => change(node, g)), onChip: false, selfTest: false }),
  };
}

/** Biases so low that no rectifier behind them ever passes anything on. */
const DEAD_BIAS = -30;

/** First weights that a fault asks for; null where the net's own are right. */
export function brokenStart(model: ModelSpec, seed: number, fault: Fault): Map<string, NdArray> | null {
  if (fault === "zeros") return initialise(model, seed, "zeros");
  if (fault !== "dead") return null;
  const weights = initialise(model, seed);
  const last = model.layers.findLastIndex((l) => l.type === "linear");
  model.layers.slice(0, last).forEach((_, i) => {
    const bias = weights.get(`${i}.bias`);
    if (bias) weights.set(`${i}.bias`, ndarray(bias.shape, "f32", new Float32Array(bias.data.length).fill(DEAD_BIAS)));
  });
  return weights;
}

/** How many times too high the rate of the exploding run is. */
export const EXPLODING = 1e3;
