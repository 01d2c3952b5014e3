import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { readNpz, writeNpz } from "../numpy/npz.ts";
import { readSafetensors, writeSafetensors } from "../safetensors/safetensors.ts";

const isNpz = (name: string): boolean => /\.npz$/i.test(name);
/** How zip archives begin, those of numpy and of torch.save alike. */
const ZIP = [0x50, 0x4b, 0x03, 0x04] as const;

/** Arrays by name, and what was decided while they were read, a sentence each. */
export interface NamedTensors {
  readonly tensors: Map<string, NdArray>;
  readonly notes: readonly string[];
}

/**
 * Named arrays out of a file: numpy's .npz by its name; by its content what torch.save writes under any name (.pt, .pth,
 * .ckpt, .bin), where `key` says which of several state dicts; else safetensors. Throws ChainruleError "file".
 */
export async function readNamedTensors(name: string, bytes: Uint8Array, key?: string): Promise<NamedTensors> {
  const none = (): void => {
    if (key === undefined) return;
    throw new ChainruleError("usage", `${name}: only a file of PyTorch has several state dicts, "${key}" among them`);
  };
  if (isNpz(name)) {
    none();
    return { tensors: await readNpz(bytes), notes: [] };
  }
  if (bytes[0] === 0x80 || ZIP.every((byte, i) => bytes[i] === byte)) {
    const { isPickle, readStateDict } = await import("../pytorch/state-dict/read.ts");
    if (bytes[0] !== 0x80 || isPickle(bytes)) return readStateDict(bytes, key === undefined ? {} : { key });
  }
  none();
  return { tensors: readSafetensors(bytes).tensors, notes: [] };
}

/** The arrays alone. */
export async function readTensors(name: string, bytes: Uint8Array): Promise<Map<string, NdArray>> {
  return (await readNamedTensors(name, bytes)).tensors;
}

/** Named arrays as a file of the kind that its name tells. */
export function writeTensors(name: string, tensors: Iterable<readonly [string, NdArray]>): Uint8Array {
  return isNpz(name) ? writeNpz(tensors) : writeSafetensors(tensors);
}
