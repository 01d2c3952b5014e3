import type { NdArray } from "../../core/ndarray.ts";
import { refuseCode } from "../../nn/layers/custom.ts";
import type { DenseLayerSpec } from "../../nn/layers/spec.ts";
import { requireModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { widths } from "../../nn/shapes.ts";
import { denseLayers } from "../dense-layers.ts";
import { weightTensors } from "../weights/weights.ts";
import { Message } from "./protobuf.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  DIMENSION,
  ENTRY,
  GRAPH,
  MODEL,
  MODEL_KEY,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from "./schema.ts";

/**
 * The first opset with LayerNormalization, and the IR version of its release: older runtimes read it, too. GELU got an
 * op of its own only in opset 20, so it is written as x / 2 (1 + erf(x / sqrt 2)).
 */
const OPSET_VERSION = 17;
const IR_VERSION = 8;

/** One op of the graph: names of values in and out, and attributes as floats or integers. */
interface Step {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly floats?: Readonly<Record<string, number>>;
  readonly integers?: Readonly<Record<string, number>>;
}

/**
 * The net as an ONNX file: what it computes without dropout, from "input" [batch, in] to "output" [batch, out].
 * Initializers have the names and the layout of PyTorch's nn.Sequential. The model and its loss go along as metadata, so
 * that readOnnx gives the same model back. Equal input gives equal bytes.
 */
export function writeOnnx(model: ModelSpec, weights: ReadonlyMap<string, NdArray>): Uint8Array {
  requireModel(model);
  const { inputs, outputs } = widths(model);
  const steps: Step[] = [];
  const scalars = new Map<string, number>();
  let value = "input";
  denseLayers(model, "ONNX").forEach((layer, i) => {
    const made = layerSteps(layer, i, value, scalars);
    steps.push(...made);
    value = made.at(-1)?.output ?? value;
  });
  // The last value is the graph's output. A model has a layer with parameters, so there is one.
  const named = steps.map((s) => ({ ...s, output: s.output === value ? "output" : s.output }));

  const graph = new Message();
  for (const step of named) graph.message(GRAPH.node, node(step));
  graph.text(GRAPH.name, "chainrule");
  for (const [name, { shape, data }] of weightTensors(model, weights)) {
    graph.message(GRAPH.initializer, tensor(name, shape, Float32Array.from(data)));
  }
  for (const [name, x] of scalars) graph.message(GRAPH.initializer, tensor(name, [], Float32Array.of(x)));
  graph.message(GRAPH.input, valueInfo("input", inputs));
  graph.message(GRAPH.output, valueInfo("output", outputs));
  return new Message()
    .integer(MODEL.irVersion, IR_VERSION)
    .text(MODEL.producerName, "chainrule")
    .message(MODEL.graph, graph)
    .message(MODEL.opsetImport, new Message().text(OPSET.domain, "").integer(OPSET.version, OPSET_VERSION))
    .message(MODEL.metadataProps, new Message().text(ENTRY.key, MODEL_KEY).text(ENTRY.value, JSON.stringify(model)))
    .finish();
}

/** Ops of an activation that is one op in ONNX as here. */
const PLAIN = { relu: "Relu", sigmoid: "Sigmoid", tanh: "Tanh", softplus: "Softplus", selu: "Selu" } as const;

function layerSteps(layer: DenseLayerSpec, i: number, x: string, scalars: Map<string, number>): Step[] {
  const name = `${i}.${layer.type}`;
  const output = `${i}.output`;
  const scalar = (key: string, v: number): string => {
    scalars.set(key, v);
    return key;
  };
  const one = (op: string, inputs: readonly string[], more: Partial<Step> = {}): Step[] => [
    { op, name, inputs: [x, ...inputs], output, ...more },
  ];
  /** One of several ops that make up a layer. */
  const part = (key: string, op: string, inputs: readonly string[]): Step => ({
    op,
    name: `${name}.${key}`,
    inputs,
    output: `${i}.${key}`,
  });
  const last = (op: string, inputs: readonly string[]): Step => ({ op, name, inputs, output });
  switch (layer.type) {
    case "linear":
      return one("Gemm", layer.bias ? [`${i}.weight`, `${i}.bias`] : [`${i}.weight`], { integers: { transB: 1 } });
    case "layerNorm":
      return one("LayerNormalization", [`${i}.weight`, `${i}.bias`], {
        integers: { axis: -1 },
        floats: { epsilon: layer.eps },
      });
    case "dropout":
      return [];
    case "softmax":
      return one("Softmax", [], { integers: { axis: -1 } });
    case "relu6":
      return one("Clip", [scalar("zero", 0), scalar("six", 6)]);
    case "leakyRelu":
      return one("LeakyRelu", [], { floats: { alpha: layer.slope } });
    case "elu":
      return one("Elu", [], { floats: { alpha: layer.alpha } });
    case "silu":
      return [part("sigmoid", "Sigmoid", [x]), last("Mul", [x, `${i}.sigmoid`])];
    case "gelu":
      return [
        part("scaled", "Mul", [x, scalar("sqrt_half", Math.SQRT1_2)]),
        part("erf", "Erf", [`${i}.scaled`]),
        part("shifted", "Add", [`${i}.erf`, scalar("one", 1)]),
        part("half", "Mul", [x, scalar("half", 0.5)]),
        last("Mul", [`${i}.half`, `${i}.shifted`]),
      ];
    case "custom":
      return refuseCode(layer);
    default:
      return one(PLAIN[layer.type], []);
  }
}

function node({ op, name, inputs, output, floats = {}, integers = {} }: Step): Message {
  const out = new Message();
  for (const input of inputs) out.text(NODE.input, input);
  out.text(NODE.output, output).text(NODE.name, name).text(NODE.opType, op);
  for (const [key, value] of Object.entries(integers)) {
    const attribute = new Message().text(ATTRIBUTE.name, key).integer(ATTRIBUTE.i, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.int));
  }
  for (const [key, value] of Object.entries(floats)) {
    const attribute = new Message().text(ATTRIBUTE.name, key).float(ATTRIBUTE.f, value);
    out.message(NODE.attribute, attribute.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE.float));
  }
  return out;
}

function tensor(name: string, shape: readonly number[], data: Float32Array): Message {
  const out = new Message();
  for (const d of shape) out.integer(TENSOR.dims, d);
  // The values' own bytes: every platform of the web and of Node is little-endian, as the format is.
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return out.integer(TENSOR.dataType, DATA_TYPE.float).text(TENSOR.name, name).bytes(TENSOR.rawData, raw);
}

/** f32 [batch, width], with a batch of any size. */
export function valueInfo(name: string, width: number): Message {
  const shape = new Message()
    .message(SHAPE.dim, new Message().text(DIMENSION.param, "batch"))
    .message(SHAPE.dim, new Message().integer(DIMENSION.value, width));
  const type = new Message().integer(TENSOR_TYPE.elemType, DATA_TYPE.float).message(TENSOR_TYPE.shape, shape);
  return new Message().text(VALUE_INFO.name, name).message(VALUE_INFO.type, new Message().message(TYPE.tensor, type));
}
