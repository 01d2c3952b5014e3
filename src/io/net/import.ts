import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { parseObject } from "../keras/json.ts";
import { isTfjs, readKeras, readTfjs, tfjsFiles } from "../keras/read.ts";
import { openOnnx } from "../onnx/read.ts";
import type { ImportedNet, ImportOptions } from "./net-parts.ts";

/** A file of another library, and what lies beside it. */
export interface NetFile {
  /** Its name, whose ending says what it is. */
  readonly name: string;
  /** Its contents. */
  readonly bytes: Uint8Array;
  /** Gives a file that this one names: the weights of TensorFlow.js's model.json, or of a large ONNX file. */
  readonly read?: (file: string) => Promise<Uint8Array>;
  /** The arrays of Keras's get_weights(), where the file is the structure alone. */
  readonly arrays?: ReadonlyMap<string, NdArray>;
  /** Or the HDF5 file of its save_weights(). */
  readonly weights?: Uint8Array;
}

const ZIP = [0x50, 0x4b, 0x03, 0x04] as const;
const HDF5 = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a] as const;

/** Whether these are the bytes of an HDF5 file, as Keras keeps weights and whole models. */
export const isHdf5 = (bytes: Uint8Array): boolean => HDF5.every((byte, i) => bytes[i] === byte);

/**
 * A net out of an ONNX file, TensorFlow.js's model.json with its files, or Keras: a .keras or .h5 file, or model.to_json()
 * with its weights; or a language model's config.json as Hugging Face's transformers has it, with its model.safetensors. Told by the content. Throws ChainruleError "file" naming the node or layer that is not known, or what
 * kind of weights alone a file holds.
 */
export async function importNet(file: NetFile, options: ImportOptions = {}): Promise<ImportedNet> {
  const { name, bytes, arrays, weights } = file;
  const begins = (magic: readonly number[]): boolean => magic.every((byte, i) => bytes[i] === byte);
  // A zip archive, a pickle, and the bracket behind the length with which safetensors begins.
  if (begins(ZIP) || bytes[0] === 0x80 || bytes[8] === 0x7b) {
    (await import("./weights-only.ts")).refuseWeightsAlone(name, bytes);
  }
  const json = isJson(bytes) ? parseObject(bytes, name) : null;
  if (json && typeof json.model_type === "string" && !("class_name" in json)) {
    const { readHuggingFace, tensorsBeside } = await import("../huggingface/read.ts");
    return readHuggingFace(json, arrays ?? (await tensorsBeside(reader(file))), options);
  }
  if (options.steps !== undefined) {
    throw new ChainruleError("usage", `${name}: only a language model takes as many steps as one likes`);
  }
  if (begins(ZIP) || isHdf5(bytes)) return (await import("../keras/files.ts")).readKerasFile(name, bytes, options);
  if (!json) {
    // The format's version, the first field, which every writer puts first.
    const foreign = async () => (await import("./foreign.ts")).foreignNet(name, bytes);
    if (bytes[0] !== 0x08) {
      const unknown = `${name} is neither an ONNX file nor the JSON of TensorFlow.js or Keras`;
      throw (await foreign()) ?? new ChainruleError("file", unknown);
    }
    const onnx = await opened(bytes, foreign);
    return onnx.net(await filesBeside(file, onnx.files), options);
  }
  if (isTfjs(json)) {
    return readTfjs(json, await filesBeside(file, tfjsFiles(json)), options);
  }
  if (arrays) return readKeras(json, arrays, options);
  if (weights) return (await import("../keras/files.ts")).readKerasWeights(json, weights, options);
  if (!("class_name" in json)) {
    throw new ChainruleError(
      "file",
      `${name} is neither a model.json of TensorFlow.js, nor a model.to_json() of Keras, nor a config.json of Hugging Face`,
    );
  }
  throw new ChainruleError(
    "file",
    `${name} is the structure of a Keras model; its weights are needed too: those of model.save_weights("w.weights.h5"), or numpy.savez("w.npz", *model.get_weights()); model.save("m.keras") holds both`,
  );
}

/** An ONNX file; where it is none, what else it is by its name, as graphs of TensorFlow's begin alike. */
async function opened(bytes: Uint8Array, foreign: () => Promise<ChainruleError | null>) {
  try {
    return openOnnx(bytes);
  } catch (error) {
    throw (await foreign()) ?? error;
  }
}

/** Gives the files beside one. */
function reader({ name, read }: NetFile): (path: string) => Promise<Uint8Array> {
  return async (path) => {
    if (!read) throw new ChainruleError("file", `${name}: the file ${path}, which it names, is needed beside it`);
    return read(path);
  };
}

async function filesBeside(file: NetFile, paths: readonly string[]): Promise<Map<string, Uint8Array>> {
  const read = reader(file);
  const files = new Map<string, Uint8Array>();
  for (const path of paths) files.set(path, await read(path));
  return files;
}

/** JSON begins with a bracket or a quote, perhaps behind spaces or a byte order mark; an ONNX file with a field's number. */
function isJson(bytes: Uint8Array): boolean {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at++;
  // A newline is also how a field of an ONNX file may begin: only the bracket decides.
  return bytes[at] === 0x7b || bytes[at] === 0x5b || bytes[at] === 0x22;
}
