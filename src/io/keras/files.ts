import { brief } from "../../core/format.ts";
import { cast, type NdArray, sizeOf } from "../../core/ndarray.ts";
import { type Hdf5Array, type Hdf5Group, readHdf5 } from "../hdf5/file.ts";
import type { ImportedNet, ImportOptions } from "../net/net-parts.ts";
import { readZip } from "../zip/zip.ts";
import { type Json, parseObject, refuse } from "./json.ts";
import { build } from "./read.ts";
import { graphOf } from "./topology.ts";
import { byName, byNumber, type StoredArray, type WeightSource } from "./weights.ts";

const STRUCTURE = "config.json";
const METADATA = "metadata.json";
const WEIGHTS = "model.weights.h5";

/** A net out of a whole model of Keras: a .keras file, which is a zip archive, or the HDF5 file of before. */
export async function readKerasFile(name: string, bytes: Uint8Array, options: ImportOptions): Promise<ImportedNet> {
  return bytes[0] === 0x50 ? fromArchive(name, bytes, options) : fromHdf5(name, bytes, options);
}

async function fromArchive(name: string, bytes: Uint8Array, options: ImportOptions): Promise<ImportedNet> {
  const files = await readZip(bytes);
  const structure =
    files.get(STRUCTURE) ??
    refuse(`${name} is a zip archive without the ${STRUCTURE} of a .keras file; it has ${listed([...files.keys()])}`);
  const weights = files.get(WEIGHTS) ?? refuse(`${name} has no ${WEIGHTS}, but ${listed([...files.keys()])}`);
  const about = files.get(METADATA);
  const said = about && parseObject(about, METADATA).keras_version;
  return readKerasWeights(parseObject(structure, STRUCTURE), weights, options, said);
}

async function fromHdf5(name: string, bytes: Uint8Array, options: ImportOptions): Promise<ImportedNet> {
  const root = readHdf5(bytes);
  const structure =
    root.text("model_config")?.[0] ??
    refuse(`${name} holds weights alone: import the file of model.to_json(), and this one as its --weights`);
  const json = (text: string, what: string): Json => parseObject(new TextEncoder().encode(text), `${name}: ${what}`);
  const training = root.text("training_config")?.[0];
  const model = json(structure, "model_config");
  return build(
    model,
    await weightsOf(root, model),
    training === undefined ? null : json(training, "training_config"),
    options,
    root.text("keras_version")?.[0],
  );
}

/** A net out of a model's structure and the HDF5 file of its weights, of Keras 3 or before. */
export async function readKerasWeights(
  model: Json,
  bytes: Uint8Array,
  options: ImportOptions,
  said?: unknown,
): Promise<ImportedNet> {
  const weights = await weightsOf(readHdf5(bytes), model);
  return build(model, weights, model.compile_config ?? model.training_config, options, said);
}

/** Keras 3 numbers the arrays of each layer; before it, every layer has a group in which they have names. */
async function weightsOf(root: Hdf5Group, model: Json): Promise<WeightSource> {
  const old = root.groups.get("model_weights") ?? (hasNames(root) ? root : null);
  if (old) return byName(await loaded(namesIn(old)));
  // A folder of Keras 2.12 to 2.15.
  const arrays = namesIn(root, (name) => name.replaceAll("_layer_checkpoint_dependencies/", "layers/"));
  const groups = new Set(graphOf(model).layers.map(({ stored }) => stored.join("/")));
  // A layer's arrays lie in its group, or in those of its parts: layers/lstm/cell/vars/0.
  const isLayers = (name: string): boolean => {
    const path = name.split("/");
    return path.some((_, k) => groups.has(path.slice(0, k).join("/")));
  };
  return byNumber(await loaded(arrays, isLayers));
}

const hasNames = (group: Hdf5Group): boolean =>
  group.text("layer_names") !== null || group.text("layer_names0") !== null;

/** All arrays in a group, named with the groups that they lie in. */
function namesIn(group: Hdf5Group, rename = (name: string): string => name): readonly (readonly [string, Hdf5Array])[] {
  const out: [string, Hdf5Array][] = [];
  const visit = ({ groups, arrays }: Hdf5Group, before: string): void => {
    for (const [name, array] of arrays) out.push([rename(before + name), array]);
    for (const [name, inner] of groups) visit(inner, `${before}${name}/`);
  };
  visit(group, "");
  return out;
}

/** The arrays that `wanted` names, and what the others are called. */
async function loaded(
  arrays: readonly (readonly [string, Hdf5Array])[],
  wanted: (name: string) => boolean = () => true,
): Promise<readonly StoredArray[]> {
  const out: StoredArray[] = [];
  for (const [name, array] of arrays) {
    const floats = array.element !== null && /^B?F/.test(array.element);
    const value = floats && wanted(name) ? await array.read() : null;
    out.push({ name, size: value ? sizeOf(value.shape) : 0, read: () => floatsOf(name, array, value) });
  }
  return out;
}

function floatsOf(name: string, { element }: Hdf5Array, value: NdArray | null): NdArray {
  if (value) return cast(value, "f32");
  const way = element?.endsWith("I8") ? ": save the model before it is quantised" : "";
  return refuse(`the weight ${brief(name)} holds ${element ?? "no numbers"}, not floats${way}`);
}

function listed(names: readonly string[]): string {
  return names.length === 0
    ? "nothing"
    : `${names.slice(0, 4).map(brief).join(", ")}${names.length > 4 ? " and more" : ""}`;
}
