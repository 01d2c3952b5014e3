/** Memory that is held now. */
export interface MemoryUse {
  /** Bytes on the device, or of the CPU executor. */
  readonly liveBytes: number;
  /** Buffers that these bytes are in. */
  readonly buffers: number;
}

/** All of them together; what is not there holds nothing. */
export function totalMemory(of: readonly ({ memory(): MemoryUse } | null | undefined)[]): MemoryUse {
  const all = of.flatMap((kept) => (kept ? [kept.memory()] : []));
  return {
    liveBytes: all.reduce((sum, m) => sum + m.liveBytes, 0),
    buffers: all.reduce((sum, m) => sum + m.buffers, 0),
  };
}
