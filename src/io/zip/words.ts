import { ChainruleError } from "../../core/errors.ts";

/** Every error of a zip archive: ChainruleError "file". */
export function refuseZip(message: string, options?: ErrorOptions): never {
  throw new ChainruleError("file", `zip: ${message}`, options);
}

/** Numbers at places of a file; refuses places outside it. */
export class Words {
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    return this.view.getUint16(this.inside(at, 2), true);
  }

  u32(at: number): number {
    return this.view.getUint32(this.inside(at, 4), true);
  }

  /** Beyond 2^53 nothing lies in a file, and a rounded number is as far outside as an exact one. */
  u64(at: number): number {
    return Number(this.view.getBigUint64(this.inside(at, 8), true));
  }

  private inside(at: number, bytes: number): number {
    return at >= 0 && at + bytes <= this.bytes.length ? at : refuseZip(`cut short: byte ${at} is not there`);
  }
}
