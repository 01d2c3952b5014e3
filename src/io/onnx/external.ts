import { requirePlain } from "../plain-path.ts";
import { brief } from "../safetensors/header.ts";
import { fields, refuse, text } from "./protobuf.ts";
import { ENTRY } from "./schema.ts";

/** Where in another file the values of a tensor lie, as raw bytes. */
export interface External {
  /** The file, beside this one. */
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** PyTorch writes one file; before its 2.9 it wrote one for each tensor of a large net. */
const MOST_FILES = 1000;

/** Reads the entries that tell it: location, offset, length; a checksum is left aside. `bytes` is what the tensor needs. */
export function externalOf(entries: readonly Uint8Array[], bytes: number, where: string): External {
  const told = new Map<string, string>();
  for (const entry of entries) {
    let key = "";
    let value = "";
    for (const field of fields(entry, where)) {
      if (field.number === ENTRY.key) key = text(field, where);
      else if (field.number === ENTRY.value) value = text(field, where);
    }
    told.set(key, value);
  }
  const location = told.get("location");
  if (!location) return refuse(`${where} lies in another file, but the file does not say in which`);
  const path = requirePlain(location, (why) => refuse(`${where} lies in the file ${brief(location)}; ${why}`));
  const whole = (key: string, fallback: number): number => {
    const value = told.get(key);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(number)) {
      refuse(`${where}: its ${key} in ${brief(path)} is ${brief(value)}, no number of bytes`);
    }
    return number;
  };
  const [offset, length] = [whole("offset", 0), whole("length", bytes)];
  if (length !== bytes) {
    refuse(`${where} needs ${bytes} bytes, but the file says that ${brief(path)} holds ${length} of them`);
  }
  return { path, offset, length };
}

/** The files that tensors lie in, each once. */
export function externalFiles(tensors: Iterable<{ readonly external: External | null }>): readonly string[] {
  const paths = new Set<string>();
  for (const { external } of tensors) if (external) paths.add(external.path);
  if (paths.size > MOST_FILES) refuse(`the arrays lie in ${paths.size} other files, more than ${MOST_FILES}`);
  return [...paths];
}

/** The tensor with its values, a view of the file that holds them. */
export function locate<T extends { readonly name: string; readonly external: External | null }>(
  tensor: T,
  files: ReadonlyMap<string, Uint8Array>,
): T {
  if (!tensor.external) return tensor;
  const { path, offset, length } = tensor.external;
  const file =
    files.get(path) ?? refuse(`the file ${brief(path)}, which holds ${brief(tensor.name)}, is needed beside it`);
  if (offset + length > file.length) {
    refuse(
      `${brief(tensor.name)} lies at ${offset} to ${offset + length} of ${brief(path)}, which has ${file.length} bytes: the two files do not belong together, or one is cut short`,
    );
  }
  return { ...tensor, external: null, chunks: [file.subarray(offset, offset + length)] };
}
