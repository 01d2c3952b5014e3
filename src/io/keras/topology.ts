import { brief } from "../../core/format.ts";
import { isObject, type Json, listOf, objectOf, refuse, textOf } from "./json.ts";

/** A layer as the model's structure has it. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Json;
  /** The names of the models that it lies in, the outermost first, and its own. */
  readonly path: readonly string[];
  /** The same as Keras 3's files of weights call them, by class and place: layers/dense_1. */
  readonly stored: readonly string[];
}

/** The layer as messages name it. */
export function nameOf({ path, className }: KerasLayer): string {
  return `layer ${brief(path.join("/"))} (${className.slice(0, 100)})`;
}

/** The format's own layers and ours together: inputs, activations and all. */
const MOST_LAYERS = 3000;
const MOST_MODELS_DEEP = 8;
const MODELS: ReadonlySet<string> = new Set(["Sequential", "Functional", "Model"]);

/** Where a model lies: empty for the file's own. */
interface Place {
  readonly path: readonly string[];
  readonly stored: readonly string[];
}

/**
 * The layers of a Sequential model, or of a Functional one that is a chain, from the input to the output. Models within
 * are taken apart, so that only layers are left.
 */
export function layersOf(model: Json): readonly KerasLayer[] {
  const layers = withinModel(model, { path: [], stored: [] });
  if (layers.length > MOST_LAYERS) refuse(`${layers.length} layers, more than ${MOST_LAYERS}`);
  return layers;
}

function withinModel(model: Json, place: Place): readonly KerasLayer[] {
  const className = textOf(model.class_name, "class_name");
  if (place.path.length > MOST_MODELS_DEEP) refuse(`models lie more than ${MOST_MODELS_DEEP} deep in one another`);
  const layers =
    className === "Sequential"
      ? sequence(model, place)
      : className === "Functional" || className === "Model"
        ? chain(objectOf(model.config, "config"), place)
        : refuse(`a model of class ${brief(className)}; read are Sequential, and Functional models that are one chain`);
  return layers.flatMap((layer) =>
    MODELS.has(layer.className) ? withinModel({ class_name: layer.className, config: layer.config }, layer) : [layer],
  );
}

function sequence(model: Json, place: Place): readonly KerasLayer[] {
  // Before Keras 2.2.3 the configuration was the list itself.
  const list = Array.isArray(model.config) ? model.config : objectOf(model.config, "config").layers;
  return readLayers(listOf(list, "layers", MOST_LAYERS), place);
}

/** Layers in the order of the list, by which their weights are numbered. */
function readLayers(list: readonly unknown[], { path, stored }: Place): readonly KerasLayer[] {
  const names = new Set<string>();
  const ofClass = new Map<string, number>();
  return list.map((value, index) => {
    const layer = objectOf(value, `layer ${index}`);
    const className = textOf(layer.class_name, `layer ${index}: class_name`);
    const config = Array.isArray(layer.config)
      ? { layers: layer.config }
      : objectOf(layer.config, `layer ${index} (${brief(className)}): config`);
    const name = textOf(layer.name ?? config.name ?? `layer ${index}`, `layer ${index}: name`);
    if (names.has(name)) refuse(`two layers have the name ${brief(name)}`);
    names.add(name);
    const group = snakeCase(className);
    const before = ofClass.get(group) ?? 0;
    ofClass.set(group, before + 1);
    const place = [...stored, "layers", before === 0 ? group : `${group}_${before}`];
    const read = { className, name, config, path: [...path, name], stored: place };
    const registered = layer.registered_name;
    if (typeof registered === "string" && registered.includes(">")) {
      refuse(`${nameOf(read)} is a class of the model's own, ${brief(registered)}`);
    }
    return read;
  });
}

/** As Keras makes names of classes: LayerNormalization is layer_normalization, ReLU re_lu. */
function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** A Functional model's layers in the order in which values flow. */
function chain(config: Json, place: Place): readonly KerasLayer[] {
  const list = listOf(config.layers, "layers", MOST_LAYERS);
  const layers = readLayers(list, place);
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
  const inChain = new Set(out);
  const left = layers.find((layer) => !inChain.has(layer));
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
  const entries = listOf(history, `${what}: its input`, 4);
  const called = isObject(call) ? call.kwargs : entries[3];
  if (isObject(called) && called.training === true) {
    refuse(`${what} is called with training=True, so that it also acts in prediction; no layer here does`);
  }
  return textOf(entries[0], `${what}: its input`);
}

/** The one name in [["dense", 0, 0]] or ["dense", 0, 0]. */
function onlyName(value: unknown): string {
  const list = listOf(value, "output_layers", 1000);
  if (typeof list[0] === "string") return list[0];
  if (list.length !== 1) refuse(`the model must have one output, but has ${list.length}`);
  return textOf(listOf(list[0], "output_layers", 4)[0], "output_layers");
}
