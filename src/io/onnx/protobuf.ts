import { ChainruleError } from "../../core/errors.ts";

/**
 * The wire format of protocol buffers, as far as ONNX uses it. A message is a list of fields: a number, a wire type and
 * a value; a message inside a message is a field of bytes.
 */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One field of a message that is read. */
export interface Field {
  readonly number: number;
  /** One of WIRE. */
  readonly wire: number;
  /** A varint's value, signed; beyond 2^53 it is rounded, and so no longer a safe integer. */
  readonly value: number;
  /** The bytes of every other wire type; a view, not a copy. */
  readonly bytes: Uint8Array;
}

/** Every error of an ONNX file: ChainruleError "file". */
export function refuse(message: string, options?: ErrorOptions): never {
  throw new ChainruleError("file", `onnx: ${message}`, options);
}

const NONE = new Uint8Array(0);
/** A 64-bit number in groups of seven bits. */
const MAX_VARINT_BYTES = 10;

/** Fields of a message that has no list of nodes or arrays in it: no such message of ONNX needs as many. */
const MOST_FIELDS = 256;

/** The fields of a message, in their order. Goes one level deep: who wants a message inside asks for its fields. */
export function* fields(message: Uint8Array, what: string, most = MOST_FIELDS): Generator<Field> {
  let at = 0;
  for (let count = 0; at < message.length; count++) {
    if (count === most) refuse(`${what}: more than ${most} fields`);
    const [tag, behind] = varint(message, at, what);
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (!Number.isSafeInteger(tag) || number < 1) refuse(`${what}: byte ${at} begins no field`);
    at = behind;
    if (wire === WIRE.varint) {
      const [value, next] = varint(message, at, what);
      yield { number, wire, value, bytes: NONE };
      at = next;
      continue;
    }
    let length = wire === WIRE.fixed64 ? 8 : wire === WIRE.fixed32 ? 4 : -1;
    if (wire === WIRE.bytes) [length, at] = varint(message, at, what);
    else if (length < 0) refuse(`${what}: field ${number} has the wire type ${wire}, which ONNX does not use`);
    if (length < 0 || length > message.length - at) {
      refuse(`${what}: cut short: field ${number} needs ${length} bytes, ${message.length - at} are left`);
    }
    yield { number, wire, value: 0, bytes: message.subarray(at, at + length) };
    at += length;
  }
}

/** The signed number that begins at `at`, and where the next byte lies. */
export function varint(bytes: Uint8Array, at: number, what: string): [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) refuse(`${what}: cut short within a number`);
    value += (byte! & 0x7f) * scale;
    scale *= 128;
    if (byte! < 0x80) return [i < 7 ? value : exact(bytes, at, i + 1), at + i + 1];
  }
  return refuse(`${what}: a number of more than ${MAX_VARINT_BYTES} bytes`);
}

/** Numbers that f64 may round on the way, as the two's complement of 64 bits that negative ones are written in. */
function exact(bytes: Uint8Array, at: number, length: number): number {
  let value = 0n;
  for (let i = length - 1; i >= 0; i--) value = (value << 7n) | BigInt(bytes[at + i]! & 0x7f);
  return Number(BigInt.asIntN(64, value));
}

/** The numbers of a repeated integer field, whichever of its two forms this one has: many in bytes, or one. */
export function integers({ wire, value, bytes }: Field, most: number, what: string): number[] {
  if (wire === WIRE.varint) return [value];
  const out: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (out.length === most) refuse(`${what}: more than ${most} numbers`);
    const [next, behind] = varint(bytes, at, what);
    out.push(next);
    at = behind;
  }
  return out;
}

/** One for all: making one takes longer than decoding a name. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text of a field. */
export function text({ wire, bytes }: Field, what: string): string {
  if (wire !== WIRE.bytes) refuse(`${what}: a text is not stored as one`);
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    return refuse(`${what}: a text is not UTF-8`, { cause });
  }
}

/** What a written message is made of: its fields in the order they were added. */
export class Message {
  private readonly parts: Uint8Array[] = [];
  length = 0;

  integer(number: number, value: number): this {
    return this.push(varintBytes(number * 8 + WIRE.varint)).push(varintBytes(value));
  }

  float(number: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.push(varintBytes(number * 8 + WIRE.fixed32)).push(bytes);
  }

  text(number: number, value: string): this {
    return this.bytes(number, new TextEncoder().encode(value));
  }

  bytes(number: number, value: Uint8Array): this {
    return this.push(varintBytes(number * 8 + WIRE.bytes))
      .push(varintBytes(value.length))
      .push(value);
  }

  message(number: number, value: Message): this {
    this.push(varintBytes(number * 8 + WIRE.bytes)).push(varintBytes(value.length));
    for (const part of value.parts) this.push(part);
    return this;
  }

  /** The whole message; values that were added are copied only here. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private push(part: Uint8Array): this {
    this.parts.push(part);
    this.length += part.length;
    return this;
  }
}

function varintBytes(value: number): Uint8Array {
  if (value >= 0 && value < 0x80) return Uint8Array.of(value);
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    const more = rest > 0x7fn;
    out.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(out);
}

/** A message within a message. */
export function inside({ wire, bytes }: Field, what: string): Uint8Array {
  if (wire !== WIRE.bytes) refuse(`${what} is stored as a number, not as a message`);
  return bytes;
}
