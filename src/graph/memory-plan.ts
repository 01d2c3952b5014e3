import { ChainruleError } from "../core/errors.ts";
import { sizeOf } from "../core/ndarray.ts";
import type { TensorSpec } from "./graph.ts";
import { bytesOf, type Graph, type Node, type Tensor } from "./graph.ts";

/** Where a value lies: an element offset inside a storage. */
export interface Place {
  readonly storage: Storage;
  readonly offset: number;
}

/** One piece of device memory, for one value or for a variable with all its views. */
export interface Storage {
  readonly name: string;
  readonly bytes: number;
  readonly dtype: TensorSpec["dtype"];
  /** Values that own the memory by themselves to the end: variables, packed gradients, values the host reads. */
  readonly fixed: boolean;
  /** Number of the buffer; storages whose lives do not meet share one. */
  buffer: number;
  first: number;
  last: number;
}

export interface MemoryPlan {
  readonly places: ReadonlyMap<Tensor, Place>;
  /** Scratch of each node, by node. */
  readonly scratch: ReadonlyMap<Node, readonly Place[]>;
  /** Size of every buffer in bytes. Values of different types never share one. */
  readonly buffers: readonly {
    readonly name: string;
    readonly bytes: number;
    readonly dtype: TensorSpec["dtype"];
  }[];
}

/**
 * Decides before any run where every value lies. Variables, packed arrays and kept values have buffers of their own;
 * the others share buffers whenever their lives, from the node that makes them to the last that reads them, do not meet.
 * `bytesIn` says what a value takes where it is planned for.
 */
export function planMemory(
  g: Graph,
  nodes: readonly Node[],
  scratchOf: (node: Node) => readonly TensorSpec[],
  keepAll = false,
  bytesIn: (spec: TensorSpec) => number = bytesOf,
): MemoryPlan {
  const storages: Storage[] = [];
  const places = new Map<Tensor, Place>();
  const make = (name: string, spec: TensorSpec, fixed: boolean, at: number): Storage => {
    const bytes = Math.ceil(bytesIn(spec) / 16) * 16;
    const storage = { name, bytes, dtype: spec.dtype, fixed, buffer: -1, first: at, last: at };
    storages.push(storage);
    return storage;
  };
  const packed = packedInto(nodes);
  const kept = withSources(g.kept, nodes);
  const own = (t: Tensor, at: number): Place => {
    const target = packed.get(t);
    if (target) {
      const host = places.get(target.into) ?? place(target.into, make(target.into.name, target.into, true, at));
      return { storage: host.storage, offset: host.offset + target.offset };
    }
    return { storage: make(t.name, t, keepAll || kept.has(t), at), offset: 0 };
  };
  const place = (t: Tensor, storage: Storage, offset = 0): Place => {
    const p = { storage, offset };
    places.set(t, p);
    return p;
  };
  for (const v of g.variables) place(v, make(v.name, v, true, 0));
  const scratch = new Map<Node, readonly Place[]>();
  nodes.forEach((node, at) => {
    for (const t of node.inputs) touch(places, t, at);
    for (const [i, t] of node.outputs.entries()) {
      const alias = node.op.inPlace?.find(([o]) => o === i);
      if (alias) {
        const source = node.inputs[alias[1]]!;
        places.set(t, placeOf(places, source));
        refuseLaterReads(nodes, at, source);
      } else if (node.op.view === "slice") {
        const from = placeOf(places, node.inputs[0]!);
        places.set(t, { storage: from.storage, offset: from.offset + (node.attrs.offset ?? 0) });
      } else if (!places.has(t)) {
        // A packed array may have its place already, from the first value that went into it.
        places.set(t, own(t, at));
      }
    }
    for (const t of node.outputs) touch(places, t, at);
    const temporary = scratchOf(node).map((s) => ({ storage: make("scratch", s, false, at), offset: 0 }));
    if (temporary.length > 0) scratch.set(node, temporary);
  });
  for (const [t, { into, offset }] of packed) {
    const [is, has] = [placeOf(places, t), placeOf(places, into)];
    if (is.storage !== has.storage || is.offset !== has.offset + offset) {
      throw new ChainruleError("model", `${t.name} cannot be packed: it is a part of another value, or updates one`);
    }
  }
  return { places, scratch, buffers: share(storages) };
}

/** Values that must last to the end of a step, since they or views of them are read then. */
function withSources(kept: ReadonlySet<Tensor>, nodes: readonly Node[]): ReadonlySet<Tensor> {
  const all = new Set(kept);
  for (const { op, inputs, outputs } of nodes.toReversed()) {
    if (op.view === "slice" && all.has(outputs[0]!)) all.add(inputs[0]!);
  }
  return all;
}

/** What a value is a view of, as far as it shows the whole of it. */
function wholeSource(t: Tensor): Tensor {
  const source = t.node?.op.view === "slice" ? t.node.inputs[0]! : null;
  return source && sizeOf(source.shape) === sizeOf(t.shape) ? wholeSource(source) : t;
}

function placeOf(places: ReadonlyMap<Tensor, Place>, t: Tensor): Place {
  const p = places.get(t);
  if (!p) throw new ChainruleError("model", `${t.name} is used before it is computed`);
  return p;
}

function touch(places: ReadonlyMap<Tensor, Place>, t: Tensor, at: number): void {
  const { storage } = placeOf(places, t);
  storage.last = Math.max(storage.last, at);
}

/** An op that updates a value in place must be the last to see the old one. */
function refuseLaterReads(nodes: readonly Node[], at: number, source: Tensor): void {
  const old = wholeSource(source);
  const later = nodes.slice(at + 1).find((n) => n.inputs.some((t) => wholeSource(t) === old));
  if (later) throw new ChainruleError("model", `${later.op.name} reads ${source.name} after it was updated in place`);
}

/**
 * For each value that goes into a packed array: which one, and where. A view goes there as what it is a view of, which has
 * the memory.
 */
function packedInto(nodes: readonly Node[]): Map<Tensor, { into: Tensor; offset: number }> {
  const found = new Map<Tensor, { into: Tensor; offset: number }>();
  for (const node of nodes) {
    if (node.op.view !== "pack") continue;
    node.inputs.forEach((input, i) => {
      const t = wholeSource(input);
      if (t.kind === "variable" || found.has(t)) {
        throw new ChainruleError("model", `${t.name} cannot be packed twice, nor a variable be packed`);
      }
      found.set(t, { into: node.outputs[0]!, offset: node.attrs.offsets[i] });
    });
  }
  return found;
}

/**
 * The largest first: each goes to the smallest buffer in which nothing lives while it does. So a buffer never grows, and
 * what is small fills the gaps between what is large (greedy by size, Pisarchyk and Lee, 2020).
 */
function share(storages: readonly Storage[]): { name: string; bytes: number; dtype: Storage["dtype"] }[] {
  const buffers: { readonly held: Storage[] }[] = [];
  for (const s of [...storages].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    const free = (h: Storage): boolean => !h.fixed && h.dtype === s.dtype && (h.last < s.first || s.last < h.first);
    // Later buffers are the smaller ones.
    const found = s.fixed ? -1 : buffers.findLastIndex(({ held }) => held.every(free));
    s.buffer = found < 0 ? buffers.length : found;
    if (found < 0) buffers.push({ held: [s] });
    else buffers[found]!.held.push(s);
  }
  return buffers.map(({ held: [{ name, bytes, dtype }] }) => ({ name, bytes, dtype }));
}
