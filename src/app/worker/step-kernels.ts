import { type ChosenKernel, chooseKernel } from "../../backend/webgpu/choose.ts";
import type { Choice } from "../../backend/webgpu/tuner.ts";
import { keyOf } from "../../backend/webgpu/tuner-candidates.ts";
import { chooseLowering } from "../../backend/webgpu/whole-steps.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { DEFAULT_CAPS, type DeviceCaps } from "../../graph/op.ts";
import { fuse } from "../../ops/fuse.ts";
import { trainingGraph } from "../../train/run/training-graph.ts";
import { openGpu } from "./devices.ts";
import { current, trainingRows } from "./session.ts";

/** One rung of the ladder: why it was taken or not, and what it took where it was measured. */
export interface Rung {
  readonly name: string;
  readonly state: "chosen" | "slower" | "unsuited" | "wrong" | "inapplicable";
  readonly ms: number | null;
}

/** A node of the step as the device runs it. */
export interface KernelNode {
  readonly id: number;
  readonly name: string;
  readonly op: string;
  readonly kernel: string;
  /** How the kernel was chosen: by measuring it or a like one, now or before; by the ladder's own rule where not. */
  readonly how: Choice["how"] | "rule";
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly rungs: readonly Rung[];
  readonly launches: readonly { readonly code: string; readonly workgroups: readonly number[] }[];
  /** False for nodes of the batch, the update and the books, which a check of gradients does not run. */
  readonly checked: boolean;
}

/** The step of a run, node by node; and as one kernel, where the device runs whole steps so. */
export interface StepKernels {
  readonly nodes: readonly KernelNode[];
  readonly whole: string | null;
}

/** Nodes of the batch, of the update and of the books. */
const UNCHECKED =
  /^(drawBatch|batchIndex|gather|gradientStats|control|controlAndRecord|record|sgd|adam|adamw|rmsprop|adagrad)$/;

/** The step of the run that is set up, recorded again: nothing of it is allocated. */
async function stepGraph(): Promise<Graph> {
  const { options } = current().trainer;
  const data = trainingRows();
  return (await trainingGraph({ ...options, x: data.x, y: data.y, rows: data.x.shape[0]!, streams: false })).graph;
}

async function caps(): Promise<DeviceCaps> {
  return (await openGpu()).backend?.gpu.caps ?? DEFAULT_CAPS;
}

/** The nodes of the step with the kernels that they have as dispatches; what was not measured yet is measured now. */
export async function stepKernels(given?: Graph): Promise<readonly (ChosenKernel & { readonly node: Node })[]> {
  const limits = await caps();
  const nodes = fuse(given ?? (await stepGraph())).filter((node) => !node.op.view);
  const measured = await (await openGpu()).backend?.tuner?.kernels(nodes);
  return nodes.map((node) => ({ node, ...chooseKernel(node, limits, measured?.get(node) ?? null) }));
}

const shaped = (t: { readonly name: string; readonly shape: readonly number[] }): string =>
  `${t.name} [${t.shape.join(", ")}]`;

export async function kernelNodes(): Promise<StepKernels> {
  const limits = await caps();
  const g = await stepGraph();
  const chosen = await stepKernels(g);
  const made = (await openGpu()).backend?.tuner?.made ?? [];
  const nodes = chosen.map(({ node, kernel, plan }, id): KernelNode => {
    const choice = node.op.trial ? made.find((c) => c.key === keyOf(node, limits)) : undefined;
    return {
      id,
      name: node.outputs[0]!.name,
      op: node.op.name,
      kernel: kernel.name,
      how: choice?.how ?? "rule",
      inputs: node.inputs.map(shaped),
      outputs: node.outputs.map(shaped),
      rungs: rungsOf(node, kernel.name, choice, limits),
      launches: plan.launches.map(({ code, workgroups }) => ({ code, workgroups })),
      checked: !UNCHECKED.test(node.op.name),
    };
  });
  return { nodes, whole: chooseLowering(g, limits, {})?.code ?? null };
}

function rungsOf(node: Node, taken: string, choice: Choice | undefined, limits: DeviceCaps): readonly Rung[] {
  const at = node.op.kernels.findIndex((k) => k.name === taken);
  return node.op.kernels.map((k, i): Rung => {
    const result = choice?.results.find((r) => r.kernel === k.name);
    const rung = { name: k.name, ms: result?.ms ?? null };
    if (i === at) return { ...rung, state: "chosen" };
    if (!k.plan(node.inputs, node.outputs, node.attrs, limits)) return { ...rung, state: "inapplicable" };
    if (result) return { ...rung, state: result.ms === null ? "wrong" : "slower" };
    const suits = k.suits?.(node.inputs, node.attrs, limits) !== false;
    return { ...rung, state: suits && i < at ? "slower" : "unsuited" };
  });
}
