import { shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/model.ts";
import type { NetParts } from "../net-parts.ts";
import { brief } from "../safetensors-header.ts";
import { type Constant, matrixOf, numbersOf, scalarOf, vectorOf } from "./constants.ts";
import type { OnnxNode } from "./graph.ts";
import type { FoundLayerNorm } from "./layer-norm.ts";
import { refuse } from "./protobuf.ts";

/** Where the walk through a graph stands. */
export interface Place {
  readonly parts: NetParts;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly opset: number;
  /** Name of the value that the layers so far give. */
  readonly value: string;
  /** Its dimensions, null for those that are not known, the first the batch's; null where not even their number is. */
  readonly dims: readonly (number | null)[] | null;
  /** The bias that a node right behind a product adds; takes it, so that the node is done. */
  bias(): { readonly constant: Constant; readonly where: string } | null;
}

/** What a node makes of the dimensions. */
type Dims = Place["dims"];
type Reader = (node: OnnxNode, place: Place, where: string) => Dims;

/** The node as messages name it. */
export function nameOf(node: OnnxNode): string {
  const name = node.name || node.outputs[0] || "";
  return `node ${brief(name)} (${node.op.slice(0, 100)})`;
}

const number = (node: OnnxNode, key: string, fallback: number, where: string): number => {
  const value = node.attributes.get(key) ?? fallback;
  return typeof value === "number" ? value : refuse(`${where}: its attribute ${key} must be one number`);
};

/** The constant at an input; null where the input is left out. */
function constantAt(node: OnnxNode, index: number, { constants }: Place, where: string): Constant | null {
  const name = node.inputs[index];
  if (name === undefined || name === "") return null;
  return constants.get(name) ?? refuse(`${where}: its input ${brief(name)} must be a constant of the file`);
}

function requireData(node: OnnxNode, place: Place, where: string): void {
  if (node.inputs[0] !== place.value) refuse(`${where}: the values that flow through the net must be its first input`);
}

/** Rows of numbers, as a layer here takes them. */
function requireRows({ dims }: Pick<Place, "dims">, where: string): void {
  if (dims !== null && dims.length !== 2) {
    refuse(`${where}: takes values of shape ${shapeOf(dims)}; only rows, [batch, width], are known here`);
  }
}

const shapeOf = (dims: readonly (number | null)[]): string => `[${dims.map((d) => d ?? "?").join(", ")}]`;

function requireLastAxis(node: OnnxNode, place: Place, fallback: number, where: string): void {
  requireRows(place, where);
  const axis = number(node, "axis", fallback, where);
  if (axis !== -1 && axis !== 1) refuse(`${where}: works along axis ${axis}; here it works along rows, axis -1`);
}

/** A layer that is one of ours under another name. */
const layer =
  (make: (node: OnnxNode, where: string) => LayerSpec): Reader =>
  (node, place, where) => {
    requireData(node, place, where);
    place.parts.add(make(node, where), where);
    return place.dims;
  };

function linear(place: Place, weight: Constant, swap: boolean, bias: Constant | null, where: string, scale = 1): Dims {
  requireRows(place, where);
  // W as it is used, [in, out]; its size does not change where it is swapped.
  place.parts.claim(sizeOf(weight.dims), where);
  const w = matrixOf(weight, swap, scale, where);
  const [inputs, outputs] = w.shape as readonly [number, number];
  const given = place.dims?.[1] ?? inputs;
  if (given !== inputs) refuse(`${where}: its weight takes ${inputs} values, but it is given ${given}`);
  const following = bias ? null : place.bias();
  const added = bias ?? following?.constant ?? null;
  if (added) place.parts.claim(outputs, where);
  const b = added ? vectorOf(added, outputs, 1, following?.where ?? where) : null;
  place.parts.linear(w, b, where);
  return [place.dims?.[0] ?? null, outputs];
}

const gemm: Reader = (node, place, where) => {
  requireData(node, place, where);
  if (number(node, "transA", 0, where) !== 0)
    refuse(`${where}: transA turns the batch around, which no layer here does`);
  const weight = constantAt(node, 1, place, where) ?? refuse(`${where}: it has no weight`);
  const bias = constantAt(node, 2, place, where);
  const beta = number(node, "beta", 1, where);
  return linear(
    place,
    weight,
    number(node, "transB", 0, where) !== 0,
    bias && scaled(bias, beta),
    where,
    number(node, "alpha", 1, where),
  );
};

function scaled(of: Constant, by: number): Constant {
  return by === 1 ? of : { dims: of.dims, whole: of.whole, each: (use) => of.each((v, i) => use(v * by, i)) };
}

const matmul: Reader = (node, place, where) => {
  requireData(node, place, where);
  const weight = constantAt(node, 1, place, where) ?? refuse(`${where}: it has no weight`);
  return linear(place, weight, false, null, where);
};

const layerNorm: Reader = (node, place, where) => {
  requireData(node, place, where);
  requireLastAxis(node, place, -1, where);
  const scale = constantAt(node, 1, place, where) ?? refuse(`${where}: it has no scale`);
  const shift = constantAt(node, 2, place, where);
  const size = sizeOf(scale.dims);
  place.parts.claim(2 * size, where);
  place.parts.layerNorm(
    vectorOf(scale, size, 1, where),
    shift ? vectorOf(shift, size, 1, where) : zeros([size], "f32"),
    number(node, "epsilon", 1e-5, where),
    where,
  );
  return place.dims;
};

/** A layer normalisation that was found as the ops it is made of. */
export function addLayerNorm({ scale, shift, eps }: FoundLayerNorm, parts: NetParts, dims: Dims, where: string): void {
  requireRows({ dims }, where);
  const given = [scale, shift].map((constant) => (constant ? sizeOf(constant.dims) : 1)).find((size) => size > 1);
  // Scale and shift may be one number, or left out; then the width is the values'.
  const size = given ?? dims?.[1] ?? refuse(`${where}: the width of what it normalises is not known`);
  parts.claim(2 * size, where);
  const ones = { ...zeros([size], "f32"), data: new Float32Array(size).fill(1) };
  parts.layerNorm(
    scale ? vectorOf(scale, size, 1, where) : ones,
    shift ? vectorOf(shift, size, 1, where) : zeros([size], "f32"),
    eps,
    where,
  );
}

const dropout: Reader = (node, place, where) => {
  requireData(node, place, where);
  // A number among the inputs since opset 12, an attribute before.
  const ratio = constantAt(node, 1, place, where);
  const p = ratio ? scalarOf(ratio) : number(node, "ratio", 0.5, where);
  if (p === null) refuse(`${where}: its ratio must be one number`);
  place.parts.add({ type: "dropout", p: p! }, where);
  return place.dims;
};

const softmax: Reader = (node, place, where) => {
  requireData(node, place, where);
  requireLastAxis(node, place, place.opset < 13 ? 1 : -1, where);
  if (node.op === "LogSoftmax") place.parts.addLogSoftmax(where);
  else place.parts.add({ type: "softmax" }, where);
  return place.dims;
};

/** All dimensions but the batch's as one, which is how rows are stored here anyway. */
function flat(dims: Dims): Dims {
  if (dims === null) return null;
  const rest = dims.slice(1);
  return [dims[0] ?? null, rest.includes(null) ? null : sizeOf(rest as number[])];
}

const flatten: Reader = (node, place, where) => {
  requireData(node, place, where);
  const axis = number(node, "axis", 1, where);
  if (axis !== 1) refuse(`${where}: flattens from axis ${axis}; here only from axis 1, which keeps rows apart`);
  return flat(place.dims) ?? [null, null];
};

const reshape: Reader = (node, place, where) => {
  requireData(node, place, where);
  const shape = numbersOf(constantAt(node, 1, place, where) ?? undefined);
  const [first, width] = shape ?? [];
  const flatWidth = flat(place.dims)?.[1] ?? null;
  const batch = place.dims?.[0] ?? null;
  const keepsRows = first === -1 || first === 0 || (batch !== null && first === batch);
  const fits = width === -1 ? first !== -1 : width! > 0 && (flatWidth ?? width) === width;
  if (shape?.length !== 2 || !keepsRows || !fits) {
    refuse(
      `${where}: reshapes to ${shape ? shapeText(shape) : "a computed shape"}; only to [batch, width] is known here`,
    );
  }
  return [batch, width === -1 ? flatWidth : width!];
};

const identity: Reader = (node, place, where) => {
  requireData(node, place, where);
  return place.dims;
};

const gelu = (node: OnnxNode, where: string): LayerSpec => {
  const approximate = node.attributes.get("approximate") ?? "none";
  if (approximate !== "none") refuse(`${where}: the approximation ${brief(approximate)}; here GELU is exact`);
  return { type: "gelu" };
};

/** What each op is here. Activations of several ops are in expression.ts. */
export const readers: Readonly<Record<string, Reader>> = {
  Gemm: gemm,
  MatMul: matmul,
  LayerNormalization: layerNorm,
  Dropout: dropout,
  Softmax: softmax,
  LogSoftmax: softmax,
  Flatten: flatten,
  Reshape: reshape,
  Identity: identity,
  Relu: layer(() => ({ type: "relu" })),
  Sigmoid: layer(() => ({ type: "sigmoid" })),
  Tanh: layer(() => ({ type: "tanh" })),
  Softplus: layer(() => ({ type: "softplus" })),
  Gelu: layer(gelu),
  LeakyRelu: layer((node, where) => ({ type: "leakyRelu", slope: number(node, "alpha", 0.01, where) })),
  Elu: layer((node, where) => ({ type: "elu", alpha: number(node, "alpha", 1, where) })),
};
