import { ChainruleError } from "../../core/errors.ts";
import { type LayerSpec, type ModelSpec, parseModel } from "../../nn/model.ts";
import { findJsonFault } from "../json-keys.ts";
import { type ImportedNet, type ImportOptions, NetParts } from "../net-parts.ts";
import { brief } from "../safetensors-header.ts";
import { type Constant, constantsOf } from "./constants.ts";
import { findActivation } from "./expression.ts";
import { isFloat, type OnnxFile, type OnnxNode, type OnnxValue, readModel } from "./graph.ts";
import { findLayerNorm } from "./layer-norm.ts";
import { addLayerNorm, nameOf, type Place, readers } from "./layers.ts";
import { refuse } from "./protobuf.ts";
import { MODEL_KEY } from "./schema.ts";

/** Parameters become f32: half floats grow to twice their size, and nothing else grows. */
const GROWTH = 2;
/** Bytes of the model file in our own metadata, and how deep it is nested: the model, its layers, a layer. */
const MOST_MODEL_BYTES = 2 ** 20;
const MODEL_DEPTH = 3;

/**
 * A net out of an ONNX file: one chain of dense layers, from one input to one output. Gemm, MatMul with Add,
 * LayerNormalization, the activations, Softmax, Dropout, Identity, and Flatten or Reshape to rows; activations that
 * exporters write as several ops, too. What writeOnnx wrote comes back as the same model, dropout and loss included.
 * Throws ChainruleError "file" naming the node that is not known; nothing is allocated before it is checked.
 */
export function readOnnx(bytes: Uint8Array, options: ImportOptions = {}): ImportedNet {
  const file = readModel(bytes);
  const parts = new NetParts("onnx", bytes.length * GROWTH);
  walk(file, parts);
  const own = ownModel(file);
  if (!own) return parts.finish(options, null);
  const declared = { ...own, fromLogits: true };
  if (!sameLayers(own.layers, parts.layers)) {
    parts.note("the graph is no longer the model that the file's metadata tells of; the graph is taken");
    return parts.finish(options, declared);
  }
  if (options.loss === undefined || options.loss === own.loss) return parts.named(own);
  return parts.finish(options, declared, own.layers);
}

function walk(file: OnnxFile, parts: NetParts): void {
  const { values: constants, made: done } = constantsOf(file);
  const input = onlyOne(
    file.inputs.filter(({ name }) => !constants.has(name)),
    "input",
  );
  const output = onlyOne(file.outputs, "output");
  if (!isFloat(input.elementType)) refuse(`the input ${brief(input.name)} must hold floats`);
  const consumers = consumersOf(file, constants);
  let value = input.name;
  let dims: Place["dims"] = input.dims;
  while (value !== output.name) {
    const nodes = consumers.get(value) ?? [];
    const node = nodes[0] ?? refuse(`nothing uses ${brief(value)}, and it is not the output ${brief(output.name)}`);
    const reader = Object.hasOwn(readers, node.op) ? readers[node.op] : undefined;
    if (nodes.length === 1 && reader) {
      done.add(node);
      let next = first(node);
      const place: Place = {
        parts,
        constants,
        opset: file.opset,
        value,
        dims,
        bias: () => {
          const add = biasBehind(next, output.name, consumers, constants);
          if (!add) return null;
          done.add(add.node);
          next = first(add.node);
          return { constant: add.constant, where: nameOf(add.node) };
        },
      };
      dims = reader(node, place, nameOf(node));
      value = next;
      continue;
    }
    const norm = findLayerNorm(value, consumers, constants);
    const found = norm ?? findActivation(value, consumers, constants) ?? refuseNodes(nodes);
    const where = nameOf(found.nodes.at(-1)!);
    if (norm) addLayerNorm(norm, parts, dims, where);
    else if ("type" in found) parts.add({ type: found.type }, where);
    for (const part of found.nodes) done.add(part);
    value = found.output;
  }
  const left = file.nodes.find((node) => !done.has(node));
  if (left) refuse(`${nameOf(left)} is not part of the chain from the input to the output`);
}

function refuseNodes(nodes: readonly OnnxNode[]): never {
  const names = nodes.slice(0, 3).map(nameOf).join(", ");
  if (nodes.length === 1) refuse(`${names} is not known here, nor does it begin an activation that is`);
  return refuse(`${names} use the same value, and together they are no activation known here; only chains are read`);
}

function onlyOne(values: readonly OnnxValue[], what: string): OnnxValue {
  if (values.length === 1) return values[0]!;
  const names = values.slice(0, 4).map(({ name }) => brief(name));
  return refuse(
    `the graph must have one ${what}, but has ${values.length}${names.length > 0 ? `: ${names.join(", ")}` : ""}`,
  );
}

const first = (node: OnnxNode): string => node.outputs[0] || refuse(`${nameOf(node)} has no output`);

/** Who uses each value; a node that uses one twice stands there twice. */
function consumersOf(
  file: OnnxFile,
  constants: ReadonlyMap<string, Constant>,
): ReadonlyMap<string, readonly OnnxNode[]> {
  const out = new Map<string, OnnxNode[]>();
  const makers = new Set([...file.inputs.map(({ name }) => name), ...file.initializers.keys()]);
  for (const node of file.nodes) {
    for (const name of node.outputs) {
      // Without this a graph could run in circles.
      if (name !== "" && makers.has(name))
        refuse(`${nameOf(node)} gives the value ${brief(name)}, which there is already`);
      makers.add(name);
    }
    for (const name of node.inputs) {
      if (constants.has(name)) continue;
      const users = out.get(name);
      if (users) users.push(node);
      else out.set(name, [node]);
    }
  }
  return out;
}

/** The Add of a constant that is all that becomes of `value`. */
function biasBehind(
  value: string,
  output: string,
  consumers: ReadonlyMap<string, readonly OnnxNode[]>,
  constants: ReadonlyMap<string, Constant>,
): { readonly node: OnnxNode; readonly constant: Constant } | null {
  const [node, ...others] = consumers.get(value) ?? [];
  if (!node || others.length > 0 || node.op !== "Add" || node.inputs.length !== 2 || value === output) return null;
  const constant = constants.get(node.inputs[0] === value ? node.inputs[1]! : node.inputs[0]!);
  return constant ? { node, constant } : null;
}

/** The model that writeOnnx put into the metadata; null where there is none that makes sense. */
function ownModel(file: OnnxFile): ModelSpec | null {
  const text = file.metadata.get(MODEL_KEY);
  if (text === undefined || text.length > MOST_MODEL_BYTES || findJsonFault(text, MODEL_DEPTH)) return null;
  try {
    return parseModel(JSON.parse(text));
  } catch (error) {
    if (error instanceof ChainruleError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether a graph of these layers computes what the model does, to f32, in which its attributes are stored. */
function sameLayers(model: readonly LayerSpec[], read: readonly LayerSpec[]): boolean {
  const stored = (layers: readonly LayerSpec[]): string =>
    JSON.stringify(
      layers.filter((l) => l.type !== "dropout"),
      (_, value: unknown) => (typeof value === "number" ? Math.fround(value) : value),
    );
  return stored(model) === stored(read);
}
