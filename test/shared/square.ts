/** The smallest proof that an adapter computes: out[i] = i * i, read back. */
export async function squares(count: number): Promise<{ values: Uint32Array; adapter: string }> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("requestAdapter() gave null: no WebGPU adapter here (see CHAINRULE_ADAPTER)");
  const device = await adapter.requestDevice({ label: "squares" });
  device.pushErrorScope("validation");
  const code = /* wgsl */ `
    @group(0) @binding(0) var<storage, read_write> out: array<u32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < arrayLength(&out)) { out[id.x] = id.x * id.x; }
    }`;
  const module = device.createShaderModule({ label: "squares", code });
  const pipeline = device.createComputePipeline({ label: "squares", layout: "auto", compute: { module } });
  const size = count * 4;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const out = device.createBuffer({ label: "squares out", size, usage });
  const staging = device.createBuffer({
    label: "squares staging",
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const entries = [{ binding: 0, resource: { buffer: out } }];
  const layout = pipeline.getBindGroupLayout(0);
  const encoder = device.createCommandEncoder({ label: "squares" });
  const pass = encoder.beginComputePass({ label: "squares" });
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ label: "squares", layout, entries }));
  pass.dispatchWorkgroups(Math.ceil(count / 64));
  pass.end();
  encoder.copyBufferToBuffer(out, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = new Uint32Array(staging.getMappedRange().slice(0));
  const error = await device.popErrorScope();
  device.destroy();
  if (error) throw new Error(error.message);
  return { values, adapter: `${adapter.info.vendor} ${adapter.info.architecture}` };
}
