import { type Field, fields, inside, integers, refuse, text } from "./protobuf.ts";
import { ATTRIBUTE } from "./schema.ts";
import { type OnnxTensor, readTensor } from "./tensor.ts";

/** What an attribute of a node holds; null for what is not known here. */
export type Attribute = number | string | readonly number[] | OnnxTensor | null;

const MOST_NUMBERS = 64;
/** scikit-learn's converter keeps whole arrays in attributes. */
const MOST_FLOATS = 2 ** 17;

export function isTensor(value: Attribute): value is OnnxTensor {
  return typeof value === "object" && value !== null && "chunks" in value;
}

/** An attribute's name and what it holds. */
export function readAttribute(message: Uint8Array, where: string): [string, Attribute] {
  let name = "";
  let value: Attribute = null;
  const numbers: number[] = [];
  const texts: string[] = [];
  // Floats may be fields of their own, one by one.
  for (const field of fields(message, where, MOST_FLOATS)) {
    if (field.number === ATTRIBUTE.name) name = text(field, where);
    else if (field.number === ATTRIBUTE.i) value = field.value;
    else if (field.number === ATTRIBUTE.f) value = floats(field, where)[0] ?? 0;
    else if (field.number === ATTRIBUTE.s) value = text(field, where);
    else if (field.number === ATTRIBUTE.strings) {
      // A list of words, as the functions of a recurrence are: one after the other.
      texts.push(text(field, where));
      if (texts.length > MOST_NUMBERS) refuse(`${where}: an attribute of more than ${MOST_NUMBERS} words`);
      value = texts.join();
    } else if (field.number === ATTRIBUTE.t) value = readTensor(inside(field, where), `${where}, tensor`);
    else if (field.number === ATTRIBUTE.ints) {
      numbers.push(...integers(field, MOST_NUMBERS, where));
      if (numbers.length > MOST_NUMBERS) refuse(`${where}: an attribute of more than ${MOST_NUMBERS} whole numbers`);
    } else if (field.number === ATTRIBUTE.floats) for (const value of floats(field, where)) numbers.push(value);
  }
  return [name, numbers.length > 0 ? numbers : value];
}

/** f32 values, one or packed, as the shortest decimals that stand for them: 1e-5, not 0.000009999999747378752. */
function floats({ bytes }: Field, where: string): number[] {
  if (bytes.length / 4 > MOST_FLOATS) refuse(`${where}: an attribute of more than ${MOST_FLOATS} numbers`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => shortest(view.getFloat32(i * 4, true)));
}

function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return decimal;
  }
  return value;
}
