/**
 * A GPU whose promises settle only at a tick of its own or at the next submit, however long the work has been done: as in
 * real browsers, where a process beside the page looks at the device when it is given something, and else ten times a
 * second.
 */
export interface TickingGpu {
  readonly gpu: GPU;
  /** Submits that held nothing, so far. */
  readonly empty: () => number;
}

export function tickingGpu(real: GPU, tickMs: number): TickingGpu {
  let empty = 0;
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await real.requestAdapter(options);
    if (!adapter) return null;
    const request = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => ticking(await request(descriptor));
    return adapter;
  };

  function ticking(device: GPUDevice): GPUDevice {
    const { queue } = device;
    /** Those who wait for the next look at the device. */
    const held: (() => void)[] = [];
    const look = (): void => {
      for (const tell of held.splice(0)) tell();
    };
    const timer = setInterval(look, tickMs);
    timer.unref();
    device.lost.then(() => clearInterval(timer));
    const hold = async <T>(work: Promise<T>): Promise<T> => {
      const settled = await work.then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error;
        },
      );
      await new Promise<void>((tell) => held.push(tell));
      return settled();
    };
    const submit = queue.submit.bind(queue);
    queue.submit = (buffers) => {
      if ([...buffers].length === 0) empty++;
      submit(buffers);
      // What this very submit holds is not done yet.
      look();
    };
    const done = queue.onSubmittedWorkDone.bind(queue);
    queue.onSubmittedWorkDone = () => hold(done());
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      const map = buffer.mapAsync.bind(buffer);
      buffer.mapAsync = (...given) => hold(map(...given));
      return buffer;
    };
    return device;
  }

  return { gpu: { ...real, requestAdapter } as GPU, empty: () => empty };
}
