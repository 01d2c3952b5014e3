import { NO_CONV_EPILOGUE } from "../../../shaders/conv/common.ts";
import type { Node, Tensor, TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, Fusion, Op, Uses } from "../../graph/op.ts";
import { derivativeOf, epilogueOf } from "../elementwise/activation.ts";
import { activations } from "../elementwise/activations.ts";
import { add } from "../elementwise/add.ts";
import { residualAdd } from "../elementwise/add-activation.ts";
import { activationOf } from "../fuse.ts";
import { batchNormInference } from "../norm/batch-norm.ts";
import { composed, type Part, type Ref } from "../shared/composed.ts";
import { addChannelBias, sumChannels } from "./channel-bias.ts";
import type { ConvAttrs } from "./geometry.ts";
import { type ConvUse, convKernels } from "./product-kernels.ts";
import { sampleImages } from "./sizes.ts";
import { convTrial } from "./trial.ts";
import { type WeightUse, weightKernels } from "./weight-kernels.ts";

/** Settings of a convolution and of what one kernel does with its sums. */
export type LayerAttrs<A extends ConvAttrs> = A & {
  /** Name of the activation, or null. */
  readonly activation: string | null;
  readonly alpha: number;
  /** Of a normalisation by running statistics; absent where there is none. */
  readonly eps?: number;
  /** A value of the result's shape is added before the activation. */
  readonly residual?: true;
};

/** Which inputs a layer has behind x and w. */
function partsOfLayer({ eps, residual }: LayerAttrs<ConvAttrs>, inputs: number) {
  const norm = eps !== undefined;
  return { bias: inputs - (norm ? 3 : 0) - (residual ? 1 : 0) > 2, norm, residual: residual === true };
}

/** Inputs of a layer that have images. */
const imagesOf = (inputs: readonly TensorSpec[], { residual }: Pick<LayerAttrs<ConvAttrs>, "residual">) =>
  residual ? [0, inputs.length - 1] : [0];

/** What sets a product apart: the op, and where its kernels find its sizes. */
export type Product<A extends ConvAttrs> = Pick<ConvUse<A>, "way" | "dims"> & { readonly op: Op<A> };

const specOf = (name: string) => activations[name]!.spec;

/**
 * y = activation(norm(product(x, w) + b) + r): a whole layer in one kernel. Behind x and w come what there is of b, of gamma,
 * beta and running, as batchNormInference has them, and of r.
 */
export function layerOf<A extends ConvAttrs>(name: string, { op, way, dims }: Product<A>): Op<LayerAttrs<A>> {
  return composed<LayerAttrs<A>>({
    name,
    body(attrs, inputs) {
      const { activation, alpha, eps } = attrs;
      const { bias, norm, residual } = partsOfLayer(attrs, inputs);
      const parts: Part[] = [{ op, attrs, inputs: [{ input: 0 }, { input: 1 }] }];
      const last = (): Ref => ({ part: parts.length - 1 });
      let taken = 2;
      const next = (): Ref => ({ input: taken++ });
      if (bias) parts.push({ op: addChannelBias, attrs: null, inputs: [last(), next()] });
      if (norm) parts.push({ op: batchNormInference, attrs: { eps }, inputs: [last(), next(), next(), next()] });
      if (residual) parts.push({ op: add, attrs: null, inputs: [last(), next()] });
      if (activation !== null) {
        parts.push({ op: activations[activation]!.forward, attrs: { alpha }, inputs: [last()] });
      }
      return { parts, outputs: [last()] };
    },
    trial: convTrial<LayerAttrs<A>>("convolution", dims, imagesOf),
    sample: (inputs, attrs) => sampleImages(inputs, imagesOf(inputs, attrs), dims(inputs, attrs)),
    kernels: convKernels<LayerAttrs<A>>(name, {
      way,
      dims,
      epilogue: (attrs, inputs) => ({
        ...NO_CONV_EPILOGUE,
        ...partsOfLayer(attrs, inputs.length),
        activation: attrs.activation === null ? null : epilogueOf(specOf(attrs.activation)),
      }),
      alpha: ({ alpha }) => alpha,
      eps: ({ eps = 0 }) => eps,
    }),
  });
}

/** dx = product(dy, w) f'(v), from dy, w and v: back through a layer and the activation before it, in one kernel. */
export function derivativeLayerOf<A extends ConvAttrs>(name: string, { op, way, dims }: Product<A>): Op<LayerAttrs<A>> {
  return composed<LayerAttrs<A>>({
    name,
    body: (attrs) => ({
      parts: [
        { op, attrs, inputs: [{ input: 0 }, { input: 1 }] },
        {
          op: activations[attrs.activation!]!.backward,
          attrs: { alpha: attrs.alpha },
          inputs: [{ part: 0 }, { input: 2 }],
        },
      ],
      outputs: [{ part: 1 }],
    }),
    trial: convTrial("convolution", dims, () => [0, 2]),
    sample: (inputs, attrs) => sampleImages(inputs, [0, 2], dims(inputs, attrs)),
    kernels: convKernels<LayerAttrs<A>>(name, {
      way,
      dims,
      epilogue: ({ activation }) => ({ ...NO_CONV_EPILOGUE, derivative: derivativeOf(specOf(activation!)) }),
      alpha: ({ alpha }) => alpha,
      eps: () => 0,
    }),
  });
}

/** dw, and db, the sums of dy's channels, from x and dy: both gradients of a layer in one kernel. */
export function weightGradientOf<A extends ConvAttrs>(name: string, op: Op<A>, dims: WeightUse<A>["dims"]): Op<A> {
  return composed<A>({
    name,
    body: (attrs) => ({
      parts: [
        { op, attrs, inputs: [{ input: 0 }, { input: 1 }] },
        { op: sumChannels, attrs: null, inputs: [{ input: 1 }] },
      ],
      outputs: [{ part: 0 }, { part: 1 }],
    }),
    trial: convTrial("kernelGradient", dims, () => [0, 1]),
    sample: (inputs, attrs) => sampleImages(inputs, [0, 1], dims(inputs, attrs)),
    kernels: weightKernels<A>(name, { sums: true, dims }),
  });
}

/**
 * A product, then perhaps a bias, a normalisation by running statistics, a residual that is added, and an activation; or the
 * derivative of the activation before the layer.
 */
export function fuseLayer(node: Node, { only, nodes }: Uses, layer: AnyOp, derivative: AnyOp): Fusion | null {
  const chain = [node];
  const end = (): Tensor => chain.at(-1)!.outputs[0]!;
  const first = only(end());
  const backward = activationOf(first, "backward");
  if (first && backward && first.inputs[0] === end()) {
    const attrs = { ...node.attrs, activation: backward.spec.name, alpha: first.attrs.alpha };
    const inputs = [...node.inputs, first.inputs[1]!];
    return { replaces: [node, first], at: first, op: derivative, attrs, inputs, outputs: first.outputs };
  }
  const inputs = [...node.inputs];
  /** Takes the next node where it is one of `op` that reads what the chain ends in first. */
  const take = (op: AnyOp): Node | null => {
    const next = only(end());
    if (next?.op !== op || next.inputs[0] !== end()) return null;
    chain.push(next);
    inputs.push(...next.inputs.slice(1));
    return next;
  };
  take(addChannelBias);
  const norm = take(batchNormInference);
  const sum = only(end());
  const other = sum?.op === residualAdd ? sum.inputs.find((t) => t !== end()) : undefined;
  // Of two layers that are added the one that comes last can read the other.
  const made = (t: Tensor): number => nodes.findIndex((n) => n.outputs.includes(t));
  const residual = other && made(other) < made(end());
  if (residual) {
    chain.push(sum!);
    inputs.push(other);
  }
  const activated = only(end());
  const activation = activationOf(activated, "forward");
  if (activation) chain.push(activated!);
  const at = chain.at(-1)!;
  if (at === node) return null;
  const attrs = {
    ...node.attrs,
    activation: activation?.spec.name ?? null,
    alpha: activation ? at.attrs.alpha : 0,
    ...(norm ? { eps: norm.attrs.eps } : {}),
    ...(residual ? { residual: true } : {}),
  };
  return { replaces: chain, at, op: layer, attrs, inputs, outputs: at.outputs };
}

/** dw and the sums of dy's channels; both are of the same inputs, so the earlier place will do. */
export function fuseWeightGradient(node: Node, { nodes, of }: Uses, both: AnyOp): Fusion | null {
  const sums = of(node.inputs[1]!).find((n) => n.op === sumChannels);
  if (!sums) return null;
  const at = nodes.indexOf(sums) < nodes.indexOf(node) ? sums : node;
  const outputs = [node.outputs[0]!, sums.outputs[0]!];
  return { replaces: [node, sums], at, op: both, attrs: node.attrs, inputs: node.inputs, outputs };
}
