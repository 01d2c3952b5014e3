// Makes a compute pipeline of every WGSL file in a folder, with Dawn, so that the capture layer sees it.
//   node compile.mjs WEBGPU_PACKAGE WGSL_FOLDER OUT_FOLDER [TOGGLE,...] [-TOGGLE,...]
// OUT_FOLDER/index.json: for every file the numbers of its captures, or why there is none.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [home, wgsl, out, ...toggles] = process.argv.slice(2);
const { create, globals } = await import(pathToFileURL(join(home, "index.js")));
Object.assign(globalThis, globals);
const on = ["allow_unsafe_apis", ...toggles.filter((t) => !t.startsWith("-"))];
const off = toggles.filter((t) => t.startsWith("-")).map((t) => t.slice(1));
const flags = [`enable-dawn-features=${on}`, ...(off.length ? [`disable-dawn-features=${off}`] : [])];
const gpu = create(flags);
const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
if (!adapter) throw new Error("no adapter: see Mesa's and Dawn's messages above");
const { info } = adapter;
const names = ["subgroups", "shader-f16", "subgroup-size-control", "chromium-experimental-subgroup-matrix"];
const limits = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxStorageBuffersPerShaderStage",
];
const device = await adapter.requestDevice({
  requiredFeatures: names.filter((n) => adapter.features.has(n)),
  requiredLimits: Object.fromEntries(limits.map((n) => [n, adapter.limits[n]])),
});

const captured = () => new Set(readdirSync(out).filter((f) => /^\d+\.json$/.test(f)));
const index = {
  adapter: { vendor: info.vendor, architecture: info.architecture, device: info.device, description: info.description },
  subgroups: [info.subgroupMinSize, info.subgroupMaxSize],
  features: names.filter((n) => device.features.has(n)),
  matrices: [...(info.subgroupMatrixConfigs ?? [])].map((c) => ({
    in: c.componentType,
    out: c.resultComponentType,
    M: c.M,
    N: c.N,
    K: c.K,
  })),
  flags,
  kernels: {},
};

/** The bindings as the product declares them, not only those that the code reads. */
function layoutOf(code) {
  const entries = [...code.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<(uniform|storage)(?:,\s*(\w+))?>/g)].map(
    ([, binding, space, access]) => ({
      binding: Number(binding),
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: space === "uniform" ? "uniform" : access === "read_write" ? "storage" : "read-only-storage" },
    }),
  );
  return device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] });
}

for (const file of readdirSync(wgsl)
  .filter((f) => f.endsWith(".wgsl"))
  .sort()) {
  const name = file.slice(0, -".wgsl".length);
  const code = readFileSync(join(wgsl, file), "utf8");
  const before = captured();
  try {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code });
    const pipeline = await device.createComputePipelineAsync({
      layout: layoutOf(code),
      compute: { module, entryPoint: "main" },
    });
    const error = await device.popErrorScope();
    if (error) throw new Error(error.message);
    index.kernels[name] = { captures: [...captured()].filter((f) => !before.has(f)).sort(), made: Boolean(pipeline) };
  } catch (error) {
    index.kernels[name] = { captures: [], error: String(error.message ?? error).slice(0, 600) };
  }
}
writeFileSync(join(out, "index.json"), JSON.stringify(index, null, 1));
process.exit(0); // Dawn's objects may be let go in any order only by the system.
