import { axesOf } from "./arithmetic.ts";
import type { Constant, Known } from "./constants.ts";
import { axisOf, BATCH, type Dim, type Dims, factored, product, squeezed, timesDim, unsqueezed } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { inferWindows } from "./infer-windows.ts";
import { reshaped } from "./reshape.ts";
import { type Axis, BATCH_ATOM, dimsOf, regrouped } from "./view.ts";

/** What is known where a node stands. */
export interface Place extends Known {
  dims(name: string | undefined): Dims | undefined;
  /** Size of the batch where the file fixes it. */
  readonly batchSize: number | null;
}

/** Ops that work on each number by itself, or along the last axis, and keep all axes. */
const KEEP: ReadonlySet<string> = new Set([
  ...[
    "Relu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Gelu",
    "LeakyRelu",
    "Elu",
    "Celu",
    "Selu",
    "Clip",
    "Erf",
    "Exp",
    "Log",
    "Neg",
  ],
  ...["Sqrt", "Abs", "Reciprocal", "Dropout", "Softmax", "LogSoftmax", "LayerNormalization", "BatchNormalization"],
  ...["Identity", "Cast", "CastLike", "Swish", "ai.onnx.ml:Scaler"],
  ...[
    "IsNaN",
    "Trilu",
    "RMSNormalization",
    "RotaryEmbedding",
    "com.microsoft:RotaryEmbedding",
    "com.microsoft:FastGelu",
  ],
  ...["PRelu", "HardSwish", "HardSigmoid", "Mish", "InstanceNormalization", "GroupNormalization"],
]);
const BINARY: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Where"]);

/** Axes of all that a node gives; null where they are not known, or make no sense: whether it fits is looked at later. */
export function inferOutputs(node: OnnxNode, place: Place): readonly Dims[] {
  const isSize = (d: Dim): boolean => typeof d !== "number" || (Number.isSafeInteger(d) && d >= 0);
  return outputsOf(node, place).map((dims) => (dims?.every((d) => d !== undefined && isSize(d)) ? dims : null));
}

function outputsOf(node: OnnxNode, place: Place): readonly Dims[] {
  const of = place.dims(node.inputs[0]) ?? null;
  if (node.op === "Split") return splitDims(node, of, place);
  if (node.op === "LSTM" || node.op === "GRU" || node.op === "RNN") {
    const out = place.constant(node.inputs[2])?.dims.at(-1);
    if (of?.length !== 3 || out === undefined) return node.outputs.map(() => null);
    const directions = node.attributes.get("direction") === "bidirectional" ? 2 : 1;
    const state = [directions, of[1]!, out];
    return [[of[0]!, ...state.toSpliced(2, 0)], state, state];
  }
  return [inferDims(node, place)];
}

/** Parts of one axis. */
export function splitSizes(node: OnnxNode, size: Dim, place: Pick<Place, "numbers">): readonly number[] | null {
  const given = node.attributes.get("split") ?? place.numbers(node.inputs[1]);
  if (Array.isArray(given) && given.every((d) => typeof d === "number")) return given;
  const count = node.outputs.length;
  if (typeof size !== "number") return null;
  const each = Math.ceil(size / count);
  return Array.from({ length: count }, (_, i) => Math.min(each, size - i * each));
}

function splitDims(node: OnnxNode, of: Dims, place: Place): readonly Dims[] {
  const given = node.attributes.get("axis") ?? 0;
  const axis = of && typeof given === "number" ? axisOf(given, of.length) : null;
  const sizes = of && axis !== null ? splitSizes(node, of[axis]!, place) : null;
  return node.outputs.map((_, i) => (of && sizes ? of.map((d, k) => (k === axis ? sizes[i]! : d)) : null));
}

/** Axes of a node's first output; null where they are not known. */
function inferDims(node: OnnxNode, place: Place): Dims {
  // A class token may stand first, a constant.
  const main = node.op === "Concat" ? node.inputs.find((name) => place.dims(name)) : node.inputs[0];
  const of = place.dims(main) ?? null;
  if (KEEP.has(node.op)) return of;
  if (BINARY.has(node.op)) return together(node, place);
  switch (node.op) {
    case "Gemm": {
      const columns = place.constant(node.inputs[1])?.dims[node.attributes.get("transB") ? 0 : 1];
      return [of?.[0] ?? BATCH, columns ?? null];
    }
    case "ai.onnx.ml:LinearRegressor": {
      const targets = node.attributes.get("targets") ?? 1;
      return [of?.[0] ?? BATCH, typeof targets === "number" ? targets : null];
    }
    case "MatMul": {
      const weight = place.constant(node.inputs[1]);
      const other = weight ? null : place.dims(node.inputs[1]);
      if (of && other && of.length >= 2 && other.length >= 2) {
        const rank = Math.max(of.length, other.length);
        const lead = [of, other].map((d) => [...Array<Dim>(rank - d.length).fill(1), ...d].slice(0, -2));
        return [...lead[0]!.map((d, i) => (d === 1 ? lead[1]![i]! : d)), of.at(-2)!, other.at(-1)!];
      }
      if (weight?.dims.length !== 2) return null;
      return of === null ? [BATCH, weight.dims[1]!] : of.length < 2 ? null : [...of.slice(0, -1), weight.dims[1]!];
    }
    case "Flatten":
    case "Reshape":
    case "Squeeze":
    case "Unsqueeze":
      return rearranged(node, of, place);
    case "Gather": {
      const [table, tokens] = [place.constant(node.inputs[0]), place.dims(node.inputs[1])];
      const picked = place.constant(node.inputs[1]);
      if (of && picked) {
        const at = node.attributes.get("axis") ?? 0;
        const axis = typeof at === "number" ? axisOf(at, of.length) : null;
        return axis === null ? null : of.toSpliced(axis, 1, ...picked.dims);
      }
      return table?.dims.length === 2 && tokens ? [...tokens, table.dims[1]!] : null;
    }
    default:
      return of && Object.hasOwn(inferWindows, node.op) ? inferWindows[node.op]!(node, of, place) : null;
  }
}

/** An axis by its size alone. */
function atomsOf(d: Dim): Axis {
  const { count, batch } = factored(d)!;
  return [...(batch ? [BATCH_ATOM] : []), ...(count === 1 ? [] : [{ size: count, stride: 0 }])];
}

/** Axes of a value whose numbers stay in their order within each row; null where they do not, or are not known. */
export function rearranged(node: OnnxNode, of: Dims, place: Place): Dims {
  switch (node.op) {
    case "Flatten": {
      const given = node.attributes.get("axis") ?? 1;
      const rank = of?.length ?? null;
      const axis =
        typeof given !== "number" ? null : rank === null ? given : given === rank ? rank : axisOf(given, rank);
      if (axis === null || axis < 1 || (of === null ? axis !== 1 : of.slice(1, axis).some((d) => d !== 1))) return null;
      return [BATCH, of === null ? null : product(of.slice(axis))];
    }
    case "Reshape": {
      const target = place.numbers(node.inputs[1]);
      const axes = of?.every((d) => d !== null) ? of.map(atomsOf) : null;
      if (target && axes && !node.attributes.get("allowzero")) {
        const found = regrouped(axes, target, place.batchSize);
        if (found) return dimsOf({ axes: found });
        // Where steps and rows share an axis, their order in it is not known here; as many numbers are there.
        if (target.every((d) => d !== 0) && of!.reduce(timesDim, 1) === target.reduce(timesDim, 1)) return target;
      }
      return target && reshaped(of, target, place.batchSize, node.attributes.get("allowzero") === 1);
    }
    case "Squeeze": {
      const named = node.attributes.has("axes") || (node.inputs[1] ?? "") !== "";
      const axes = axesOf(node, place);
      return of && (axes || !named) ? squeezed(of, axes) : null;
    }
    case "Unsqueeze": {
      const axes = axesOf(node, place);
      return of && axes && unsqueezed(of, axes);
    }
    default:
      return null;
  }
}

/** Of two values, or a value and a constant spread over it. */
function together(node: OnnxNode, place: Place): Dims {
  const all = node.inputs.map((name): Dims => {
    const constant: Constant | undefined = place.constant(name);
    return constant ? constant.dims : (place.dims(name) ?? null);
  });
  return all.reduce<Dims>((a, b) => {
    if (a === null || b === null) return null;
    const rank = Math.max(a.length, b.length);
    return Array.from({ length: rank }, (_, i): Dim => {
      const [x, y] = [a[i - rank + a.length], b[i - rank + b.length]];
      if (x === undefined || y === undefined) return x ?? y ?? null;
      if (x === 1 || y === 1) return x === 1 ? y : x;
      if (x === y) return x;
      return null;
    });
  }, []);
}
