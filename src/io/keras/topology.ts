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
  /** What it is called with beside the values that it takes: {"use_causal_mask": true}. */
  readonly call?: Json;
}

/** A layer, and the layers whose values it takes, by their places in the list; -1 is the model's input. */
export interface WiredLayer extends KerasLayer {
  readonly sources: readonly number[];
}

/** All layers of a model, each behind those whose values it takes, and the one that gives the output. */
export interface KerasGraph {
  readonly layers: readonly WiredLayer[];
  readonly output: number;
  /** The layer of the input, where the model has one. */
  readonly input: KerasLayer | null;
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

/** The layers of a Sequential model, or of a Functional one of any wiring. Models within are taken apart. */
export function graphOf(model: Json): KerasGraph {
  const layers: WiredLayer[] = [];
  const inputs: KerasLayer[] = [];
  const output = withinModel(model, { path: [], stored: [] }, [-1], { layers, inputs });
  return { layers, output, input: inputs[0] ?? null };
}

/** What the walk through models gathers. */
interface Gathered {
  readonly layers: WiredLayer[];
  /** Of the outermost model. */
  readonly inputs: KerasLayer[];
}

/** Adds a model's layers, which take these values; gives the place of the layer that gives its output. */
function withinModel(model: Json, place: Place, given: readonly number[], to: Gathered): number {
  const className = textOf(model.class_name, "class_name");
  if (place.path.length > MOST_MODELS_DEEP) refuse(`models lie more than ${MOST_MODELS_DEEP} deep in one another`);
  if (className === "Sequential") {
    let value = given.length === 1 ? given[0]! : refuse(`a Sequential model takes one input, not ${given.length}`);
    for (const layer of sequence(model, place)) value = addTo(to, layer, [value], place);
    return value;
  }
  if (className !== "Functional" && className !== "Model") {
    refuse(`a model of class ${brief(className)}; read are Sequential and Functional models`);
  }
  return functional(objectOf(model.config, "config"), place, given, to);
}

function addTo(to: Gathered, layer: KerasLayer, sources: readonly number[], { path }: Place): number {
  if (MODELS.has(layer.className)) {
    return withinModel({ class_name: layer.className, config: layer.config }, layer, sources, to);
  }
  if (layer.className === "InputLayer") {
    if (path.length === 0) to.inputs.push(layer);
    return sources[0]!;
  }
  if (to.layers.length >= MOST_LAYERS) refuse(`more than ${MOST_LAYERS} layers`);
  to.layers.push({ ...layer, sources });
  return to.layers.length - 1;
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

/** Why an embedding that says which steps count is not read. */
export const MASKED =
  "mask_zero leaves steps of token 0 out in layers behind it, which here lengths of rows say: train without";

/** A Functional model's layers, each as soon as there is all that it takes. */
function functional(config: Json, place: Place, given: readonly number[], to: Gathered): number {
  const list = listOf(config.layers, "layers", MOST_LAYERS);
  const layers = readLayers(list, place);
  // Keras 3 makes layers of its own of a mask, which nobody called.
  const masked = layers.find(({ className, config: own }) => className === "Embedding" && own.mask_zero === true);
  if (masked) refuse(`${nameOf(masked)}: ${MASKED}`);
  const calls = layers.map((layer, i) => callOf(layer, (list[i] as Json).inbound_nodes));
  const from = calls.map((call) => call.from);
  const alone = layers.filter((_, i) => from[i]!.length === 0).map(({ name }) => name);
  const starts = config.input_layers === undefined ? alone : namesOf(config.input_layers, "input_layers");
  if (place.path.length === 0 && starts.length !== 1) {
    refuse(`the model must have one input layer, but has ${starts.length}`);
  }
  if (starts.length !== given.length) refuse(`a model of ${starts.length} inputs is given ${given.length}`);
  const outputs = namesOf(config.output_layers, "output_layers");
  if (outputs.length !== 1) refuse(`the model must have one output, but has ${outputs.length}`);
  const values = new Map<string, number>();
  let pending = layers.map((layer, i) => ({ layer: { ...layer, call: calls[i]!.settings }, from: from[i]! }));
  while (pending.length > 0) {
    const left = pending.filter(({ layer, from }) => {
      const at = starts.indexOf(layer.name);
      const sources = from.length === 0 && at >= 0 ? [given[at]!] : from.map((name) => values.get(name));
      if (sources.length === 0 || sources.includes(undefined)) return true;
      values.set(layer.name, addTo(to, layer, sources as number[], place));
      return false;
    });
    if (left.length === pending.length) {
      const { layer, from } = left[0]!;
      const missing = from.find((name) => !values.has(name));
      refuse(
        `${nameOf(layer)} takes ${missing ? `what ${brief(missing)} gives, which does not come from the input` : "no input"}`,
      );
    }
    pending = left;
  }
  const [output] = outputs as readonly [string];
  return values.get(output) ?? refuse(`the model's output is ${brief(output)}, and no layer is called so`);
}

/** Arguments of attention's call that are values, in the order in which it takes them. */
const VALUES = ["query", "value", "key"] as const;
/** Under what name a layer's call holds the number that is one of its two inputs, as x * 2 has in Keras 3. */
export const CONSTANT = "a number";
/** That number, and whether it comes first. */
export interface Constant {
  readonly value: number;
  readonly first: boolean;
}

const isValue = (given: unknown): boolean =>
  (isObject(given) && given.class_name === "__keras_tensor__") ||
  (Array.isArray(given) && typeof given[0] === "string");

/** The layers whose values this one takes, by name, and what it is called with besides. */
function callOf(layer: KerasLayer, inbound: unknown): { readonly from: readonly string[]; readonly settings: Json } {
  const what = nameOf(layer);
  const calls = listOf(inbound ?? [], `${what}: inbound_nodes`, 1000);
  if (calls.length === 0) return { from: [], settings: {} };
  if (calls.length > 1) refuse(`${what} is used ${calls.length} times; a layer can be used once`);
  const call = calls[0];
  // Keras 3: { args: [{ class_name: "__keras_tensor__", config: { keras_history: [layer, node, tensor] } }], kwargs },
  // where several inputs are a list within the list.
  const args = listOf(isObject(call) ? call.args : call, `${what}: its inputs`, 1000);
  const given =
    isObject(call) && args.length === 1 && Array.isArray(args[0]) ? listOf(args[0], `${what}: its inputs`, 1000) : args;
  const more = given.map((one) => (isObject(call) ? call.kwargs : (one as readonly unknown[] | undefined)?.[3]));
  const { query, value, key, ...settings } = Object.assign(
    {},
    ...[isObject(call) ? call.kwargs : {}, ...more].filter(isObject),
  ) as Json;
  const named = { query, value, key };
  const inputs = [...given, ...VALUES.flatMap((name) => (named[name] == null ? [] : [named[name]]))];
  const number = isObject(call) && inputs.length === 2 ? inputs.findIndex((input) => typeof input === "number") : -1;
  if (number >= 0) {
    const constant: Constant = { value: inputs[number] as number, first: number === 0 };
    Object.assign(settings, { [CONSTANT]: constant });
    inputs.splice(number, 1);
  }
  if (inputs.length === 0) refuse(`${what} takes no inputs`);
  // Keras 3 writes it with layers that change images, of which no prediction takes notice.
  if (settings.training === true && !/^Random/.test(layer.className)) {
    refuse(`${what} is called with training=True, so that it also acts in prediction; no layer here does`);
  }
  const strange = Object.keys(settings).find((name) => isValue(settings[name]));
  if (strange)
    refuse(`${what} is called with ${brief(strange)}, a value of its own; here a layer takes its inputs alone`);
  const from = inputs.map((input) => {
    const config = isObject(input) ? objectOf(input.config, `${what}: its input`) : {};
    if (isObject(input) && !("keras_history" in config)) {
      refuse(
        `${what} takes ${brief(input.class_name)}, which no layer gives: here a layer takes values of the net alone`,
      );
    }
    const history = isObject(input) ? config.keras_history : input;
    return textOf(listOf(history, `${what}: its input`, 4)[0], `${what}: its input`);
  });
  return { from, settings };
}

/** The names in [["dense", 0, 0], ...] or ["dense", 0, 0]. */
function namesOf(value: unknown, what: string): readonly string[] {
  const list = listOf(value, what, 1000);
  if (typeof list[0] === "string") return [list[0]];
  return list.map((entry) => textOf(listOf(entry, what, 4)[0], what));
}
