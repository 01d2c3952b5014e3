import { expectRank, type GraphBuilder, type Tensor, type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { convInputGradientOnChip, convOnChip, convWeightGradientOnChip } from "./conv-chip.ts";
import {
  type ConvInputGradientAttrs,
  type ConvWeightGradientAttrs,
  forwardDims,
  inputGradientDims,
  weightGradientDims,
} from "./dims.ts";
import { type ConvAttrs, convAttrsOf, expectGradient, yShape } from "./geometry.ts";
import { derivativeLayerOf, fuseLayer, fuseWeightGradient, layerOf, type Product, weightGradientOf } from "./layer.ts";
import { convKernels, plainUse } from "./product-kernels.ts";
import { sampleImages } from "./sizes.ts";
import { addForward, doubles, eachRun, summed } from "./terms.ts";
import { convTrial } from "./trial.ts";
import { forwardCalls, inputGradientCalls, weightGradientCalls } from "./wasm-plan.ts";
import { weightKernels } from "./weight-kernels.ts";

export type { ConvInputGradientAttrs, ConvWeightGradientAttrs } from "./dims.ts";
export type { ConvAttrs } from "./geometry.ts";

function expectTwo(op: { readonly name: string }, inputs: readonly TensorSpec[]): void {
  const rank = inputs[0]?.shape.length ?? 0;
  expectRank(op, inputs, [rank, rank]);
}

/**
 * y [n, out, ...] from x [n, c, ...] and w [out, c / groups, ...kernel]: the kernel is not flipped, as in PyTorch's conv1d
 * and conv2d. Places of y: floor((size + before + after - dilation (kernel - 1) - 1) / stride) + 1. Throws ChainruleError
 * "shape" where groups do not divide channels, w is for other channels, or the kernel is larger than the padded input.
 */
export const conv: Op<ConvAttrs> = {
  name: "conv",
  infer(inputs, attrs) {
    expectTwo(conv, inputs);
    return [{ shape: yShape(forwardDims(inputs, attrs), inputs[0]!.shape.length), dtype: "f32" }];
  },
  reference([x, w], attrs) {
    const dims = forwardDims([x!, w!], attrs);
    const [xs, ws] = [doubles(x!), doubles(w!)];
    return [summed(x!, yShape(dims, x!.shape.length), (sums) => addForward(dims, xs, ws, sums))];
  },
  gradient: (g, { inputs: [x, w], attrs }, [dy]) => [
    inputGradientNode(g, dy!, w!, attrs, x!),
    weightGradientNode(g, x!, dy!, attrs, w!),
  ],
  wasm: (inputs, _outputs, attrs) => forwardCalls(forwardDims(inputs, attrs)),
  onChip: convOnChip,
  trial: convTrial("convolution", forwardDims, () => [0]),
  sample: (inputs, attrs) => sampleImages(inputs, [0], forwardDims(inputs, attrs)),
  kernels: convKernels("conv", plainUse("forward", forwardDims)),
  fuse: (node, uses) => fuseLayer(node, uses, convLayer, convTransposeLayerInputGradient),
};

/**
 * dx [n, c, ...places] from dy [n, out, ...] and w: what `conv` took from each place, taken back. It is also the forward pass
 * of a transposed convolution, whose input is dy.
 */
export const convInputGradient: Op<ConvInputGradientAttrs> = {
  name: "convInputGradient",
  infer(inputs, attrs) {
    expectTwo(convInputGradient, inputs);
    const dims = inputGradientDims(inputs, attrs);
    expectGradient(convInputGradient, inputs, inputs[0]!, dims);
    return [{ shape: [dims.n, dims.c, ...attrs.places], dtype: "f32" }];
  },
  reference([dy, w], attrs) {
    const dims = inputGradientDims([dy!, w!], attrs);
    const [dys, ws] = [doubles(dy!), doubles(w!)];
    const add = (sums: Float64Array): void =>
      eachRun(dims, (y, j, k, count, step) => {
        const factor = ws[k]!;
        for (let i = 0; i < count; i++) sums[j + i * step]! += dys[y + i]! * factor;
      });
    return [summed(dy!, [dims.n, dims.c, ...attrs.places], add)];
  },
  gradient: (g, { inputs: [dy, w], attrs }, [d]) => [
    g.one(conv, [d!, w!], convAttrsOf(attrs), `d ${dy!.name}`),
    weightGradientNode(g, d!, dy!, attrs, w!),
  ],
  wasm: (inputs, _outputs, attrs) => inputGradientCalls(inputGradientDims(inputs, attrs)),
  onChip: convInputGradientOnChip,
  trial: convTrial("convolution", inputGradientDims, () => [0]),
  sample: (inputs, attrs) => sampleImages(inputs, [0], inputGradientDims(inputs, attrs)),
  kernels: convKernels("convInputGradient", plainUse("back", inputGradientDims)),
  fuse: (node, uses) => fuseLayer(node, uses, convTransposeLayer, convLayerInputGradient),
};

/** dw [out, c / groups, ...kernel] from x [n, c, ...] and dy [n, out, ...]. */
export const convWeightGradient: Op<ConvWeightGradientAttrs> = {
  name: "convWeightGradient",
  infer(inputs, attrs) {
    expectTwo(convWeightGradient, inputs);
    const [x, dy] = inputs as readonly [TensorSpec, TensorSpec];
    if (x.shape[0] !== dy.shape[0]) wrongShapes(convWeightGradient, inputs, "x and dy of one batch");
    const dims = weightGradientDims(inputs, attrs);
    expectGradient(convWeightGradient, inputs, dy, dims);
    return [{ shape: [dims.out, dims.cGroup, ...attrs.kernel], dtype: "f32" }];
  },
  reference([x, dy], attrs) {
    const dims = weightGradientDims([x!, dy!], attrs);
    const [xs, dys] = [doubles(x!), doubles(dy!)];
    const add = (sums: Float64Array): void =>
      eachRun(dims, (y, j, k, count, step) => {
        let sum = sums[k]!;
        for (let i = 0; i < count; i++) sum += dys[y + i]! * xs[j + i * step]!;
        sums[k] = sum;
      });
    return [summed(x!, [dims.out, dims.cGroup, ...attrs.kernel], add)];
  },
  gradient: (g, { inputs: [x, dy], attrs }, [d]) => [
    inputGradientNode(g, dy!, d!, attrs, x!),
    g.one(conv, [x!, d!], convAttrsOf(attrs), `d ${dy!.name}`),
  ],
  wasm: (inputs, _outputs, attrs) => weightGradientCalls(weightGradientDims(inputs, attrs)),
  onChip: convWeightGradientOnChip,
  trial: convTrial("kernelGradient", weightGradientDims, () => [0, 1]),
  sample: (inputs, attrs) => sampleImages(inputs, [0, 1], weightGradientDims(inputs, attrs)),
  kernels: weightKernels("convWeightGradient", { sums: false, dims: weightGradientDims }),
  fuse: (node, uses) => fuseWeightGradient(node, uses, convLayerWeightGradient),
};

const forward: Product<ConvAttrs> = { op: conv, way: "forward", dims: forwardDims };
const back: Product<ConvInputGradientAttrs> = { op: convInputGradient, way: "back", dims: inputGradientDims };

/** Whole layers and what runs backwards through them; see layer.ts. A transposed convolution's are the other way round. */
export const convLayer = layerOf("convLayer", forward);
export const convLayerInputGradient = derivativeLayerOf("convLayerInputGradient", back);
export const convLayerWeightGradient = weightGradientOf(
  "convLayerWeightGradient",
  convWeightGradient,
  weightGradientDims,
);
export const convTransposeLayer = layerOf("convTransposeLayer", back);
export const convTransposeLayerInputGradient = derivativeLayerOf("convTransposeLayerInputGradient", forward);

function inputGradientNode(g: GraphBuilder, dy: Tensor, w: Tensor, attrs: ConvAttrs, x: Tensor): Tensor {
  return g.one(convInputGradient, [dy, w], { ...convAttrsOf(attrs), places: x.shape.slice(2) }, `d ${x.name}`);
}

function weightGradientNode(g: GraphBuilder, x: Tensor, dy: Tensor, attrs: ConvAttrs, w: Tensor): Tensor {
  return g.one(convWeightGradient, [x, dy], { ...convAttrsOf(attrs), kernel: w.shape.slice(2) }, `d ${w.name}`);
}
