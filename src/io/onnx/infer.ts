import { axesOf } from "./arithmetic.ts";
import type { Constant, Known } from "./constants.ts";
import { axisOf, BATCH, type Dim, type Dims, product, squeezed, unsqueezed } from "./dims.ts";
import type { OnnxNode } from "./graph.ts";
import { inferWindows } from "./infer-windows.ts";
import { reshaped } from "./reshape.ts";

/** What is known where a node stands. */
export interface Place extends Known {
  dims(name: string | undefined): Dims | undefined;
  /** Size of the batch where the file fixes it. */
  readonly batchSize: number | null;
}

/** Ops that work on each number by itself, or along the last axis, and keep all axes. */
const KEEP: ReadonlySet<string> = new Set([
  ...["Relu", "Sigmoid", "Tanh", "Softplus", "Gelu", "LeakyRelu", "Elu", "Selu", "Clip", "Erf", "Exp", "Log", "Neg"],
  ...["Sqrt", "Abs", "Reciprocal", "Dropout", "Softmax", "LogSoftmax", "LayerNormalization", "BatchNormalization"],
  ...["Identity", "Cast", "CastLike", "Swish", "ai.onnx.ml:Scaler"],
  ...["PRelu", "HardSwish", "HardSigmoid", "Mish", "InstanceNormalization", "GroupNormalization"],
]);
const BINARY: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"]);

/** Axes of a node's first output; null where they are not known. */
export function inferDims(node: OnnxNode, place: Place): Dims {
  const of = place.dims(node.inputs[0]) ?? null;
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
      if (weight?.dims.length !== 2) return null;
      return of === null ? [BATCH, weight.dims[1]!] : of.length < 2 ? null : [...of.slice(0, -1), weight.dims[1]!];
    }
    case "Flatten":
    case "Reshape":
    case "Squeeze":
    case "Unsqueeze":
      return rearranged(node, of, place);
    case "Gather": {
      const [table, at] = [place.constant(node.inputs[0]), place.dims(node.inputs[1])];
      return table?.dims.length === 2 && at ? [...at, table.dims[1]!] : null;
    }
    default:
      return of && Object.hasOwn(inferWindows, node.op) ? inferWindows[node.op]!(node, of, place) : null;
  }
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
      return target && reshaped(of, target, place.batchSize, node.attributes.get("allowzero") === 1);
    }
    case "Squeeze": {
      const named = node.attributes.has("axes") || (node.inputs[1] ?? "") !== "";
      const axes = axesOf(node, place);
      return of && (axes || !named) ? squeezed(of, axes) : null;
    }
    case "Unsqueeze": {
      const axes = axesOf(node, place);
      const dims = of && axes && unsqueezed(of, axes);
      return dims?.[0] === BATCH ? dims : null;
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
