import { cpuBackend } from "../backend/cpu.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { webgpuBackend } from "../backend/webgpu/backend.ts";
import { conform } from "../backend/webgpu/conform.ts";
import { createNodeGpu, listNodeAdapters } from "../backend/webgpu/node.ts";
import { ChainruleError } from "../core/errors.ts";
import { ops } from "../ops/all.ts";
import { proofOf } from "../proof/proof-of.ts";
import { clearProgress, everySoOften, print } from "./output.ts";
import { parse } from "./usage.ts";

const help = `Usage: chainrule doctor [--full] [--json]

Shows the CPU path and the WebGPU adapters of this machine, their features and limits, and runs every kernel against
the reference (one case each; --full runs all). Most of that is compiling, which a software adapter takes minutes for:
how far it is stands on stderr. Says what to do where something is missing.`;

export async function run(args: readonly string[]): Promise<number> {
  const { values } = parse(args, { full: { type: "boolean" } }, [0, 0]);
  if (values.help) {
    print(help);
    return 0;
  }
  const json = values.json === true;
  const platform = `Node ${process.version}, ${process.platform} ${process.arch}`;
  const cpu = await cpuBackend();
  if (!json) print(`${platform}\n${cpu.description}`);
  let backend: WebGpuBackend;
  try {
    const said: string[] = [];
    const adapters = await listNodeAdapters({ said });
    if (!json) for (const line of said) if (/^(Warning|Error)/.test(line)) print(`passed over, a driver: ${line}`);
    if (!json) for (const a of adapters) print(`adapter: ${a.name} (${a.backend}, ${a.source})`);
    backend = await webgpuBackend(await createNodeGpu({ quiet: true }));
  } catch (error) {
    if (!(error instanceof ChainruleError)) throw error;
    print(
      json
        ? JSON.stringify({ platform, cpu: cpu.description, adapter: null, advice: error.message })
        : `no adapter: ${error.message}`,
    );
    return 1;
  }
  const { gpu } = backend;
  const { features } = gpu;
  if (!json) {
    print(`in use: ${backend.description}${gpu.caps.onCpu ? " (software: right, but slow; no measure of speed)" : ""}`);
    print(`features: ${features.join(", ")}`);
    for (const [name, value] of Object.entries(gpu.caps)) print(`  ${name}: ${value}`);
  }
  const results = await selfTest(backend, values.full === true);
  const failed = results.filter((r) => !r.pass);
  if (json) {
    const adapter = backend.description;
    print(JSON.stringify({ platform, cpu: cpu.description, adapter, features, limits: gpu.caps, selfTest: results }));
  } else {
    for (const r of failed) print(`WRONG ${r.kernel} (${r.case}): ${r.reason}`);
    print(`self-test: ${results.length - failed.length} of ${results.length} kernel runs right`);
  }
  backend.dispose();
  return failed.length > 0 ? 1 : 0;
}

/** Each kernel on its largest case, or on all. */
async function selfTest(backend: WebGpuBackend, full: boolean) {
  const results: { kernel: string; case: string; pass: boolean; reason: string }[] = [];
  const total = ops.reduce((sum, op) => sum + op.kernels.length, 0);
  const tell = everySoOften();
  let done = 0;
  for (const op of ops) {
    const proof = await proofOf(op);
    const cases = full ? proof.cases : [...proof.cases].reverse();
    for (const kernel of op.kernels) {
      done++;
      for (const c of cases) {
        tell(`self-test ${done} of ${total}: ${kernel.name} ${c.name}`);
        const result = await conform(backend.gpu, op, kernel, c);
        if (!result) continue;
        results.push({ kernel: kernel.name, case: c.name, pass: result.pass, reason: result.reason });
        if (!full) break;
      }
    }
  }
  clearProgress();
  return results;
}
