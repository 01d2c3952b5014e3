import { sizeOf } from "../core/ndarray.ts";
import type { Node, Tensor } from "./graph.ts";

/** What is known of a step whose values are to be computed again. */
export interface RecomputeOptions {
  /** The loss of each batch of the step, in their order. */
  readonly losses: readonly Tensor[];
  /** Flat variables of the parameters: what depends on none of them is no part of the net, and stays. */
  readonly parameters: readonly Tensor[];
  /** Values that the host reads. */
  readonly kept: ReadonlySet<Tensor>;
  /** A node that copies a value: what an op updates in place must not be updated a second time. */
  readonly copy: (t: Tensor) => Node;
}

/**
 * The same step in less memory: between places where little passes on, as it is where a block of layers ends, no value of
 * the forward pass is kept for the way back. What the way back reads of them is computed again, each right before its first
 * reader, from what did pass on. Nodes that run again are those that ran, with the same inputs, so every bit is the same;
 * random bits go by a counter, and what is updated in place, as running statistics are, is updated once.
 */
export function recompute(nodes: readonly Node[], options: RecomputeOptions): readonly Node[] {
  const out = [...nodes];
  for (const loss of options.losses) {
    const pass = passOf(out, loss, options.parameters);
    const dropped = droppedOf(pass, options.kept);
    if (dropped.size === 0) continue;
    const again = new Again(pass, dropped, options.copy);
    out.splice(pass.end, out.length, ...out.slice(pass.end).flatMap((node) => again.before(node)));
  }
  return out;
}

/** The forward pass of one batch. */
interface Pass {
  /** Its nodes in order, without that of the loss. */
  readonly forward: readonly Node[];
  /** Place of the first node behind the loss. */
  readonly end: number;
  /** Of every value that a forward node makes: where it has its memory. */
  root(t: Tensor): Tensor;
  readonly producers: ReadonlyMap<Tensor, Node>;
  /** Values that nodes behind the loss read, by their roots. */
  readonly readBack: ReadonlySet<Tensor>;
}

function passOf(nodes: readonly Node[], loss: Tensor, parameters: readonly Tensor[]): Pass {
  const at = nodes.findIndex((node) => node.outputs.includes(loss));
  const needed = new Set<Tensor>(nodes[at]!.inputs);
  const learned = new Set<Tensor>(parameters);
  const fed = new Set<Tensor>();
  const ancestors = new Set<Node>();
  for (const node of nodes.slice(0, at).reverse()) {
    if (!node.outputs.some((t) => needed.has(t))) continue;
    ancestors.add(node);
    for (const t of node.inputs) needed.add(t);
  }
  const forward = nodes.slice(0, at).filter((node) => {
    // Weights by themselves, turned or as halves, serve both ways: only what is made of a batch too is the pass.
    const both = [
      node.inputs.some((t) => learned.has(t)),
      node.inputs.some((t) => fed.has(t) || (t.kind === "variable" && !learned.has(t))),
    ];
    for (const t of node.outputs) {
      if (both[0]) learned.add(t);
      if (both[1]) fed.add(t);
    }
    return ancestors.has(node) && both[0] && both[1];
  });
  const producers = new Map(forward.flatMap((node) => node.outputs.map((t) => [t, node] as const)));
  const root = (t: Tensor): Tensor => {
    const node = producers.get(t);
    return node?.op.view === "slice" ? root(node.inputs[0]!) : t;
  };
  const readBack = new Set(nodes.slice(at + 1).flatMap((node) => node.inputs.map(root)));
  return { forward, end: at + 1, root, producers, readBack };
}

const bytes = (t: Tensor): number => 4 * sizeOf(t.shape);

/** Values with memory of their own that a forward node makes: no views, and nothing that it updates in place. */
const madeBy = (node: Node): readonly Tensor[] =>
  node.op.view ? [] : node.outputs.filter((_, i) => !node.op.inPlace?.some(([o]) => o === i));

/** Values that are not kept for the way back. */
function droppedOf(pass: Pass, kept: ReadonlySet<Tensor>): ReadonlySet<Tensor> {
  const { forward, root, readBack } = pass;
  const made = new Map<Tensor, number>();
  const last = new Map<Tensor, number>();
  forward.forEach((node, i) => {
    for (const t of madeBy(node)) made.set(t, i);
    for (const t of node.inputs) last.set(root(t), i);
  });
  // What no forward node reads is read by the loss, or by the way back alone.
  const end = (t: Tensor): number => last.get(t) ?? made.get(t)!;
  const passing = new Float64Array(forward.length);
  for (const [t, from] of made) for (let i = from; i < end(t); i++) passing[i]! += bytes(t);
  const saved = forward.map((node) => madeBy(node).reduce((sum, t) => sum + (readBack.has(t) ? bytes(t) : 0), 0));
  const cuts = cutsOf(passing, saved);
  const final = cuts.at(-1) ?? -1;
  const hostReads = new Set([...kept].map(root));
  const stays = (t: Tensor, from: number): boolean => cuts.some((i) => from <= i && i < end(t));
  return new Set(
    [...made].filter(([t, from]) => from <= final && !hostReads.has(t) && !stays(t, from)).map(([t]) => t),
  );
}

/** How many sizes of the largest segment are tried. */
const TRIED = 48;

/**
 * Cuts behind forward nodes, where what passes on is kept, so that this and the largest segment between two cuts, whose
 * values are there together on the way back, are least in sum.
 */
function cutsOf(passing: Float64Array, saved: readonly number[]): readonly number[] {
  const n = saved.length;
  const before = new Float64Array(n + 1);
  saved.forEach((size, i) => {
    before[i + 1] = before[i]! + size;
  });
  const [least, all] = [Math.max(...saved), before[n]!];
  let best: readonly number[] = [];
  let bestBytes = all;
  for (let k = 0; k < TRIED && least > 0; k++) {
    const most = least * (all / least) ** (k / TRIED);
    // kept[j]: least that passes over cuts in front of node j, where there is one; n: the end, over which nothing passes.
    const kept = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
    const from = new Int32Array(n + 1);
    kept[0] = 0;
    for (let j = 1; j <= n; j++) {
      for (let i = j - 1; i >= 0 && before[j]! - before[i]! <= most * (1 + 1e-9); i--) {
        const total = kept[i]! + (j === n ? 0 : passing[j - 1]!);
        if (total < kept[j]!) [kept[j], from[j]] = [total, i];
      }
    }
    if (kept[n]! + most >= bestBytes) continue;
    bestBytes = kept[n]! + most;
    const cuts: number[] = [];
    for (let j = from[n]!; j > 0; j = from[j]!) cuts.unshift(j - 1);
    best = cuts;
  }
  return best;
}

/** Nodes that compute dropped values again, made as they are asked for. */
class Again {
  private readonly copies = new Map<Tensor, Tensor>();

  constructor(
    private readonly pass: Pass,
    private readonly dropped: ReadonlySet<Tensor>,
    private readonly copy: (t: Tensor) => Node,
  ) {}

  /** A node of the way back, reading what is computed again, behind the nodes that compute it where none has yet. */
  before(node: Node): readonly Node[] {
    const made: Node[] = [];
    const inputs = node.inputs.map((t) => this.of(t, made));
    return inputs.every((t, i) => t === node.inputs[i]) ? [node] : [...made, { ...node, inputs }];
  }

  /** The value itself where it is kept, else what computes it again. */
  private of(t: Tensor, made: Node[]): Tensor {
    if (!this.dropped.has(this.pass.root(t))) return t;
    const found = this.copies.get(t);
    if (found) return found;
    const node = this.pass.producers.get(t)!;
    const inputs = node.inputs.map((input, i) => {
      const alias = node.op.inPlace?.find(([, from]) => from === i);
      if (!alias) return this.of(input, made);
      const copied = this.copy(node.outputs[alias[0]]!);
      made.push(copied);
      return copied.outputs[0]!;
    });
    const outputs: Tensor[] = [];
    const again: Node = { ...node, inputs, outputs };
    for (const output of node.outputs) {
      const copy = { ...output, name: `${output.name}, again`, node: again };
      outputs.push(copy);
      this.copies.set(output, copy);
    }
    made.push(again);
    return this.copies.get(t)!;
  }
}
