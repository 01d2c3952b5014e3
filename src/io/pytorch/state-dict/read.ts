import { requireBytes } from "../../../core/arguments.ts";
import { type NdArray, sizeOf, zeros } from "../../../core/ndarray.ts";
import { ELEMENTS } from "../../elements.ts";
import { readArchive, type Saved } from "./file.ts";
import { findStateDict } from "./find.ts";
import { readLegacy } from "./legacy.ts";
import { brief, refuse } from "./refuse.ts";
import type { Tensor } from "./tensor.ts";
import { valuesOf } from "./tensor.ts";

/** Arrays by name, and what was decided on the way, a sentence each, for people. */
export interface StateDict {
  /** By the file's names, in its order; linear weights [out, in]. */
  readonly tensors: Map<string, NdArray>;
  /** Which state dict of a checkpoint was taken, and what was left out. */
  readonly notes: readonly string[];
}

/** Tensors may share memory, and views may repeat it: they may take so many times the file, or this much. */
const MAX_GROWTH = 16;
const FREE_BYTES = 2 ** 20;
const MAX_NAME = 256;

/** Whether bytes begin as a pickle does, and not as a safetensors file whose length happens to. */
export function isPickle(bytes: Uint8Array): boolean {
  const safetensors = bytes[8] === 0x7b && bytes.subarray(4, 8).every((b) => b === 0);
  return bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5 && !safetensors;
}

/**
 * The tensors of a state dict that torch.save wrote, alone or in a checkpoint, where `key` says which of several: the
 * zip of torch 1.6 and later, or the form before. Types become those of readSafetensors. Its pickle is read by an
 * allow-list of names that make tensors and dictionaries; no other is accepted, and none of the file's code is run.
 * Throws ChainruleError "file" naming what is not known.
 */
export async function readStateDict(bytes: Uint8Array, options: { readonly key?: string } = {}): Promise<StateDict> {
  requireBytes("pytorch", bytes);
  const saved = isPickle(bytes) ? readLegacy(bytes) : await readArchive(bytes);
  const { found, notes } = findStateDict(saved.value, options.key);
  requireRoom(found.tensors, bytes.length);
  const tensors = new Map([...found.tensors].map(([name, tensor]) => [name, arrayOf(tensor, saved, name)]));
  return { tensors, notes: [...saved.notes, ...notes] };
}

function requireRoom(tensors: ReadonlyMap<string, Tensor>, bytes: number): void {
  const most = Math.max(FREE_BYTES, MAX_GROWTH * bytes);
  let total = 0;
  for (const [name, { type, shape }] of tensors) {
    if (name.length > MAX_NAME)
      refuse(`the name ${brief(name)} has ${name.length} characters; at most ${MAX_NAME} are read`);
    total += sizeOf(shape) * zeros([0], ELEMENTS.get(type)!.dtype).data.BYTES_PER_ELEMENT;
    if (!(total <= most))
      refuse(`${brief(name)}: the tensors so far take ${total} bytes, more than ${most}: they share memory`);
  }
}

function arrayOf(tensor: Tensor, { bytesOf, little }: Saved, name: string): NdArray {
  const { storage } = tensor;
  const bytes = bytesOf(storage);
  const size = storage.length * (storage.type === null ? 1 : ELEMENTS.get(storage.type)!.bytes);
  if (bytes.length !== size) refuse(`${brief(name)}: its storage has ${bytes.length} bytes, not ${size}`);
  return valuesOf(tensor, bytes, little, name);
}
