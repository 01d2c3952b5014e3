import { createNodeGpu } from "./src/backend/webgpu/node.ts";
import { webgpuBackend } from "./src/backend/webgpu/backend.ts";
import { trainingGraph } from "./src/train/training-graph.ts";
import { resolveOptions } from "./src/train/options.ts";
import { trainingPresets } from "./src/nn/presets.ts";
import { fuse } from "./src/ops/fuse.ts";
import { ndarray } from "./src/core/ndarray.ts";
import { normals } from "./src/core/philox.ts";
const b = await webgpuBackend(await createNodeGpu());
const p = trainingPresets.digits!;
const n = 1438;
const o = resolveOptions({ model: p.model, data: { x: ndarray([n, 64], "f32", normals(1, 4, 0, n * 64)), y: ndarray([n], "i32", Int32Array.from({ length: n }, (_, i) => i % 10)) }, batch: 32, optimizer: p.optimizer }, b);
const g = trainingGraph({ ...o, x: o.data.x, y: o.data.y, rows: n, streams: false });
const e = await b.compile(g.graph, { nodes: fuse(g.graph) });
const dev = b.gpu.device;
await e.run(20);
const N = 200;
let t = performance.now(); await e.run(N); console.log("step ms", (performance.now() - t) / N, e.recording.dispatches.length);
for (const d of e.recording.dispatches) {
  const enc = dev.createCommandEncoder(); const pass = enc.beginComputePass();
  for (let i = 0; i < N; i++) { pass.setPipeline(d.pipeline); pass.setBindGroup(0, d.bindGroup); pass.dispatchWorkgroups(...d.workgroups); }
  pass.end(); t = performance.now(); dev.queue.submit([enc.finish()]); await dev.queue.onSubmittedWorkDone();
  console.log(d.label.padEnd(60), String(d.workgroups).padEnd(10), ((performance.now() - t) / N * 1000).toFixed(0), "us");
}
process.exit(0);
