/** What came of a device with little memory. */
export interface LittleMemory {
  /** Buffers that did not fit and were asked for outside of any scope for it: nobody but the device hears of those. */
  unheard: number;
  /** Bytes of buffers on all devices now. */
  live: number;
  /** The most there were. */
  most: number;
  /** Room from now on. */
  capacity: number;
  restore(): void;
}

/**
 * From now on every device has room for buffers of so many bytes in all, and says so as WebGPU does: the error of what
 * does not fit arrives in the innermost scope for it. Needs nothing around it: as text it runs in a worker just as well.
 */
export function littleMemory(capacity: number): LittleMemory {
  const device = GPUDevice.prototype;
  const buffer = GPUBuffer.prototype;
  const { createBuffer, pushErrorScope, popErrorScope } = device;
  const { destroy } = buffer;
  const destroyDevice = device.destroy;
  const scopes = new WeakMap<GPUDevice, { filter: GPUErrorFilter; failed: boolean }[]>();
  const sizes = new Map<GPUBuffer, GPUDevice>();
  const state: LittleMemory = {
    unheard: 0,
    live: 0,
    most: 0,
    capacity,
    restore() {
      Object.assign(device, { createBuffer, pushErrorScope, popErrorScope, destroy: destroyDevice });
      buffer.destroy = destroy;
    },
  };
  const forget = (b: GPUBuffer): void => {
    if (sizes.delete(b)) state.live -= b.size;
  };
  device.createBuffer = function (descriptor) {
    const made = createBuffer.call(this, descriptor);
    state.live += descriptor.size;
    state.most = Math.max(state.most, state.live);
    sizes.set(made, this);
    if (state.live > state.capacity) {
      const scope = [...(scopes.get(this) ?? [])].reverse().find((s) => s.filter === "out-of-memory");
      if (scope) scope.failed = true;
      else state.unheard++;
    }
    return made;
  };
  buffer.destroy = function () {
    forget(this);
    return destroy.call(this);
  };
  device.destroy = function () {
    for (const [b, owner] of sizes) if (owner === this) forget(b);
    return destroyDevice.call(this);
  };
  device.pushErrorScope = function (filter) {
    scopes.set(this, [...(scopes.get(this) ?? []), { filter, failed: false }]);
    return pushErrorScope.call(this, filter);
  };
  device.popErrorScope = function () {
    const scope = scopes.get(this)?.pop();
    const popped = popErrorScope.call(this);
    return popped.then((error) => (scope?.failed ? new GPUOutOfMemoryError("there is no more memory") : error));
  };
  return state;
}
