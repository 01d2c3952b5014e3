import { brief } from "../../core/format.ts";
import { callsOf, type Source, sourcesOf } from "./calls.ts";
import { type Json, listOf, objectOf, refuse, textOf } from "./json.ts";
import { type KerasLayer, MODELS, nameOf } from "./layer.ts";

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

/** The format's own layers and ours together: inputs, activations and all. */
const MOST_LAYERS = 3000;
const MOST_MODELS_DEEP = 8;

/** Where a model lies: empty for the file's own. */
interface Place {
  readonly path: readonly string[];
  readonly stored: readonly string[];
}

/** The layers of a Sequential model, or of a Functional one of any wiring. Models within are taken apart. */
export function graphOf(model: Json): KerasGraph {
  const layers: WiredLayer[] = [];
  const inputs: KerasLayer[] = [];
  const output = withinModel(model, { path: [], stored: [] }, [-1], {
    ...{ layers, inputs, called: new Set<string>(), models: 0 },
  });
  return { layers, output, input: inputs[0] ?? null };
}

/** What the walk through models gathers. */
interface Gathered {
  readonly layers: WiredLayer[];
  /** Of the outermost model. */
  readonly inputs: KerasLayer[];
  /** Paths of the layers that were called. */
  readonly called: Set<string>;
  /** Models that were gone through, as often as they were. */
  models: number;
}

/** Adds a model's layers, which take these values; gives the place of the layer that gives its output. */
function withinModel(model: Json, place: Place, given: readonly number[], to: Gathered): number {
  const className = textOf(model.class_name, "class_name");
  if (place.path.length > MOST_MODELS_DEEP) refuse(`models lie more than ${MOST_MODELS_DEEP} deep in one another`);
  to.models += 1;
  if (to.models > MOST_LAYERS) refuse(`models within models are used more than ${MOST_LAYERS} times`);
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
  const key = layer.path.join("/");
  to.layers.push({ ...layer, sources, ...(to.called.has(key) ? { again: true } : {}) });
  to.called.add(key);
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
  const calls = layers.map((layer, i) => callsOf(layer, (list[i] as Json).inbound_nodes));
  const alone = layers.filter((_, i) => calls[i]![0]!.from.length === 0).map(({ name }) => name);
  const said = config.input_layers;
  const starts = said === undefined ? alone : sourcesOf(said, "input_layers").map(({ name }) => name);
  if (place.path.length === 0 && starts.length !== 1) {
    refuse(`the model must have one input layer, but has ${starts.length}`);
  }
  if (starts.length !== given.length) refuse(`a model of ${starts.length} inputs is given ${given.length}`);
  const outputs = sourcesOf(config.output_layers, "output_layers");
  if (outputs.length !== 1) refuse(`the model must have one output, but has ${outputs.length}`);
  /** What each call of a layer gives; where there is one call, its number may be any. */
  const values = new Map<string, (number | undefined)[]>();
  const givenBy = ({ name, call }: Source): number | undefined => {
    const all = values.get(name);
    return all?.length === 1 ? all[0] : all?.[call];
  };
  layers.forEach(({ name }, i) => {
    values.set(name, Array<undefined>(calls[i]!.length).fill(undefined));
  });
  let pending = layers.flatMap((layer, i) =>
    calls[i]!.map(({ from, settings }, call) => ({ layer: { ...layer, call: settings }, from, call })),
  );
  while (pending.length > 0) {
    const left = pending.filter(({ layer, from, call }) => {
      const at = starts.indexOf(layer.name);
      const sources = from.length === 0 && at >= 0 ? [given[at]!] : from.map(givenBy);
      if (sources.length === 0 || sources.includes(undefined)) return true;
      values.get(layer.name)![call] = addTo(to, layer, sources as number[], place);
      return false;
    });
    if (left.length === pending.length) {
      const { layer, from } = left[0]!;
      const missing = from.find((source) => givenBy(source) === undefined)?.name;
      refuse(
        `${nameOf(layer)} takes ${missing ? `what ${brief(missing)} gives, which does not come from the input` : "no input"}`,
      );
    }
    pending = left;
  }
  const [output] = outputs as readonly [Source];
  return givenBy(output) ?? refuse(`the model's output is ${brief(output.name)}, and no layer is called so`);
}
