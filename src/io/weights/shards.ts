import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { parseJson } from "../json/parse.ts";
import { requirePlain } from "../plain-path.ts";
import { readTensors } from "./tensor-file.ts";

/** Whether a file names others that hold arrays: model.safetensors.index.json, pytorch_model.bin.index.json. */
export const isIndex = (name: string): boolean => /\.index\.json$/i.test(name);

/** Of one of several files that hold a net's arrays together, which one it is: "1 of 3"; null of any other. */
export function shardOf(name: string): string | null {
  const [, at, all] = /-(\d{5})-of-(\d{5})\.\w+$/.exec(name) ?? [];
  return at === undefined ? null : `${Number(at)} of ${Number(all)}`;
}

/**
 * The arrays of all files that an index names, which lie beside it. Throws ChainruleError "file" naming the array that is
 * not in the file where the index has it, or what is wrong with either.
 */
export async function shardsOf(
  name: string,
  index: Uint8Array,
  read: (file: string) => Uint8Array | Promise<Uint8Array>,
): Promise<Map<string, NdArray>> {
  const fail = (message: string): never => {
    throw new ChainruleError("file", `${name}${message}`);
  };
  const json = parseJson(name, index) as { weight_map?: unknown } | null;
  const map = json?.weight_map;
  if (typeof map !== "object" || map === null) return fail(' has no "weight_map"');
  const places = Object.entries(map);
  const tensors = new Map<string, NdArray>();
  for (const file of new Set(places.map(([, place]) => place))) {
    if (typeof file !== "string") return fail(` names ${brief(file)} as a file`);
    const beside = requirePlain(file, (why) => fail(` names ${brief(file)}: ${why}`));
    const own = await readTensors(beside, await read(beside));
    for (const [array, place] of places) {
      if (place !== file) continue;
      tensors.set(array, own.get(array) ?? fail(`: "${array}" is not in ${file}, where it is said to be`));
    }
  }
  return tensors;
}
