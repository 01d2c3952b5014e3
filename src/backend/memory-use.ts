/** Memory that is held now. */
export interface MemoryUse {
  /** Bytes on the device, or of the CPU executor. */
  readonly liveBytes: number;
  /** Buffers that these bytes are in. */
  readonly buffers: number;
}
