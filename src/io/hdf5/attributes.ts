import { sizeOf } from "../../core/ndarray.ts";
import { type Hdf5Bytes, refuse } from "./bytes.ts";
import { MESSAGE, type Message } from "./header.ts";
import { type Hdf5Type, readShape, readType } from "./types.ts";

const MOST_TEXTS = 100_000;

/** The text of an attribute, all its texts where it has several; null where there is none of that name, or no text. */
export function readText(file: Hdf5Bytes, messages: readonly Message[], name: string): readonly string[] | null {
  for (const { type, at } of messages) {
    if (type === MESSAGE.attribute) {
      const found = attribute(file, at, name);
      if (found) return found;
    } else if (type === MESSAGE.attributeInfo && file.address(at + 2 + (file.u8(at + 1) & 1 ? 2 : 0)) !== null) {
      refuse("an object keeps its attributes in a heap, which is not read: h5py writes so with libver latest");
    }
  }
  return null;
}

function attribute(file: Hdf5Bytes, at: number, wanted: string): readonly string[] | null {
  file.step();
  const version = file.u8(at);
  if (version < 1 || version > 3) refuse(`an attribute of version ${version}`);
  const padded = (size: number): number => (version === 1 ? Math.ceil(size / 8) * 8 : size);
  const [nameSize, typeSize, shapeSize] = [file.u16(at + 2), file.u16(at + 4), file.u16(at + 6)];
  const nameAt = at + (version === 3 ? 9 : 8);
  if (file.string(nameAt, nameSize) !== wanted) return null;
  const typeAt = nameAt + padded(nameSize);
  const shapeAt = typeAt + padded(typeSize);
  // A type of the file's own lies elsewhere.
  if (version > 1 && file.u8(at + 1) !== 0) return null;
  return texts(file, readType(file, typeAt), readShape(file, shapeAt), shapeAt + padded(shapeSize));
}

function texts(file: Hdf5Bytes, type: Hdf5Type, shape: readonly number[], at: number): readonly string[] | null {
  if (type.kind !== "text" && type.kind !== "long text") return null;
  const count = sizeOf(shape);
  if (count > MOST_TEXTS) refuse(`an attribute of ${count} texts`);
  return Array.from({ length: count }, (_, i) => {
    file.step();
    const place = at + type.size * i;
    return type.kind === "text" ? file.string(place, type.size) : longText(file, place);
  });
}

/** Text of a changing length lies in a heap that all share: its length, the heap's address, its number there. */
function longText(file: Hdf5Bytes, at: number): string {
  const length = file.u32(at);
  const heap = file.u64(at + 4);
  const index = file.u32(at + 12);
  if (length === 0) return "";
  file.require(heap, "GCOL", "a heap of values");
  const end = heap + file.u64(heap + 8);
  for (let place = heap + 16; place + 16 <= end; ) {
    file.step();
    const [number, size] = [file.u16(place), file.u64(place + 8)];
    if (number === index) return file.string(place + 16, Math.min(length, size));
    if (number === 0) break;
    place += 16 + Math.ceil(size / 8) * 8;
  }
  return refuse(`the heap at byte ${heap} has no value ${index}`);
}
