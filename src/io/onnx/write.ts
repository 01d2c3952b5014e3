import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, type Shape, shapeText, sizeOf } from "../../core/ndarray.ts";
import { refuseCode } from "../../nn/layers/custom.ts";
import type { OnnxContext } from "../../nn/layers/onnx-step.ts";
import { layerTypeOf } from "../../nn/layers/registry.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { usesLengths } from "../../nn/lengths.ts";
import { isAdapted, mergeLora } from "../../nn/lora.ts";
import { copyModel } from "../../nn/model.ts";
import { calledName, layerName, type ModelSpec } from "../../nn/model-spec.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { weightTensors } from "../weights/weights.ts";
import { node, type Step, tensor, valueInfo } from "./messages.ts";
import { Message } from "./protobuf.ts";
import { DATA_TYPE, ENTRY, GRAPH, MODEL, MODEL_KEY, OPSET } from "./schema.ts";

/**
 * The first opset with LayerNormalization, and the IR version of its release: older runtimes read it, too. GELU got an
 * op of its own only in opset 20, so it is written as x / 2 (1 + erf(x / sqrt 2)).
 */
const OPSET_VERSION = 17;
const IR_VERSION = 8;

/** Elements of an array beside the weights, such as the shares of adaptive pooling. */
const MOST_CONSTANTS = 2 ** 26;

/** How a net is written. */
export interface OnnxOptions {
  /**
   * Whether the file's net takes how many steps of each row count as a second input, "lengths" int64 [batch]; by default where
   * an attention is masked by them. Throws ChainruleError "usage" where no layer would look at them.
   */
  readonly lengths?: boolean;
  /** Elements of an array beside the weights at most. */
  readonly mostConstants?: number;
}

/** The file's input of how many steps count. */
export const LENGTHS_INPUT = "lengths";

/** Whether the model itself says that rows have lengths. */
const isMasked = (model: ModelSpec): boolean =>
  model.layers.some((layer) => layer.type === "attention" && layer.mask !== undefined);

/**
 * The net as an ONNX file: what it computes in evaluation, from "input" [batch, ...] (int64 where it is tokens) to "output"
 * [batch, ...]. Low-rank adapters are merged into the weights that they stand beside.
 * Initializers have the names and the layout of PyTorch's state_dict. The model and its loss go along as metadata, so
 * that readOnnx gives the same model back. Equal input gives equal bytes.
 */
export function writeOnnx(given: ModelSpec, own: ReadonlyMap<string, NdArray>, options: OnnxOptions = {}): Uint8Array {
  const read = copyModel(given);
  const { model, weights } = isAdapted(read) ? mergeLora(read, own) : { model: read, weights: own };
  const { lengths: counted = isMasked(model), mostConstants = MOST_CONSTANTS } = options;
  if (counted && !usesLengths(model)) {
    throw new ChainruleError("usage", "ONNX: lengths: no layer of the model looks at how many steps of a row count");
  }
  const { input, shapes, sources, tokens } = shapesOf(model);
  const steps: Step[] = [];
  const arrays = new Arrays(mostConstants);
  const values: string[] = [];
  const names = model.layers.map(calledName);
  const typeOf = (name: string): string => model.layers[names.indexOf(name)]!.type;
  model.layers.forEach((layer, i) => {
    const reads = sources[i]!.map((source) => (source < 0 ? "input" : values[source]!));
    const source = sources[i]![0]!;
    const made = layerSteps({
      layer,
      called: names[i]!,
      given: reads,
      input: source < 0 ? input : shapes[source]!,
      shape: shapes[i]!,
      lengths: counted ? LENGTHS_INPUT : null,
      arrays,
      typeOf,
    });
    steps.push(...made);
    values.push(made.at(-1)?.output ?? reads[0]!);
  });
  // The last value is the graph's output. A model has a layer with parameters, so there is one.
  const last = values.at(-1)!;
  const named = beforeMaxPools(steps, arrays).map((s) => ({ ...s, output: s.output === last ? "output" : s.output }));

  const graph = new Message();
  for (const step of named) graph.message(GRAPH.node, node(step));
  graph.text(GRAPH.name, "chainrule");
  const used = new Set(steps.flatMap((s) => s.inputs));
  for (const [name, { shape, data }] of weightTensors(model, weights)) {
    if (used.has(name)) graph.message(GRAPH.initializer, tensor(name, shape, Float32Array.from(data)));
  }
  for (const array of arrays.made.values()) graph.message(GRAPH.initializer, array);
  graph.message(GRAPH.input, valueInfo("input", input, tokens ? DATA_TYPE.int64 : DATA_TYPE.float));
  if (counted) graph.message(GRAPH.input, valueInfo(LENGTHS_INPUT, [], DATA_TYPE.int64));
  graph.message(GRAPH.output, valueInfo("output", shapes.at(-1)!));
  return new Message()
    .integer(MODEL.irVersion, IR_VERSION)
    .text(MODEL.producerName, "chainrule")
    .message(MODEL.graph, graph)
    .message(MODEL.opsetImport, new Message().text(OPSET.domain, "").integer(OPSET.version, OPSET_VERSION))
    .message(MODEL.metadataProps, new Message().text(ENTRY.key, MODEL_KEY).text(ENTRY.value, JSON.stringify(model)))
    .finish();
}

/**
 * Zeros around what a MaxPool reads. ONNX Runtime's optimiser (1.30) makes them the pool's own padding, which is -Infinity:
 * wrong where all of a window is below 0. It leaves alone what is not exactly 0, and the smallest number of f32 is as good.
 */
function beforeMaxPools(steps: readonly Step[], arrays: Arrays): readonly Step[] {
  const pooled = new Set(steps.filter(({ op }) => op === "MaxPool").map(({ inputs }) => inputs[0]));
  return steps.map((step) => {
    if (step.op !== "Pad" || step.texts?.mode !== "constant" || !pooled.has(step.output)) return step;
    return { ...step, inputs: [...step.inputs, arrays.floats(`${step.output}.zero`, [], () => 2 ** -149)] };
  });
}

/** Arrays that steps read beside the weights: each once. */
class Arrays {
  readonly made = new Map<string, Message>();

  constructor(private readonly most: number) {}

  floats(name: string, shape: Shape, value: (i: number) => number): string {
    if (sizeOf(shape) > this.most) {
      throw new ChainruleError("limit", `ONNX: ${name} ${shapeText(shape)} would be too large an array`);
    }
    this.made.set(
      name,
      tensor(
        name,
        shape,
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
      ),
    );
    return name;
  }

  wholes(name: string, values: readonly number[]): string {
    this.made.set(name, tensor(name, [values.length], BigInt64Array.from(values, BigInt), DATA_TYPE.int64));
    return name;
  }
}

/** A layer on its way into a file. */
interface Placed {
  readonly layer: LayerSpec;
  readonly called: string;
  /** Names of the values that it reads. */
  readonly given: readonly string[];
  readonly input: Shape;
  readonly shape: Shape;
  /** The value of how many steps of each row count; null where all do. */
  readonly lengths: string | null;
  readonly arrays: Arrays;
  typeOf(name: string): string;
}

/** Ops of an activation that is one op in ONNX as here. */
const PLAIN = { relu: "Relu", sigmoid: "Sigmoid", tanh: "Tanh", softplus: "Softplus", selu: "Selu" } as const;

function layerSteps({ layer, called, given, input, shape, lengths, arrays, typeOf }: Placed): Step[] {
  const name = `${called}.${layerName(layer)}`;
  const output = `${called}.output`;
  const x = given[0]!;
  const scalar = (key: string, v: number): string => arrays.floats(key, [], () => v);
  const one = (op: string, inputs: readonly string[], more: Partial<Step> = {}): Step[] => [
    { op, name, inputs: [x, ...inputs], output, ...more },
  ];
  /** One of several ops that make up a layer. */
  const part = (key: string, op: string, inputs: readonly string[], more: Partial<Step> = {}): Step => ({
    op,
    name: `${name}.${key}`,
    inputs,
    output: `${called}.${key}`,
    ...more,
  });
  const last = (op: string, inputs: readonly string[]): Step => ({ op, name, inputs, output });
  switch (layer.type) {
    case "linear": {
      const [weight, bias] = [`${called}.weight`, `${called}.bias`];
      if (input.length === 1) return one("Gemm", layer.bias ? [weight, bias] : [weight], { integers: { transB: 1 } });
      // Gemm takes rows alone: on the last axis of anything else a product, of the weight turned.
      const turned = part("turned", "Transpose", [weight], { lists: { perm: [1, 0] } });
      if (!layer.bias) return [turned, last("MatMul", [x, turned.output])];
      const product = part("product", "MatMul", [x, turned.output]);
      return [turned, product, last("Add", [product.output, bias])];
    }
    case "layerNorm":
      return one("LayerNormalization", [`${called}.weight`, `${called}.bias`], {
        integers: { axis: typeof layer.size === "number" ? -1 : -layer.size.length },
        floats: { epsilon: layer.eps },
      });
    case "dropout":
      return [];
    case "relu6":
      return one("Clip", [scalar("zero", 0), scalar("six", 6)]);
    case "leakyRelu":
      return one("LeakyRelu", [], { floats: { alpha: layer.slope } });
    case "elu":
      return one("Elu", [], { floats: { alpha: layer.alpha } });
    case "silu":
      return [part("sigmoid", "Sigmoid", [x]), last("Mul", [x, `${called}.sigmoid`])];
    case "gelu":
      return [
        part("scaled", "Mul", [x, scalar("sqrt_half", Math.SQRT1_2)]),
        part("erf", "Erf", [`${called}.scaled`]),
        part("shifted", "Add", [`${called}.erf`, scalar("one", 1)]),
        part("half", "Mul", [x, scalar("half", 0.5)]),
        last("Mul", [`${called}.half`, `${called}.shifted`]),
      ];
    case "custom":
      return refuseCode(layer);
    case "relu":
    case "sigmoid":
    case "tanh":
    case "softplus":
    case "selu":
      return one(PLAIN[layer.type], []);
    default: {
      const context: OnnxContext = {
        inputs: given,
        input,
        output,
        shape,
        typeOf,
        lengths,
        weight: (key) => `${called}.${key}`,
        between: (key) => `${called}.${key}.value`,
        floats: (key, own, value) => arrays.floats(`${called}.${key}`, own, value),
        wholes: (key, values) => arrays.wholes(`${called}.${key}`, values),
      };
      const steps = layerTypeOf(layer.type)?.onnx?.(layer, context);
      if (!steps) throw new ChainruleError("usage", `ONNX: ${name} cannot be written`);
      return steps.map((step, k) => ({ ...step, name: k === steps.length - 1 ? name : `${name}.${k}` }));
    }
  }
}
