import { type NdArray, type Shape, shapeText, sizeOf } from "../../../core/ndarray.ts";
import { BEYOND_F64, ELEMENTS, readArray, readStrided } from "../../elements.ts";
import { Tuple } from "./pickle-stack.ts";
import { brief, refuse } from "./refuse.ts";

/** Memory of one or several tensors, which lies outside the pickle. */
export class Storage {
  constructor(
    readonly key: string,
    /** Name among ELEMENTS; null where only its bytes are known. */
    readonly type: string | null,
    /** Elements; bytes where the type is not known. */
    readonly length: number,
  ) {}
}

/** A view of a storage, checked in itself; of the storage's bytes nothing has been seen yet. */
export class Tensor {
  constructor(
    readonly storage: Storage,
    /** Name among ELEMENTS. */
    readonly type: string,
    /** Element of the storage at which it begins. */
    readonly offset: number,
    readonly shape: Shape,
    /** How many elements further the next one lies, for each axis. */
    readonly strides: readonly number[],
  ) {}
}

const MAX_RANK = 8;

/** A tensor out of what torch writes of it; `type` where the storage does not say. */
export function tensorOf(args: readonly unknown[], name: string, type?: string): Tensor {
  const [storage, offset, size, stride] = args;
  if (!(storage instanceof Storage)) return refuse(`${name}: no storage, but ${typeof storage}`);
  const element = type ?? storage.type ?? refuse(`${name}: a storage of no type`);
  const [shape, strides] = [counts(size, name), counts(stride, name)];
  if (shape.length !== strides.length) refuse(`${name}: ${shape.length} sizes, but ${strides.length} strides`);
  if (!isCount(offset)) return refuse(`${name}: an offset that is no whole number`);
  const elements = storage.type === null ? Math.floor(storage.length / ELEMENTS.get(element)!.bytes) : storage.length;
  // Each factor is a safe integer: where a product rounds it is far beyond any storage.
  const last = shape.reduce((at, d, axis) => at + (d - 1) * strides[axis]!, offset);
  if (!shape.includes(0) && last >= elements) {
    refuse(
      `${name}: ${shapeText(shape)} by strides ${shapeText(strides)} from ${offset} reaches element ${last} of a storage of ${elements}`,
    );
  }
  return new Tensor(storage, element, offset, shape, strides);
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

function counts(value: unknown, name: string): readonly number[] {
  if (!(value instanceof Tuple)) return refuse(`${name}: sizes and strides must be tuples`);
  if (value.items.length > MAX_RANK) {
    return refuse(`${name}: ${value.items.length} dimensions; at most ${MAX_RANK} are accepted`);
  }
  return value.items.map((d) => (isCount(d) ? d : refuse(`${name}: a size or stride that is no whole number`)));
}

/** A storage of so many elements, as a pickle points to it. */
export function storageOf(key: unknown, types: ReadonlyMap<string, string | null>): Storage {
  const parts = key instanceof Tuple ? key.items : [];
  const [kind, named, root, , length, view] = parts;
  const name = (named as { name?: unknown } | null | undefined)?.name;
  // The old form keeps the source of each class, in front of its first object.
  if (kind === "module") {
    refuse('a whole module with its source: in Python, torch.save(model.state_dict(), "weights.pt")');
  }
  if (kind !== "storage" || typeof name !== "string" || typeof root !== "string" || !isCount(length)) {
    return refuse("something lies outside the pickle that is no storage");
  }
  const type = types.get(name);
  if (type === undefined) return refuse(`${brief(name)} is no type of storage`);
  if (view !== undefined && view !== null) return refuse(`storage ${brief(root)} is a view, as torch 0.3 wrote them`);
  return new Storage(root, type, length);
}

/** The values, f32 or f64 or whole numbers. `bytes` are those of its storage, `little` tells their order. */
export function valuesOf(
  { type, offset, shape, strides }: Tensor,
  bytes: Uint8Array,
  little: boolean,
  name: string,
): NdArray {
  const start = offset * ELEMENTS.get(type)!.bytes;
  const unfit = (): never => refuse(`${brief(name)}: a value of ${type} ${BEYOND_F64}`);
  if (isRowMajor(shape, strides)) return readArray(bytes, { type, shape, start, little, firstFastest: false }, unfit);
  return readStrided(bytes, { type, shape, start, little, strides }, unfit);
}

/** Whether the values follow each other; an axis of one value may have any stride. */
function isRowMajor(shape: Shape, strides: readonly number[]): boolean {
  return shape.every((d, axis) => d === 1 || strides[axis] === sizeOf(shape.slice(axis + 1)));
}
