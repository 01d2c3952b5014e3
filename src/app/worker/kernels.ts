import type { Backend } from "../../backend/executor.ts";
import type { WebGpuBackend } from "../../backend/webgpu/backend.ts";
import { Launcher } from "../../backend/webgpu/launcher.ts";
import { measure } from "../../bench/stats.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Node } from "../../graph/graph.ts";
import type { Binding, KernelPlan, Launch } from "../../graph/op.ts";
import { openGpu } from "./devices.ts";
import { current } from "./session.ts";
import { stepKernels } from "./step-kernels.ts";
import { rowsWithin, type XrayReport, xrayNow } from "./xray.ts";

export interface KernelTiming {
  readonly id: number;
  /** Milliseconds of all its dispatches; null where they could not be run by themselves. */
  readonly ms: number | null;
}

/** Another text for one launch of a node. */
export interface KernelEdit {
  readonly id: number;
  readonly launch: number;
  readonly code: string;
}

/** Rows of the check that follows an edit: those of the batch, so that the same rung is taken, up to this many. */
const MOST_ROWS = 128;
/** Multiply-adds of its way forward, in plain loops: fewer rows where a row is much work. */
const MOST_WORK = 1e8;

async function theGpu(): Promise<WebGpuBackend> {
  const { backend, reason } = await openGpu();
  if (!backend) throw new ChainruleError("adapter", reason ?? "there is no WebGPU here");
  return backend;
}

/** Every kernel by itself, on arrays of zeros of its own: many dispatches in a pass, divided by their number. */
export async function timeKernels(): Promise<readonly KernelTiming[]> {
  const gpu = await theGpu();
  const timings: KernelTiming[] = [];
  for (const [id, { node, plan }] of (await stepKernels()).entries()) {
    timings.push({ id, ms: await timeNode(gpu, node, plan) });
    await new Promise((resolve) => setTimeout(resolve));
  }
  return timings;
}

/** Milliseconds of all dispatches of a node, by itself; null where it cannot be. */
export async function timeNode(gpu: WebGpuBackend, node: Node, plan: KernelPlan): Promise<number | null> {
  const arrays = [...node.inputs, ...node.outputs, ...(plan.scratch ?? [])];
  const place = (b: Binding): number => {
    const alias = b.kind === "output" ? node.op.inPlace?.find(([out]) => out === b.index)?.[1] : undefined;
    if (b.kind === "input" || alias !== undefined) return alias ?? b.index;
    return node.inputs.length + b.index + (b.kind === "scratch" ? node.outputs.length : 0);
  };
  // A launch on a window of an array is timed on the array's beginning.
  const whole = (l: Launch): Launch => ({ ...l, bindings: l.bindings.map((b) => ({ ...b, index: place(b) })) });
  const launcher = new Launcher(
    gpu.gpu,
    arrays.map((t) => Math.max(16, Math.ceil(sizeOf(t.shape) / 4) * 16)),
  );
  try {
    const submits = await Promise.all(plan.launches.map((l) => launcher.prepare(whole(l), node.op.name)));
    const work = (n: number): Promise<void> => {
      for (const submit of submits) submit(n);
      return launcher.done();
    };
    return (await measure(work, { samples: 3, sampleMs: 12 })).median;
  } catch {
    return null;
  } finally {
    launcher.dispose();
  }
}

/** The compiler's errors for an edited launch, by line; none where it compiles. Nothing else changes. */
export async function compileEdit(edit: KernelEdit): Promise<{ line: number; message: string }[]> {
  const gpu = await theGpu();
  const { node, plan } = (await stepKernels())[edit.id]!;
  const launch = plan.launches[edit.launch]!;
  try {
    await gpu.gpu.pipelines.get({ ...launch, code: edit.code }, node.op.name);
    return [];
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const found = [...text.matchAll(/line (\d+): ([^;]*)/g)].map((m) => ({
      line: Number(m[1]),
      message: m[2]!.trim(),
    }));
    return found.length > 0 ? found : [{ line: 1, message: text }];
  }
}

/** The X-ray with one launch of one node edited; the run itself goes on with the kernels it has. */
export async function xrayEdited(edit: KernelEdit): Promise<XrayReport> {
  await theGpu();
  const { node: target, kernel } = (await stepKernels())[edit.id]!;
  const edited = (node: Node): Node => {
    if (node.op !== target.op || node.outputs[0]!.name !== target.outputs[0]!.name) return node;
    const plan: typeof kernel.plan = (...args) => {
      const right = kernel.plan(...args);
      const launches = right?.launches.map((l, i) => (i === edit.launch ? { ...l, code: edit.code } : l));
      return right && { ...right, launches: launches! };
    };
    return { ...node, op: { ...node.op, kernels: [{ name: kernel.name, plan }] } };
  };
  const broken = (b: Backend): Backend => ({
    ...b,
    compile: (g, options) =>
      b.compile(g, { ...options, nodes: (options?.nodes ?? g.nodes).map(edited), onChip: false, selfTest: false }),
  });
  const { batchRows, options } = current().trainer;
  const most = rowsWithin(options.model, Math.min(MOST_ROWS, batchRows), MOST_WORK);
  return xrayNow({ broken, deviceAlone: { rows: most } });
}
