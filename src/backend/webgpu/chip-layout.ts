import { sizeOf } from "../../core/ndarray.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { type MemoryPlan, planMemory } from "../../graph/memory-plan.ts";

/**
 * What holds the values while steps run: variables of the one invocation; memory of the workgroup; or a storage buffer,
 * for adapters on a CPU, where the memory of a workgroup is no nearer and takes long to compile, being set to zero.
 */
export type ChipMemory = "variables" | "workgroup" | "storage";

/** Where the values of a graph lie when its steps run in one workgroup. */
export interface ChipLayout {
  readonly plan: MemoryPlan;
  readonly memory: ChipMemory;
  /** Buffers of the plan that are bound as they are: data sets, the loss ring. The others are on the chip. */
  readonly bound: readonly number[];
  /**
   * For buffers on the chip that outlive a dispatch (variables, and values that the host reads; all, where the memory is
   * a storage buffer): the first of their words in the one buffer that keeps them between dispatches.
   */
  readonly saved: ReadonlyMap<number, number>;
  /** Words of that buffer. */
  readonly savedWords: number;
  /** Buffers that steps write. */
  readonly written: ReadonlySet<number>;
  /** Bytes of the values on the chip. */
  readonly chipBytes: number;
}

/**
 * Lays out a graph. Variables stay in the device's memory where an op looks things up in them, and, largest first, where
 * steps do not change them and the chip would not hold all.
 */
export function layOut(g: Graph, keepAll: boolean, memory: ChipMemory, room: number): ChipLayout {
  const plan = planMemory(g, g.nodes, () => [], keepAll);
  const bufferOf = (t: Tensor): number => plan.places.get(t)!.storage.buffer;
  const bound = new Set(lookups(g.nodes).map(bufferOf));
  const written = new Set(g.nodes.flatMap(updated).map(bufferOf));
  let used = plan.buffers.reduce((sum, b, i) => sum + (bound.has(i) ? 0 : b.bytes), 0);
  for (const v of [...g.variables].sort((a, b) => sizeOf(b.shape) - sizeOf(a.shape))) {
    const buffer = bufferOf(v);
    if (used <= room) break;
    if (bound.has(buffer) || written.has(buffer)) continue;
    bound.add(buffer);
    used -= plan.buffers[buffer]!.bytes;
  }
  const saved = new Map<number, number>();
  let savedWords = 0;
  const read = keepAll ? g.nodes.flatMap((n) => n.outputs) : [...g.kept];
  for (const t of [...g.variables, ...read]) {
    const buffer = bufferOf(t);
    if (t.kind === "computed") written.add(buffer);
    if (saved.has(buffer) || bound.has(buffer)) continue;
    saved.set(buffer, savedWords);
    savedWords += plan.buffers[buffer]!.bytes / 4;
  }
  plan.buffers.forEach(({ bytes }, buffer) => {
    if (memory !== "storage" || saved.has(buffer) || bound.has(buffer)) return;
    saved.set(buffer, savedWords);
    savedWords += bytes / 4;
  });
  return { plan, memory, bound: [...bound].sort((a, b) => a - b), saved, savedWords, written, chipBytes: used };
}

const lookups = (nodes: readonly Node[]): Tensor[] =>
  nodes.flatMap(({ op, inputs }) => (op.lookups ?? []).map((i) => inputs[i]!)).filter((t) => t.kind === "variable");

const updated = ({ op, inputs }: Node): Tensor[] =>
  (op.inPlace ?? []).flatMap(([, from]) => (inputs[from] ? [inputs[from]] : []));
