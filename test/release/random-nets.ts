import { fileURLToPath } from "node:url";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createNodeGpu } from "../../src/backend/webgpu/node.ts";
import { asDispatches } from "../shared/gpu.ts";
import { type GraphCase, graphErrors, longestGradient } from "../shared/torch-graph.ts";
import { runPython, Verdict } from "./python.ts";

/**
 * Nets that nobody chose against PyTorch: outputs, every gradient, running statistics, evaluation. In f64 to 1e-11; in f32
 * to 2e-5, or to five times what PyTorch's own float32 loses where a net magnifies rounding. Lengths are those of each
 * gradient, or a hundredth of the longest: a bias before a norm has none but rounding.
 */
const [seed = "1", count = "100"] = process.argv.slice(2);
const f64 = referenceBackend("f64");
const f32 = [await wasmBackend(), asDispatches(await webgpuBackend(await createNodeGpu()))];
const verdict = new Verdict();
const script = fileURLToPath(new URL("random_nets.py", import.meta.url));
for (const of of ["images", "sequences"]) {
  const { status, out, err } = runPython([script, of, seed, count], process.cwd());
  if (status !== 0) throw new Error(err);
  for (const c of JSON.parse(out) as readonly (GraphCase & { readonly f32: number })[]) {
    const least = longestGradient(c) / 100;
    const worst = async (backend: typeof f64) =>
      (await graphErrors(backend, c, least)).reduce((a, b) => (b[1] > a[1] || Number.isNaN(b[1]) ? b : a));
    const limits = [[f64, 1e-11] as const, ...f32.map((b) => [b, Math.max(2e-5, 5 * c.f32)] as const)];
    for (const [backend, limit] of limits) {
      try {
        const [what, error] = await worst(backend);
        const figure = `${error.toExponential(1)} of ${limit.toExponential(1)}, ${what}`;
        verdict.say(`${c.name}, ${backend.description.slice(0, 20)}`, error <= limit, figure);
      } catch (fault) {
        verdict.say(c.name, false, `${(fault as Error).message} ${JSON.stringify(c.model)}`);
      }
    }
  }
}
for (const backend of [f64, ...f32]) backend.dispose();
verdict.end();
