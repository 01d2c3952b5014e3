import { ChainruleError } from "../../core/errors.ts";

/** Every error of an HDF5 file: ChainruleError "file". */
export function refuse(message: string, options?: ErrorOptions): never {
  throw new ChainruleError("file", `hdf5: ${message}`, options);
}

/** What an address is where nothing is stored, as a number: 2^64 - 1. */
const UNDEFINED = 2 ** 64;
/** Things that a file of so many bytes may hold, one for every so many of them, and some to begin with. */
const BYTES_A_STEP = 4;
const FREE_STEPS = 10_000;
/** Text that values of a changing length may give in all, for each byte: several may be the same place in the file. */
const TEXT_A_BYTE = 2;
const FREE_TEXT = 2 ** 20;

/**
 * The bytes of a file, all numbers little-endian. Nothing is read beyond their end, and no more is looked at than a file
 * of this size can hold, however its parts name one another: in circles, or the same part many times.
 */
export class Hdf5Bytes {
  private readonly view: DataView;
  private steps: number;
  private text: number;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.steps = FREE_STEPS + bytes.length / BYTES_A_STEP;
    this.text = FREE_TEXT + bytes.length * TEXT_A_BYTE;
  }

  /** Counts things that are looked at: messages, links, entries of trees. */
  step(count = 1): void {
    this.steps -= count;
    if (this.steps < 0) refuse("its parts name one another in circles, or the same part many times");
  }

  u8(at: number): number {
    return this.view.getUint8(this.inside(at, 1));
  }

  u16(at: number): number {
    return this.view.getUint16(this.inside(at, 2), true);
  }

  u32(at: number): number {
    return this.view.getUint32(this.inside(at, 4), true);
  }

  /** Beyond 2^53 a number loses digits, which makes it no place in any file. */
  u64(at: number): number {
    this.inside(at, 8);
    return this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }

  /** A number of 1, 2, 4 or 8 bytes. */
  sized(at: number, bytes: number): number {
    return bytes === 1 ? this.u8(at) : bytes === 2 ? this.u16(at) : bytes === 4 ? this.u32(at) : this.u64(at);
  }

  /** An address; null where nothing is stored. */
  address(at: number): number | null {
    const address = this.u64(at);
    return address >= UNDEFINED ? null : address;
  }

  /** A view, not a copy. */
  part(at: number, length: number): Uint8Array {
    return this.bytes.subarray(this.inside(at, length), at + length);
  }

  /** Whether a part begins with its four letters. */
  begins(at: number, letters: string): boolean {
    const part = this.part(at, 4);
    return [...letters].every((letter, i) => part[i] === letter.charCodeAt(0));
  }

  require(at: number, letters: string, what: string): void {
    if (!this.begins(at, letters)) refuse(`byte ${at} should begin ${what}, but does not`);
  }

  /** Text of at most so many bytes, ended by a zero or by its length. */
  string(at: number, length: number): string {
    const part = this.part(at, length);
    const end = part.indexOf(0);
    const text = end < 0 ? part : part.subarray(0, end);
    this.text -= text.length;
    if (this.text < 0) refuse("its texts name the same places many times");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
    } catch (cause) {
      return refuse(`the text at byte ${at} is not UTF-8`, { cause });
    }
  }

  private inside(at: number, length: number): number {
    if (at >= 0 && length >= 0 && at + length <= this.bytes.length) return at;
    return refuse(`cut short: ${length} bytes at ${at} are beyond its ${this.bytes.length}`);
  }
}
