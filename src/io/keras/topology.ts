import { brief } from "../safetensors-header.ts";
import { isObject, type Json, listOf, objectOf, refuse, textOf } from "./json.ts";

/** A layer as the model's structure has it. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Json;
}

/** The layer as messages name it. */
export function nameOf({ name, className }: KerasLayer): string {
  return `layer ${brief(name)} (${className.slice(0, 100)})`;
}

/** The format's own layers and ours together: inputs, activations and all. */
const MOST_LAYERS = 3000;

/** The layers of a Sequential model, or of a Functional one that is a chain, from the input to the output. */
export function layersOf(model: Json): readonly KerasLayer[] {
  const className = textOf(model.class_name, "class_name");
  if (className === "Sequential") {
    // Before Keras 2.2.3 the configuration was the list itself.
    const list = Array.isArray(model.config) ? model.config : objectOf(model.config, "config").layers;
    const layers = listOf(list, "layers", MOST_LAYERS).map(readLayer);
    requireUnique(layers);
    return layers;
  }
  if (className === "Functional" || className === "Model") return chain(objectOf(model.config, "config"));
  return refuse(`a model of class ${brief(className)}; read are Sequential, and Functional models that are one chain`);
}

function readLayer(value: unknown, index: number): KerasLayer {
  const layer = objectOf(value, `layer ${index}`);
  const className = textOf(layer.class_name, `layer ${index}: class_name`);
  const config = objectOf(layer.config, `layer ${index} (${brief(className)}): config`);
  const name = layer.name ?? config.name ?? `layer ${index}`;
  return { className, name: textOf(name, `layer ${index}: name`), config };
}

function requireUnique(layers: readonly KerasLayer[]): void {
  const names = new Set<string>();
  for (const { name } of layers) {
    if (names.has(name)) refuse(`two layers have the name ${brief(name)}`);
    names.add(name);
  }
}

/** A Functional model's layers in the order in which values flow. */
function chain(config: Json): readonly KerasLayer[] {
  const list = listOf(config.layers, "layers", MOST_LAYERS);
  const layers = list.map(readLayer);
  requireUnique(layers);
  const sources = layers.map((layer, i) => sourceOf(layer, (list[i] as Json).inbound_nodes));
  const after = new Map<string, KerasLayer>();
  layers.forEach((layer, i) => {
    const source = sources[i]!;
    if (source === null) return;
    const other = after.get(source);
    if (other)
      refuse(`layers ${brief(other.name)} and ${brief(layer.name)} both use ${brief(source)}; only chains are read`);
    after.set(source, layer);
  });
  const starts = layers.filter((_, i) => sources[i] === null);
  if (starts.length !== 1) refuse(`the model must have one input layer, but has ${starts.length}`);
  const out: KerasLayer[] = [];
  for (
    let layer: KerasLayer | undefined = starts[0];
    layer && out.length <= layers.length;
    layer = after.get(layer.name)
  ) {
    out.push(layer);
  }
  const left = layers.find((layer) => !out.includes(layer));
  if (left) refuse(`${nameOf(left)} is not part of the chain from the input`);
  const output = onlyName(config.output_layers);
  if (output !== out.at(-1)!.name)
    refuse(`the model's output is ${brief(output)}, but the chain ends in ${brief(out.at(-1)!.name)}`);
  return out;
}

/** The layer whose values this one takes; null for an input. */
function sourceOf(layer: KerasLayer, inbound: unknown): string | null {
  const what = nameOf(layer);
  const calls = listOf(inbound ?? [], `${what}: inbound_nodes`, 1000);
  if (calls.length === 0) return null;
  if (calls.length > 1) refuse(`${what} is used ${calls.length} times; a layer can be used once`);
  const call = calls[0];
  // Keras 3: { args: [{ class_name: "__keras_tensor__", config: { keras_history: [layer, node, tensor] } }], kwargs }.
  const args = isObject(call) ? call.args : call;
  const inputs = listOf(args, `${what}: its inputs`, 1000);
  if (inputs.length !== 1) refuse(`${what} takes ${inputs.length} inputs; a layer here takes one`);
  const history = isObject(inputs[0]) ? objectOf(inputs[0].config, `${what}: its input`).keras_history : inputs[0];
  return textOf(listOf(history, `${what}: its input`, 4)[0], `${what}: its input`);
}

/** The one name in [["dense", 0, 0]] or ["dense", 0, 0]. */
function onlyName(value: unknown): string {
  const list = listOf(value, "output_layers", 1000);
  if (typeof list[0] === "string") return list[0];
  if (list.length !== 1) refuse(`the model must have one output, but has ${list.length}`);
  return textOf(listOf(list[0], "output_layers", 4)[0], "output_layers");
}
