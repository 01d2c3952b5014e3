/**
 * For ops, activations and layers of one's own: what they are made with, and Chainrule's own ops to build layers of.
 *
 *     import { defineActivation, activationLayer } from "chainrule/custom";
 *     import { checkOp } from "chainrule/check";
 *
 *     const square = defineActivation({
 *       name: "square", fn: (x) => x * x, dfn: (x) => 2 * x, wgsl: "x * x", wgslGradient: "2.0 * x",
 *     });
 *     const report = await checkOp(square, { backend }); // fails where the four do not agree
 *     const layer = activationLayer(square);             // for "layers" of a model in code
 *
 * @module chainrule/custom
 */

export { type Element, element, flatMain, read, type StorageDeclaration, storage, write } from "../shaders/common.ts";
export { type ParamBlock, paramBlock } from "../shaders/params.ts";
export { type NdArray, ndarray, type Shape, sizeOf, zeros } from "./core/ndarray.ts";
export {
  expectRank,
  expectSame,
  type Given,
  type GraphBuilder as Graph,
  type Node,
  type Tensor,
  type TensorSpec,
} from "./graph/graph.ts";
export type {
  Binding,
  CaseInput,
  DeviceAbility,
  DeviceCaps,
  Errors,
  FamilyProof,
  Kernel,
  KernelPlan,
  Launch,
  Op,
  OpCase,
  Product,
  Proof,
  Trial,
  Unlearned,
} from "./graph/op.ts";
export {
  activationLayer,
  type BuildLayer,
  type CustomLayer,
  type CustomLayerOptions,
  customLayer,
} from "./nn/layers/custom.ts";
export { type CustomActivation, defineActivation, defineOp, type OpRecord, wgslMath } from "./ops/custom.ts";
export type { Activation, ActivationAttrs, ActivationSpec } from "./ops/elementwise/activation.ts";
export { activations } from "./ops/elementwise/activations.ts";
export { add } from "./ops/elementwise/add.ts";
export { type DropoutAttrs, dropout } from "./ops/elementwise/dropout.ts";
export { multiply } from "./ops/elementwise/multiply.ts";
export { type BatchedAttrs, batchedMatmul } from "./ops/matmul/batched.ts";
export { addBias, sumRows } from "./ops/matmul/bias.ts";
export { matmul, type TransposeAttrs, transposeMatmul } from "./ops/matmul/matmul.ts";
export { type LayerNormAttrs, layerNorm } from "./ops/norm/layer-norm.ts";
export { softmax } from "./ops/norm/softmax.ts";
export { type PermuteAttrs, permute } from "./ops/shape/permute.ts";
export { type ReshapeAttrs, reshape } from "./ops/shape/reshape.ts";
export { flatLaunch, flatWindows, grid, input, output, scratch } from "./ops/shared/dispatch-plan.ts";
export { floatLike } from "./ops/shared/rounding.ts";
