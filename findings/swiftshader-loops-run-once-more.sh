#!/bin/sh
# SwiftShader 5.0.0 (of Chromium 147, through Dawn 0.6.2): a loop's body is gone through once more than the loop turns.
# Expected: a loop of one turn takes the same, whether it asks for its end before the body or behind it, and what stands in
# an `if` that holds for nobody takes nothing.
# Seen: asked before, the body runs twice, the second time for no invocation; an `if` that never holds costs as much as what
# stands in it. Results are right: no invocation stores anything in vain. Processor time, least of fifteen.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --ignore-scripts --loglevel=error webgpu@0.6.2 @sparticuz/chromium@147.0.0 >/dev/null
cat >check.cjs <<'JS'
import("webgpu").then(async ({ create, globals }) => {
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  const device = await adapter.requestDevice();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const y = device.createBuffer({ size: 16, usage });
  const one = device.createBuffer({ size: 16, usage });
  device.queue.writeBuffer(one, 0, new Uint32Array([1, 0]));
  const heavy = Array.from({ length: 60 }, () => "x = exp(sin(x)) * 0.5 + x;").join("\n");
  const kernels = {
    plain: heavy,
    "a loop of one turn, asked before": `for (var i = 0u; i < n[0]; i++) { ${heavy} }`,
    "a loop of one turn, asked behind": `var i = 0u; loop { ${heavy} continuing { i++; break if i >= n[0]; } }`,
    "an if that holds": `if (n[0] == 1u) { ${heavy} }`,
    "an if that never holds": `if (n[1] == 1u) { ${heavy} }`,
  };
  const ms = {};
  for (const [name, body] of Object.entries(kernels)) {
    const code = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
      @group(0) @binding(1) var<storage, read> n: array<u32>;
      @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) lane: u32) {
        var x = f32(lane + n[1]);
        var turn = 0u;
        loop { ${body} continuing { turn++; break if turn >= 10000u; } }
        y[lane] = x;
      }`;
    const module = device.createShaderModule({ code });
    const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
    const entries = [y, one].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    ms[name] = Infinity;
    for (let k = 0; k < 15; k++) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1);
      pass.end();
      const before = process.cpuUsage();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      const { user, system } = process.cpuUsage(before);
      ms[name] = Math.min(ms[name], (user + system) / 1000);
    }
    console.log(`${name.padEnd(34)} ${ms[name].toFixed(1)} ms`);
  }
  const [before, behind] = [ms["a loop of one turn, asked before"], ms["a loop of one turn, asked behind"]];
  const same = before > 1.5 * behind && ms["an if that never holds"] > 0.5 * ms.plain;
  console.log(adapter.info.architecture, same ? "as found" : "CHANGED");
  process.exit(same ? 0 : 1);
});
JS
node -e 'const { brotliDecompressSync: open } = require("zlib"), fs = require("fs");
  fs.writeFileSync("driver.tar", open(fs.readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")));'
tar xf driver.tar
VK_ICD_FILENAMES="$folder/vk_swiftshader_icd.json" VK_DRIVER_FILES="$folder/vk_swiftshader_icd.json" \
  LD_LIBRARY_PATH="$folder" XDG_RUNTIME_DIR="$folder" node check.cjs
