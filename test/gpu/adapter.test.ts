import { expect, test } from "vitest";
import { squares } from "../shared/square.ts";

test("the adapter computes", async () => {
  const { values, adapter } = await squares(1000);
  expect(Array.from(values), adapter).toEqual(Array.from({ length: 1000 }, (_, i) => i * i));
});

test("fresh buffers hold rubbish: no kernel may count on zeros", async () => {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  const fresh = device.createBuffer({ label: "fresh", size: 64, usage: GPUBufferUsage.COPY_SRC });
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: "staging", size: 64, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(fresh, 0, staging, 0, 64);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  expect(new Set(new Uint32Array(staging.getMappedRange()))).toEqual(new Set([0x01010101]));
  device.destroy();
});
