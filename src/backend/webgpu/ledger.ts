/** Counts the bytes of every buffer a device holds for us. Zero after everything is disposed of. */
export class Ledger {
  liveBytes = 0;
  buffers = 0;

  constructor(private readonly device: GPUDevice) {}

  create(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.device.createBuffer({ label, size, usage });
    this.liveBytes += size;
    this.buffers += 1;
    return buffer;
  }

  destroy(buffer: GPUBuffer): void {
    this.liveBytes -= buffer.size;
    this.buffers -= 1;
    buffer.destroy();
  }
}
