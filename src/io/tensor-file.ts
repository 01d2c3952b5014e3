import type { NdArray } from "../core/ndarray.ts";
import { readNpz, writeNpz } from "./npz.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

const isNpz = (name: string): boolean => /\.npz$/i.test(name);

/** Named arrays out of a file: numpy's .npz by its name, else safetensors. Throws ChainruleError "file". */
export async function readTensors(name: string, bytes: Uint8Array): Promise<Map<string, NdArray>> {
  return isNpz(name) ? readNpz(bytes) : readSafetensors(bytes).tensors;
}

/** Named arrays as a file of the kind that its name tells. */
export function writeTensors(name: string, tensors: Iterable<readonly [string, NdArray]>): Uint8Array {
  return isNpz(name) ? writeNpz(tensors) : writeSafetensors(tensors);
}
