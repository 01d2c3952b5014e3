import { cpuBackend } from "../backend/cpu.ts";
import type { Backend } from "../backend/executor.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { type BenchRow, benchMatmul, productSizes } from "../bench/matmul.ts";
import type { Timing } from "../bench/stats.ts";
import { benchSteps, type StepRow, stepSizes } from "../bench/step.ts";
import { benchDirections, type DirectionRow } from "../bench/tutorial.ts";
import { ChainruleError } from "../core/errors.ts";
import { matmul } from "../ops/matmul.ts";
import { backendChoices, openBackend } from "./backend.ts";
import { clearProgress, note, print, progress, short, table } from "./output.ts";
import { choiceFlag, countFlag, parse } from "./usage.ts";

const help = `Usage: chainrule bench [matmul|step|tutorial] [options]

Times the three matrix products (matmul, transposeMatmul both ways, outerProduct) and whole training steps on GPU
and CPU. Nothing is timed before its result has been verified. Without a name: products, then steps.
tutorial: gradients from the front (forward mode) against backward, counted and timed, as depth and width grow.

  --max <N>       widest layer (default 512)
  --rung <name>   time this kernel of the ladder: naive, tiled, register8, register8-vec4, ...
  --backend <B>   auto (default), webgpu, cpu or reference
  --json          results as JSON`;

const options = { max: { type: "string" }, rung: { type: "string" }, backend: { type: "string" } } as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [0, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const what = choiceFlag("name", positionals[0], ["matmul", "step", "tutorial"] as const);
  const max = countFlag("max", values.max) ?? 512;
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const abort = new AbortController();
  process.on("SIGINT", () => (abort.signal.aborted ? process.exit(130) : abort.abort()));
  try {
    if (what === "tutorial") return await directions(values.json === true, abort.signal);
    const backend = await openBackend(choice);
    const gpu = backend.kind === "webgpu" ? (backend as WebGpuBackend) : null;
    const cpu = gpu ? await cpuBackend() : backend;
    const products: BenchRow[] = [];
    const steps: StepRow[] = [];
    if (what !== "step") {
      const rung = values.rung === undefined ? {} : { rung: rungFlag(values.rung) };
      for await (const row of benchMatmul({ gpu, cpu, sizes: productSizes(max), signal: abort.signal, ...rung })) {
        products.push(row);
        progress(`${row.name}: ${row.gflops ? `${short(row.gflops)} GFLOP/s` : "done"}`);
      }
      if (!values.json) print(`${productTable(products)}\n`);
    }
    if (what !== "matmul") {
      const backends: Backend[] = gpu ? [gpu, cpu] : [cpu];
      for await (const row of benchSteps({ backends, sizes: stepSizes(max), signal: abort.signal })) {
        steps.push(row);
        progress(`${row.name}: ${row.stepsPerSecond ? `${short(row.stepsPerSecond)} steps/s` : "wrong"}`);
      }
      clearProgress();
      if (!values.json) print(stepTable(steps));
    }
    if (values.json) print(JSON.stringify({ backend: backend.description, products, steps }));
    const wrong = [...products, ...steps].filter((r) => !r.verified).map((r) => r.name);
    if (wrong.length > 0) note(`wrong results, not timed: ${wrong.join(", ")}`);
    return wrong.length > 0 ? 1 : 0;
  } catch (error) {
    if (abort.signal.aborted) throw new ChainruleError("aborted", "stopped");
    throw error;
  }
}

/** A rung of the matmul ladder by name. */
function rungFlag(name: string): string {
  const rungs = matmul.kernels.map((k) => k.name.split("/")[1]!);
  return choiceFlag("rung", name, rungs)!;
}

const spread = (t: Timing | null): string => (t ? `${short(t.median)} (${short(t.low)}-${short(t.high)})` : "-");

function productTable(rows: readonly BenchRow[]): string {
  clearProgress();
  const header = ["product M x N x K", "kernel", "GPU ms", "GFLOP/s", "CPU ms", "GFLOP/s"];
  return table(
    header,
    rows.map((r) => [
      r.name,
      r.verified ? r.kernel : `${r.kernel}: WRONG`,
      spread(r.gpuMs),
      r.gflops === null ? "-" : short(r.gflops),
      spread(r.cpuMs),
      r.cpuGflops === null ? "-" : short(r.cpuGflops),
    ]),
  );
}

function stepTable(rows: readonly StepRow[]): string {
  return table(
    ["training step", "batch", "parameters", "backend", "ms", "steps/s"],
    rows.map((r) => [
      r.name,
      String(r.batch),
      String(r.parameters),
      r.backend,
      r.verified ? spread(r.ms) : "WRONG",
      r.stepsPerSecond === null ? "-" : short(r.stepsPerSecond),
    ]),
  );
}

async function directions(json: boolean, signal: AbortSignal): Promise<number> {
  const rows: DirectionRow[] = [];
  for await (const row of benchDirections(signal)) {
    rows.push(row);
    progress(`${row.layers} layers of ${row.width}`);
  }
  clearProgress();
  if (json) print(JSON.stringify(rows));
  else {
    const header = [
      "weight layers x width",
      "weights",
      "backward",
      "from the front",
      "ratio",
      "backward ms",
      "front ms",
      "difference",
    ];
    print(
      table(
        header,
        rows.map((r) => [
          `${r.layers} x ${r.width}`,
          String(r.weights),
          String(r.backward),
          String(r.forwardMode),
          `${short(r.forwardMode / r.backward)}x`,
          spread(r.backwardMs),
          spread(r.forwardModeMs),
          r.difference.toExponential(1),
        ]),
      ),
    );
    print(
      "\nCounts are multiplications. Backward needs one pass whatever the number of weights; the front one pass a weight.",
    );
  }
  return rows.every((r) => r.difference < 1e-9) ? 0 : 1;
}
