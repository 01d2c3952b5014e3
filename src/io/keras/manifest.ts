import { type NdArray, sizeOf, zeros } from "../../core/ndarray.ts";
import { ELEMENTS } from "../elements.ts";
import { requirePlain } from "../plain-path.ts";
import { brief } from "../safetensors/header.ts";
import { isObject, type Json, listOf, numberOf, objectOf, refuse, textOf } from "./json.ts";
import type { StoredArray } from "./weights.ts";

/** One array that a TensorFlow.js model keeps in its files of weights. */
interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
  /** What it holds, as its file says. */
  readonly dtype: string;
  /** Bytes that a value takes. */
  readonly width: number;
  /** Name among ELEMENTS; null for what no layer here has, as an optimizer's count of steps. */
  readonly element: string | null;
  /** Value = stored * scale + min. */
  readonly scale: number;
  readonly min: number;
}

/** Arrays that lie one after another in some files, taken together. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly Stored[];
}

const MOST_GROUPS = 1000;
const MOST_PATHS = 10_000;
const MOST_WEIGHTS = 10_000;
const MOST_RANK = 8;

/** Reads a weightsManifest: which files, and what lies in them. */
export function readManifest(value: unknown): readonly WeightGroup[] {
  const names = new Set<string>();
  const paths = new Set<string>();
  return listOf(value, "weightsManifest", MOST_GROUPS).map((entry, i) => {
    const group = objectOf(entry, `weightsManifest, group ${i}`);
    return {
      paths: listOf(group.paths, `weightsManifest, group ${i}: paths`, MOST_PATHS).map((path) => {
        const named = textOf(path, `weightsManifest, group ${i}: a path`);
        const file = requirePlain(named, (why) => refuse(`weightsManifest names the file ${brief(named)}; ${why}`));
        if (paths.has(file)) refuse(`weightsManifest names the file ${brief(file)} twice`);
        paths.add(file);
        return file;
      }),
      weights: listOf(group.weights, `weightsManifest, group ${i}: weights`, MOST_WEIGHTS).map((weight) => {
        const stored = readWeight(objectOf(weight, `weightsManifest, group ${i}: a weight`));
        if (names.has(stored.name)) refuse(`weightsManifest names the weight ${brief(stored.name)} twice`);
        names.add(stored.name);
        return stored;
      }),
    };
  });
}

function readWeight(weight: Json): Stored {
  const name = textOf(weight.name, "weightsManifest: a weight's name");
  const where = `weight ${brief(name)}`;
  const shape = listOf(weight.shape, `${where}: shape`, MOST_RANK).map((d) =>
    Number.isSafeInteger(d) && (d as number) >= 1
      ? (d as number)
      : refuse(`${where}: its shape must be whole numbers from 1, got ${brief(weight.shape)}`),
  );
  const dtype = textOf(weight.dtype, `${where}: dtype`);
  const width = WIDTHS.get(dtype) ?? refuse(`${where} has the dtype ${brief(dtype)}, which is not read`);
  const of = (element: string | null, scale = 1, min = 0, bytes = width): Stored => {
    return { name, shape, dtype, element, width: bytes, scale, min };
  };
  const { quantization } = weight;
  if (quantization == null) return of(dtype === "float32" ? "F32" : null);
  if (!isObject(quantization)) return refuse(`${where}: quantization must be an object`);
  const { dtype: packed } = quantization;
  const element = dtype === "float32" ? (QUANTIZED.get(packed) ?? null) : null;
  if (element === null) {
    return refuse(`${where}: ${dtype} quantized to ${brief(packed)}; read is float32 as uint8, uint16 or float16`);
  }
  const scaled = element !== "F16";
  return of(
    element,
    scaled ? numberOf(quantization.scale, 1, `${where}: quantization, scale`) : 1,
    scaled ? numberOf(quantization.min, 0, `${where}: quantization, min`) : 0,
    ELEMENTS.get(element)!.bytes,
  );
}

/** Bytes of a value, by the dtypes that TensorFlow.js writes; those of text tell their length only as they are read. */
const WIDTHS: ReadonlyMap<string, number> = new Map([
  ["float32", 4],
  ["int32", 4],
  ["bool", 1],
  ["complex64", 8],
]);

const QUANTIZED: ReadonlyMap<unknown, string> = new Map([
  ["uint8", "U8"],
  ["uint16", "U16"],
  ["float16", "F16"],
]);

const bytesOf = ({ shape, width }: Stored): number => sizeOf(shape) * width;

/** All arrays, of which only those that a layer asks for are made. `read` gives a file of the manifest. */
export function readGroups(groups: readonly WeightGroup[], read: (path: string) => Uint8Array): readonly StoredArray[] {
  // Every length is right before the first array is made.
  const datas = groups.map((group) => {
    const files = group.paths.map(read);
    const held = files.reduce((sum, file) => sum + file.length, 0);
    const wanted = group.weights.reduce((sum, weight) => sum + bytesOf(weight), 0);
    if (held !== wanted)
      refuse(
        `${group.paths.slice(0, 3).map(brief).join(", ") || "no file"}: ${held} bytes, but the weights in them take ${wanted}`,
      );
    return files;
  });
  return groups.flatMap(({ weights }, i) => {
    const data = new Joined(datas[i]!);
    return weights.map((weight): StoredArray => {
      const bytes = data.take(bytesOf(weight));
      return { name: weight.name, size: sizeOf(weight.shape), read: () => decode(weight, bytes) };
    });
  });
}

/** Files read as if they were one: a weight may begin in one and end in the next. */
class Joined {
  private file = 0;
  private at = 0;

  constructor(private readonly files: readonly Uint8Array[]) {}

  /** A view where it can be, a copy where it must. */
  take(length: number): Uint8Array {
    while (this.file < this.files.length && this.at === this.files[this.file]!.length) this.next();
    const file = this.files[this.file] ?? new Uint8Array(0);
    if (this.at + length <= file.length) {
      this.at += length;
      return file.subarray(this.at - length, this.at);
    }
    const out = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      const part = this.files[this.file]!.subarray(this.at, this.at + length - filled);
      out.set(part, filled);
      filled += part.length;
      this.at += part.length;
      if (this.at === this.files[this.file]!.length) this.next();
    }
    return out;
  }

  private next(): void {
    this.file++;
    this.at = 0;
  }
}

function decode({ name, shape, dtype, element, width, scale, min }: Stored, bytes: Uint8Array): NdArray {
  if (element === null) return refuse(`weight ${brief(name)} has the dtype ${brief(dtype)}; only float32 is read`);
  const out = zeros(shape, "f32");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { read } = ELEMENTS.get(element)!;
  for (let i = 0; i < out.data.length; i++) out.data[i] = read(view, i * width, true) * scale + min;
  return out;
}
