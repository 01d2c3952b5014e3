/** What a contestant asks of its device: counted where WebGPU is called, so of every library alike. */
export interface DeviceUse {
  dispatches: number;
  /** Bytes of buffers that are alive, and the most that ever were since `peakBytes` was last set. */
  bytes: number;
  peakBytes: number;
}

export const deviceUse: DeviceUse = { dispatches: 0, bytes: 0, peakBytes: 0 };

/** Counts from here on. Called once in the page or worker that computes, before its library is loaded. */
export function countDeviceUse(): void {
  if (!("GPUDevice" in globalThis)) return;
  const { createBuffer } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  const alive = new WeakSet<GPUBuffer>();
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    alive.add(buffer);
    deviceUse.bytes += descriptor.size;
    deviceUse.peakBytes = Math.max(deviceUse.peakBytes, deviceUse.bytes);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    if (alive.delete(this)) deviceUse.bytes -= this.size;
    return destroy.call(this);
  };
  const pass = GPUComputePassEncoder.prototype;
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = pass;
  pass.dispatchWorkgroups = function (...counts) {
    deviceUse.dispatches++;
    return dispatchWorkgroups.apply(this, counts);
  };
  pass.dispatchWorkgroupsIndirect = function (...args) {
    deviceUse.dispatches++;
    return dispatchWorkgroupsIndirect.apply(this, args);
  };
}
