import { afterEach, beforeEach, expect, test } from "vitest";
import { compilesLate } from "../../src/backend/webgpu/caps.ts";
import { PipelineCache } from "../../src/backend/webgpu/pipelines.ts";
import { warm } from "../../src/backend/webgpu/warm.ts";
import type { Launch } from "../../src/graph/op.ts";

/** Drivers that compile at the first dispatch are given one of nothing. */

let device: GPUDevice;
let create: GPUDevice["createBuffer"];
const uncaptured: string[] = [];
const made: GPUBuffer[] = [];
const gone = new Set<GPUBuffer>();

/** A device of its own whose buffers are kept, and can be read, for as long as the test wants. */
beforeEach(async () => {
  uncaptured.length = made.length = 0;
  gone.clear();
  device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  device.onuncapturederror = ({ error }) => uncaptured.push(error.message);
  create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create({ ...descriptor, usage: descriptor.usage | GPUBufferUsage.COPY_SRC });
    made.push(buffer);
    buffer.destroy = () => gone.add(buffer) as unknown as undefined;
    return buffer;
  };
});
afterEach(() => device.destroy());

/** Writes 7 into each word of its second binding, of `words` or as many as are bound. */
const sevens = (words = ""): Launch => ({
  code: `
    struct Params { first: u32, more: u32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read> a: array<u32>;
    @group(0) @binding(2) var<storage, read_write> out: array<u32${words}>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < 1024u) { out[id.x] = 7u + 0u * (params.first + a[0]); }
    }`,
  workgroups: [16, 1, 1],
  bindings: [
    { kind: "input", index: 0, access: "read" },
    { kind: "output", index: 0, access: "read_write" },
  ],
  params: new ArrayBuffer(8),
});

const words = async (buffer: GPUBuffer): Promise<Uint32Array> => {
  const { COPY_DST, MAP_READ } = GPUBufferUsage;
  const staging = create({ size: buffer.size, usage: COPY_DST | MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, staging);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Uint32Array(staging.getMappedRange().slice());
};

test("it runs nothing: no word is written, and every buffer is given back", async () => {
  const cache = new PipelineCache(device);
  const launch = sevens();
  const pipeline = await cache.get(launch, "sevens");
  await warm(device, pipeline, cache.layout(launch), launch);
  const [, uniform, input, output] = made;
  expect([uniform!.usage, input!.usage, output!.usage].map((usage) => usage & ~GPUBufferUsage.COPY_SRC)).toEqual([
    GPUBufferUsage.UNIFORM,
    GPUBufferUsage.STORAGE,
    GPUBufferUsage.STORAGE,
  ]);
  expect(made.every((buffer) => gone.has(buffer))).toBe(true);
  // Fresh memory holds rubbish here, but not this.
  expect((await words(output!)).every((word) => word === 7)).toBe(false);
  // The same bindings, dispatched in earnest.
  const entries = [uniform!, input!, output!].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: cache.layout(launch), entries }));
  pass.dispatchWorkgroups(16);
  pass.end();
  device.queue.submit([encoder.finish()]);
  expect((await words(output!)).every((word) => word === 7)).toBe(true);
  expect(uncaptured).toEqual([]);
});

test("a kernel without params, and one whose bindings are larger than what stands for them, disturb nobody", async () => {
  const cache = new PipelineCache(device);
  const large = sevens(", 65536");
  const code = large.code
    .replace("@group(0) @binding(0) var<uniform> params: Params;", "")
    .replace("params.first + ", "");
  const bare = { ...sevens(), code: code.replace(", 65536", ""), params: null };
  for (const launch of [large, bare]) {
    made.length = 0;
    await warm(device, await cache.get(launch, "sevens"), cache.layout(launch), launch);
    expect(made.length).toBe(launch.params ? 4 : 3);
    expect(made.every((buffer) => gone.has(buffer))).toBe(true);
  }
  await device.queue.onSubmittedWorkDone();
  expect(uncaptured).toEqual([]);
});

test("a cache of pipelines waits for it, once for each code, on drivers that want it", async () => {
  const waited: Promise<void>[] = [];
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const cache = new PipelineCache(device, async (work) => {
    waited.push(work);
    await held;
    return work;
  });
  const launch = sevens();
  let ready = false;
  const both = Promise.all([cache.get(launch, "a"), cache.get(launch, "b")]).then(() => {
    ready = true;
  });
  await expect.poll(() => waited.length).toBe(1);
  await waited[0];
  expect([ready, cache.msOf(launch)]).toEqual([false, 0]);
  release();
  await both;
  expect([waited.length, cache.msOf(launch) > 0]).toEqual([1, true]);
  await new PipelineCache(device).get(sevens(), "cold");
  expect(made.length).toBe(4);
  // SwiftShader compiles when it is asked to.
  const report = { vendor: "v", device: "d", description: "" };
  expect([
    compilesLate({ ...report, architecture: "swiftshader" }),
    compilesLate({ ...report, architecture: "" }),
  ]).toEqual([false, true]);
});

test("a device that goes meanwhile fails no pipeline: the loss is told of by itself", async () => {
  const cache = new PipelineCache(device, (work) => {
    device.destroy();
    return work;
  });
  await cache.get(sevens(), "lost");
  expect((await device.lost).reason).toBe("destroyed");
});
