/** A file, or anything like one, of which parts are read when they are needed. */
export interface ByteSource {
  /** Without its folder: for messages, and to tell its format. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** Bytes [offset, offset + length), all of them. Rejects with a ChainruleError where they cannot be had. */
  read(offset: number, length: number): Promise<Uint8Array>;
}
