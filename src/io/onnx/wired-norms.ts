import { type NdArray, ndarray, sizeOf } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { Branch } from "../net/branch.ts";
import { scalarOf } from "./constants.ts";
import { axisOf } from "./dims.ts";
import { constantAt, number } from "./place.ts";
import { refuse } from "./protobuf.ts";
import { arrayAt, arrayOf, data, type WiredReader } from "./wired-place.ts";

const batchNorm: WiredReader = (node, place) => {
  const { net, x } = place;
  const [size] = data(node, place) as readonly [number];
  const { where } = node;
  // Before opset 14 a node that gives more than its values trains.
  const trains = place.opset < 14 && node.outputs.slice(1).some((name) => name !== "");
  if (trains || number(node, "training_mode", 0) !== 0) {
    refuse(`${where}: it normalises by the batch, as in training; export the model in evaluation: model.eval()`);
  }
  if (number(node, "spatial", 1) !== 1) refuse(`${where}: spatial 0, a form of batch norm before opset 9`);
  const vector = (i: number): NdArray => arrayAt(node, i, place, [size]) ?? refuse(`${where}: it has no input ${i}`);
  const [weight, bias, running_mean, running_var] = [vector(1), vector(2), vector(3), vector(4)];
  // ONNX says what is kept, PyTorch and layers here what is taken of a batch.
  const momentum = Number((1 - number(node, "momentum", 0.9)).toPrecision(6));
  const layer: LayerSpec = { type: "batchNorm", size, eps: number(node, "epsilon", 1e-5), momentum, affine: true };
  const counted = ndarray([1], "f32", [0]);
  return net.add(layer, [x], where, { weight, bias, running_mean, running_var, num_batches_tracked: counted });
};

const groupNorm: WiredReader = (node, place) => {
  const { net, x } = place;
  const [size] = data(node, place) as readonly [number];
  const { where } = node;
  const eps = number(node, "epsilon", 1e-5);
  const groups = node.op === "InstanceNormalization" ? size : number(node, "num_groups", 0);
  const vector = (i: number, usual: number): NdArray | null => {
    const constant = constantAt(node, i, place);
    if (!constant) return null;
    // A number a group until opset 20, a number a channel since.
    if (sizeOf(constant.dims) !== groups || groups === size) return arrayOf(constant, [size], net, where);
    const given = arrayOf(constant, [groups], net, where);
    net.claim(size, where);
    return ndarray(
      [size],
      "f32",
      Float32Array.from({ length: size }, (_, c) => given.data[Math.floor((c * groups) / size)] ?? usual),
    );
  };
  const [weight, bias] = [vector(1, 1), vector(2, 0)];
  const affine = weight !== null || bias !== null;
  const filled = (array: NdArray | null, value: number): NdArray => {
    if (array) return array;
    net.claim(size, where);
    return ndarray([size], "f32", new Float32Array(size).fill(value));
  };
  const arrays = affine ? { weight: filled(weight, 1), bias: filled(bias, 0) } : {};
  const kind: LayerSpec =
    node.op === "InstanceNormalization"
      ? { type: "instanceNorm", size, eps, affine }
      : { type: "groupNorm", groups, size, eps, affine };
  return net.add(kind, [x], where, arrays);
};

const layerNorm: WiredReader = (node, place) => {
  const shape = data(node, place);
  const { net, x } = place;
  const axis = axisOf(number(node, "axis", -1), shape.length + 1);
  if (!axis) return refuse(`${node.where}: its axis is the batch's, or none`);
  const size = shape.slice(axis - 1);
  const array = (index: number, usual: number): NdArray => {
    const constant = constantAt(node, index, place);
    if (constant && sizeOf(constant.dims) !== 1) return arrayOf(constant, size, net, node.where);
    net.claim(sizeOf(size), node.where);
    return ndarray(size, "f32", new Float32Array(sizeOf(size)).fill((constant ? scalarOf(constant) : null) ?? usual));
  };
  const parts = new Branch(net, x);
  parts.layerNorm(array(1, 1), array(2, 0), number(node, "epsilon", 1e-5), node.where);
  return parts.value;
};

const rmsNorm: WiredReader = (node, place) => {
  const shape = data(node, place);
  const { net, x } = place;
  const size = shape.at(-1)!;
  if (axisOf(number(node, "axis", -1), shape.length + 1) !== shape.length) {
    return refuse(`${node.where}: works along more than the last axis`);
  }
  const scale = constantAt(node, 1, place);
  const ones = (): NdArray => ndarray([size], "f32", new Float32Array(size).fill((scale && scalarOf(scale)) ?? 1));
  const weight = scale && sizeOf(scale.dims) !== 1 ? arrayOf(scale, [size], net, node.where) : ones();
  return net.add({ type: "rmsNorm", size, eps: number(node, "epsilon", 1e-5) }, [x], node.where, { weight });
};

export const normReaders: Readonly<Record<string, WiredReader>> = {
  BatchNormalization: batchNorm,
  InstanceNormalization: groupNorm,
  GroupNormalization: groupNorm,
  LayerNormalization: layerNorm,
  RMSNormalization: rmsNorm,
};
