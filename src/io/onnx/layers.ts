import { ndarray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import { brief } from "../safetensors/header.ts";
import { activationReaders } from "./activations.ts";
import { arithmeticAffine, batchNormOf } from "./affine-nodes.ts";
import { type Constant, fromNumbers, matrixOf, scalarOf, vectorOf } from "./constants.ts";
import { BATCH, dimsText, rowSize } from "./dims.ts";
import {
  constantAt,
  floats,
  number,
  type Reader,
  requireAlongRows,
  requireData,
  requireRows,
  widthOf,
} from "./place.ts";
import { refuse } from "./protobuf.ts";

/** x W alpha + bias beta, and with W, or its transpose. */
const product: Reader = (node, place) => {
  requireData(node, place);
  const { parts } = place;
  const { where } = node;
  requireRows(node, place);
  if (number(node, "transA", 0) !== 0) refuse(`${where}: transA turns the batch around, which no layer here does`);
  const weight = constantAt(node, 1, place) ?? refuse(`${where}: it has no weight`);
  // W as it is used, [in, out]; its size does not change where it is swapped.
  parts.claim(sizeOf(weight.dims), where);
  const w = matrixOf(weight, number(node, "transB", 0) !== 0, number(node, "alpha", 1), where);
  const [inputs, outputs] = w.shape as readonly [number, number];
  const given = widthOf(place) ?? inputs;
  if (given !== inputs) refuse(`${where}: its weight takes ${inputs} values, but it is given ${given}`);
  const bias = constantAt(node, 2, place);
  if (bias) parts.claim(outputs, where);
  parts.linear(w, bias && vectorOf(bias, outputs, number(node, "beta", 1), where), where);
};

/** Scale and shift may be one number each; a scale or shift that is left out changes nothing. */
const layerNorm: Reader = (node, place) => {
  requireData(node, place);
  requireAlongRows(node, place, -1, true);
  const { parts, dims } = place;
  const { where } = node;
  const [scale, shift] = [constantAt(node, 1, place), constantAt(node, 2, place)];
  const flat = (of: Constant | null): number => (of ? sizeOf(of.dims) : 1);
  const told = Math.max(flat(scale), flat(shift));
  // One number stands for as many as there are; then only the values' own axes tell how many.
  const size = rowSize(dims) ?? (told > 1 ? told : refuse(`${where}: the width of what it normalises is not known`));
  parts.claim(2 * size, where);
  const ones = { ...zeros([size], "f32"), data: new Float32Array(size).fill(1) };
  const vector = (of: Constant): ReturnType<typeof vectorOf> => vectorOf(flattened(of), size, 1, where);
  parts.layerNorm(
    scale ? vector(scale) : ones,
    shift ? vector(shift) : zeros([size], "f32"),
    number(node, "epsilon", 1e-5),
    where,
  );
};

/** Over several axes a scale has as many; in a row its numbers lie in the same order. */
const flattened = (of: Constant): Constant => ({ ...of, dims: [sizeOf(of.dims)] });

const dropout: Reader = (node, place) => {
  requireData(node, place);
  // A number among the inputs since opset 12, an attribute before.
  const ratio = constantAt(node, 1, place);
  const p = ratio ? scalarOf(ratio) : number(node, "ratio", 0.5);
  if (p === null) refuse(`${node.where}: its ratio must be one number`);
  place.parts.add({ type: "dropout", p: p! }, node.where);
};

const softmax: Reader = (node, place) => {
  requireData(node, place);
  // Before opset 13 all axes from this one on were taken as one.
  requireAlongRows(node, place, place.opset < 13 ? 1 : -1, place.opset < 13);
  place.parts.add({ type: node.op === "LogSoftmax" ? "logSoftmax" : "softmax" }, node.where);
};

/** Nodes that leave the numbers of each row in their order, which is how rows are stored here anyway. */
const rearranged: Reader = (node, place) => {
  requireData(node, place);
  if (place.next?.[0] === BATCH) return;
  if (node.op === "Flatten") {
    const axis = number(node, "axis", 1);
    refuse(`${node.where}: flattens from axis ${axis}; here only from axis 1, which keeps rows apart`);
  }
  const shape = place.constants.get(node.inputs[1] ?? "");
  const target = shape ? ` to ${numbersText(shape)}` : node.op === "Reshape" ? " to a computed shape" : "";
  refuse(
    `${node.where}: reshapes${target}; only what keeps rows apart, such as [batch, width], is known here${place.dims ? `, and its values are ${dimsText(place.dims)}` : ""}`,
  );
};

function numbersText(constant: Constant): string {
  const out: number[] = [];
  if (sizeOf(constant.dims) > 8) return `a shape of ${sizeOf(constant.dims)} numbers`;
  constant.each((value) => out.push(value));
  return shapeText(out);
}

/** Add, Sub, Mul and Div of a constant, on either side. */
const arithmetic: Reader = (node, place) => {
  const other = node.inputs.findIndex((name) => name !== place.value);
  const constant = other < 0 || node.inputs.length !== 2 ? null : place.constants.get(node.inputs[other]!);
  const affine = constant && arithmeticAffine(node, place.value, constant, place.dims, place.room);
  if (!affine)
    return refuse(
      `${node.where} joins values that the net computes, or divides a constant by them; only constants are added and multiplied here`,
    );
  place.parts.affine(affine, node.where, rowSize(place.dims));
};

const negate: Reader = (node, place) => {
  place.parts.affine({ scale: Float64Array.of(-1), shift: Float64Array.of(0) }, node.where, rowSize(place.dims));
};

const batchNorm: Reader = (node, place) => {
  requireData(node, place);
  // Before opset 14 a node that gives more than its values trains.
  const trains = place.opset < 14 && node.outputs.slice(1).some((name) => name !== "");
  if (trains || number(node, "training_mode", 0) !== 0) {
    refuse(`${node.where}: it normalises by the batch, as in training; export the model in evaluation: model.eval()`);
  }
  if (number(node, "spatial", 1) !== 1) refuse(`${node.where}: spatial 0, a form of batch norm before opset 9`);
  const constants = [1, 2, 3, 4].map(
    (i) => constantAt(node, i, place) ?? refuse(`${node.where}: it has no input ${i}`),
  );
  const eps = number(node, "epsilon", 1e-5);
  place.parts.affine(batchNormOf(constants, eps, place.dims, place.room, node.where), node.where, rowSize(place.dims));
};

/** scikit-learn's scalers: (x - offset) scale, each a number for each feature or one for all. */
const scaler: Reader = (node, place) => {
  requireData(node, place);
  requireRows(node, place);
  const [scale, offset] = [floats(node, "scale", [1]), floats(node, "offset", [0])];
  const width = rowSize(place.dims);
  for (const { length } of [scale, offset]) {
    if (length !== 1 && width !== null && length !== width) {
      refuse(`${node.where}: made for ${length} values, but there are ${width}`);
    }
  }
  place.room.claim(scale.length + offset.length, node.where);
  const none = { scale: Float64Array.of(1), shift: Float64Array.from(offset, (v) => -v) };
  place.parts.affine(none, node.where, width);
  place.parts.affine({ scale: Float64Array.from(scale), shift: Float64Array.of(0) }, node.where, width);
};

/** scikit-learn's linear regressions: W [targets, inputs] and one intercept for each target. */
const regressor: Reader = (node, place) => {
  requireData(node, place);
  requireRows(node, place);
  const { where } = node;
  const targets = number(node, "targets", 1);
  const w = floats(node, "coefficients", []);
  const b = floats(node, "intercepts", []);
  const after = node.attributes.get("post_transform") ?? "NONE";
  if (after !== "NONE") refuse(`${where}: its post_transform ${brief(after)}, which no layer here does`);
  const inputs = w.length / targets;
  if (!(Number.isInteger(inputs) && inputs >= 1) || (b.length !== 0 && b.length !== targets)) {
    refuse(`${where}: ${w.length} coefficients and ${b.length} intercepts do not fit ${targets} targets`);
  }
  const given = rowSize(place.dims) ?? inputs;
  if (given !== inputs) refuse(`${where}: it takes ${inputs} values, but it is given ${given}`);
  place.parts.claim(w.length + b.length, where);
  const weight = matrixOf(fromNumbers([targets, inputs], false, w), true, 1, where);
  place.parts.linear(weight, b.length > 0 ? ndarray([targets], "f32", b) : null, where);
};

/** What each op is here, once patterns of several ops have become one. */
export const readers: Readonly<Record<string, Reader>> = {
  Gemm: product,
  MatMul: product,
  Add: arithmetic,
  Sub: arithmetic,
  Mul: arithmetic,
  Div: arithmetic,
  Sum: arithmetic,
  Neg: negate,
  BatchNormalization: batchNorm,
  "ai.onnx.ml:Scaler": scaler,
  "ai.onnx.ml:LinearRegressor": regressor,
  LayerNormalization: layerNorm,
  Dropout: dropout,
  Softmax: softmax,
  LogSoftmax: softmax,
  Flatten: rearranged,
  Reshape: rearranged,
  Squeeze: rearranged,
  Unsqueeze: rearranged,
  ...activationReaders,
};
