/** Counts the bytes of every buffer a device holds for us. Zero after everything is disposed of. */
export class Ledger {
  liveBytes = 0;
  private readonly live = new Set<GPUBuffer>();

  constructor(private readonly device: GPUDevice) {}

  get buffers(): number {
    return this.live.size;
  }

  create(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.device.createBuffer({ label, size, usage });
    this.liveBytes += size;
    this.live.add(buffer);
    return buffer;
  }

  /** Once each: what was given back with all the rest is left alone. */
  destroy(buffer: GPUBuffer): void {
    if (!this.live.delete(buffer)) return;
    this.liveBytes -= buffer.size;
    buffer.destroy();
  }

  /** Everything, also what is still being asked for. */
  dispose(): void {
    for (const buffer of this.live) this.destroy(buffer);
  }
}
