import { type Epilogue, NO_EPILOGUE } from "../../../shaders/matmul/common.ts";
import type { Node } from "../../graph/graph.ts";
import type { AnyOp, Fusion, Op, Uses } from "../../graph/op.ts";
import { derivativeOf, epilogueOf } from "../elementwise/activation.ts";
import { activations } from "../elementwise/activations.ts";
import { activationOf } from "../fuse.ts";
import { composed, type Part, type Ref } from "../shared/composed.ts";
import { addChannelBias, sumChannels } from "./channel-bias.ts";
import type { ConvAttrs } from "./geometry.ts";
import { type ConvUse, convKernels } from "./product-kernels.ts";
import { sampleImages } from "./sizes.ts";
import { type WeightUse, weightKernels } from "./weight-kernels.ts";

/** Settings of a convolution and of what one kernel does with its sums. */
export type LayerAttrs<A extends ConvAttrs> = A & {
  /** Name of the activation, or null. */
  readonly activation: string | null;
  readonly alpha: number;
};

/** What sets a product apart: the op, and where its kernels find its sizes. */
export type Product<A extends ConvAttrs> = Pick<ConvUse<A>, "way" | "dims"> & { readonly op: Op<A> };

const specOf = (name: string) => activations[name]!.spec;

/** y = activation(product(x, w) + b), from x, w and perhaps b: a whole layer in one kernel. */
export function layerOf<A extends ConvAttrs>(name: string, { op, way, dims }: Product<A>): Op<LayerAttrs<A>> {
  return composed<LayerAttrs<A>>({
    name,
    body(attrs, inputs) {
      const { activation, alpha } = attrs;
      const parts: Part[] = [{ op, attrs, inputs: [{ input: 0 }, { input: 1 }] }];
      const last = (): Ref => ({ part: parts.length - 1 });
      if (inputs > 2) parts.push({ op: addChannelBias, attrs: null, inputs: [last(), { input: 2 }] });
      if (activation !== null) {
        parts.push({ op: activations[activation]!.forward, attrs: { alpha }, inputs: [last()] });
      }
      return { parts, outputs: [last()] };
    },
    sample: (inputs, attrs) => sampleImages(inputs, [0], dims(inputs, attrs)),
    kernels: convKernels<LayerAttrs<A>>(name, {
      way,
      dims,
      epilogue: ({ activation }, inputs): Epilogue => ({
        ...NO_EPILOGUE,
        bias: inputs.length > 2,
        activation: activation === null ? null : epilogueOf(specOf(activation)),
      }),
      alpha: ({ alpha }) => alpha,
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
    sample: (inputs, attrs) => sampleImages(inputs, [0, 2], dims(inputs, attrs)),
    kernels: convKernels<LayerAttrs<A>>(name, {
      way,
      dims,
      epilogue: ({ activation }): Epilogue => ({ ...NO_EPILOGUE, derivative: derivativeOf(specOf(activation!)) }),
      alpha: ({ alpha }) => alpha,
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
    sample: (inputs, attrs) => sampleImages(inputs, [0, 1], dims(inputs, attrs)),
    kernels: weightKernels<A>(name, { sums: true, dims }),
  });
}

/** A product, then perhaps a bias and perhaps an activation; or the derivative of the activation before the layer. */
export function fuseLayer(node: Node, { only }: Uses, layer: AnyOp, derivative: AnyOp): Fusion | null {
  const chain = [node];
  const next = (): Node | null => only(chain.at(-1)!.outputs[0]!);
  const first = next();
  const backward = activationOf(first, "backward");
  if (first && backward && first.inputs[0] === node.outputs[0]) {
    const attrs = { ...node.attrs, activation: backward.spec.name, alpha: first.attrs.alpha };
    const inputs = [...node.inputs, first.inputs[1]!];
    return { replaces: [node, first], at: first, op: derivative, attrs, inputs, outputs: first.outputs };
  }
  const bias = first?.op === addChannelBias && first.inputs[0] === node.outputs[0] ? first.inputs[1]! : null;
  if (bias) chain.push(first!);
  const activated = next();
  const activation = activationOf(activated, "forward");
  if (activation) chain.push(activated!);
  const at = chain.at(-1)!;
  if (at === node) return null;
  const attrs = {
    ...node.attrs,
    activation: activation?.spec.name ?? null,
    alpha: activation ? at.attrs.alpha : 0,
  };
  const inputs = bias ? [...node.inputs, bias] : node.inputs;
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
