import { refuse } from "./refuse.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Longest name of a module or of something in it. */
const MAX_LINE = 256;
/** Python writes whole numbers of any length; PyTorch's own constant takes ten bytes. */
const MAX_INTEGER_BYTES = 32;

/** A pickle's bytes, read from front to back; nothing beyond its end is read. */
export class PickleBytes {
  private readonly view: DataView;

  /** `at` is where the pickle begins, and then where the next byte lies. */
  constructor(
    private readonly bytes: Uint8Array,
    public at = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  i32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  /** Beyond 2^53 no length fits a file, and a rounded one fits as little as an exact one. */
  u64(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  /** A double, the one number of a pickle that has its high byte first. */
  float(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  /** A whole number in two's complement, low byte first; as a bigint where a number would round it. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) refuse(`a whole number of ${length} bytes; at most ${MAX_INTEGER_BYTES} are read`);
    const raw = this.slice(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i]!);
    const signed = BigInt.asIntN(8 * length, value);
    const small = Number(signed);
    return Number.isSafeInteger(small) ? small : signed;
  }

  /** Bytes of the file itself, not a copy. */
  slice(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  text(length: number): string {
    const start = this.at;
    const raw = this.slice(length);
    try {
      return utf8.decode(raw);
    } catch (cause) {
      return refuse(`the text at byte ${start} is not UTF-8`, { cause });
    }
  }

  /** Text up to the end of its line. */
  line(): string {
    const end = this.bytes.subarray(this.at, this.at + MAX_LINE).indexOf(0x0a);
    if (end < 0) refuse(`the name at byte ${this.at} does not end`);
    const text = this.text(end);
    this.at++;
    return text;
  }

  private take(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) {
      refuse(`cut short: ${length} bytes are needed at byte ${start}, ${this.bytes.length - start} are left`);
    }
    this.at = start + length;
    return start;
  }
}
