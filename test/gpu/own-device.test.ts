import { expect, test } from "vitest";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { tanh } from "../../src/nn/layers/activation.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { sequential } from "../../src/nn/sequential.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { ring } from "../shared/problems.ts";

const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const options = { model, data: ring(50), batch: "full", optimizer: { type: "adam", lr: 0.05 } } as const;

async function ownDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  return await adapter!.requestDevice({ label: "the caller's", requiredLimits: { maxBufferSize: 2 ** 28 } });
}

/** An error that nobody catches, and the time it takes to be told of. */
async function mistake(device: GPUDevice): Promise<void> {
  device.createBuffer({ size: 16, usage: 0 });
  await device.queue.onSubmittedWorkDone();
  await new Promise((resolve) => setTimeout(resolve, 20));
}

test("trains on the caller's device as it is, and leaves it alive and its handler in place", async () => {
  const device = await ownDevice();
  const errors: string[] = [];
  device.onuncapturederror = (event) => {
    errors.push(event.error.message);
  };
  const handler = device.onuncapturederror;
  const backend = await webgpuBackend({ device });
  expect(backend.limits.maxBufferSize).toBe(device.limits.maxBufferSize);
  expect(backend.gpu.features).toEqual([...device.features].sort());
  const trainer = await createTrainer(backend, options);
  const first = await trainer.step();
  let last = first;
  for await (const m of trainer.run({ steps: 60 })) last = m;
  expect(last.loss).toBeLessThan(first.loss);
  // Without trainer.dispose(): what lies on the caller's device goes with the backend.
  backend.dispose();
  backend.dispose();
  expect(trainer.memory()).toEqual({ liveBytes: 0, buffers: 0 });
  await expect(trainer.step()).rejects.toMatchObject({ code: "disposed" });
  expect(device.onuncapturederror).toBe(handler);
  await mistake(device);
  expect(errors).toHaveLength(1);
  const gone = device.lost.then(() => "lost");
  expect(await Promise.race([gone, new Promise((resolve) => setTimeout(() => resolve("alive"), 100))])).toBe("alive");
  const again = await createTrainer({ ...options, gpu: { device } });
  expect((await again.step()).loss).toBe(first.loss);
  again.dispose();
  device.destroy();
});

test("an error on the device is the backend's failure too, and the handler hears of it", async () => {
  const device = await ownDevice();
  let heard = 0;
  device.onuncapturederror = () => {
    heard++;
  };
  const backend = await webgpuBackend({ device });
  await mistake(device);
  expect(heard).toBe(1);
  await expect(createTrainer(backend, options)).rejects.toMatchObject({ code: "device" });
  backend.dispose();
  device.destroy();
});

test("a device of its own is destroyed with the backend", async () => {
  const backend = await webgpuBackend(navigator.gpu);
  const { lost } = backend.gpu.device;
  const trainer = await createTrainer(backend, options);
  const running = trainer.run({ steps: 1e9 });
  await running.next();
  backend.dispose();
  expect((await lost).reason).toBe("destroyed");
  const rest = async (): Promise<void> => {
    for await (const m of running) void m;
  };
  await expect(rest()).rejects.toMatchObject({ code: "disposed" });
  trainer.dispose();
});
