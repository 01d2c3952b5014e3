import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, sizeOf, type TypedArray } from "../../core/ndarray.ts";
import type { Graph, Node, Tensor, TensorSpec } from "../../graph/graph.ts";
import { type MemoryPlan, type Place, planMemory } from "../../graph/memory-plan.ts";
import type { WasmCall, WasmPlan } from "../../graph/op.ts";
import type { CompileOptions } from "../executor.ts";

/** The meeting place of threads (wasm/program.ts) lies below the first call. */
const PROGRAM_START = 128;
/** A call: function, parts, bytes to the next call, unused; see wasm/core.ts. */
const HEADER_WORDS = 4;
/** Buffers begin at cache lines, so that threads do not write to the same one. */
const LINE = 64;
const PAGE = 65536;
/** What 32-bit addresses reach. */
const MAX_BYTES = 2 ** 32 - PAGE;

/** A stretch of the program: calls in memory, or a node whose op has no kernel and runs its reference. */
export type Segment = { readonly first: number; readonly end: number } | { readonly reference: Node };

/** A graph laid out in linear memory. */
export interface Program {
  readonly plan: MemoryPlan;
  readonly segments: readonly Segment[];
  /** Words of all calls, from PROGRAM_START on. */
  readonly words: Uint32Array;
  readonly start: number;
  readonly bytes: number;
  /** True where some call has parts for threads. */
  readonly divides: boolean;
  addressOf(place: Place): number;
}

/** The calls of each node whose op has kernels. */
export function callsOf(nodes: readonly Node[]): Map<Node, WasmPlan> {
  const plans = new Map<Node, WasmPlan>();
  for (const node of nodes) {
    const plan = node.op.wasm?.(node.inputs, node.outputs, node.attrs);
    if (plan && !node.op.view) plans.set(node, plan);
  }
  return plans;
}

/** Decides where every value lies and writes the calls. Nothing is allocated yet; throws where it cannot fit. */
export function layProgram(
  g: Graph,
  options: CompileOptions,
  plans: ReadonlyMap<Node, WasmPlan>,
  kernels: readonly string[],
): Program {
  const nodes = options.nodes ?? g.nodes;
  // Every element takes a word here, halves too: kernels read f32.
  const bytesOf = ({ shape }: TensorSpec): number => 4 * sizeOf(shape);
  const plan = planMemory(g, nodes, (node) => plans.get(node)?.scratch ?? [], options.keepAll, bytesOf);
  const bases: number[] = [];
  let at = align(PROGRAM_START + 4 * countWords(plans.values()));
  for (const buffer of plan.buffers) {
    bases.push(at);
    at = align(at + buffer.bytes);
  }
  if (at > MAX_BYTES) {
    throw new ChainruleError("limit", `this run takes ${at} bytes; WebAssembly has ${MAX_BYTES}: use a smaller net`);
  }
  const addressOf = (place: Place): number => bases[place.storage.buffer]! + place.offset * 4;
  const words: number[] = [];
  const segments: Segment[] = [];
  for (const node of nodes) {
    if (node.op.view) continue;
    const calls = plans.get(node)?.calls;
    if (!calls) {
      segments.push({ reference: node });
      continue;
    }
    const first = PROGRAM_START + 4 * words.length;
    for (const call of calls) {
      words.push(...encode(call, kernels, (kind, i) => addressOf(placeOf(plan, node, kind, i))));
    }
    const end = PROGRAM_START + 4 * words.length;
    const last = segments.at(-1);
    if (last && "end" in last) segments.splice(-1, 1, { first: last.first, end });
    else segments.push({ first, end });
  }
  const divides = [...plans.values()].some((p) => p.calls.some((c) => (c.parts ?? 1) > 1));
  return { plan, segments, words: Uint32Array.from(words), start: PROGRAM_START, bytes: at, divides, addressOf };
}

const align = (bytes: number): number => Math.ceil(bytes / LINE) * LINE;

function countWords(plans: Iterable<WasmPlan>): number {
  let words = 0;
  for (const { calls } of plans) for (const call of calls) words += HEADER_WORDS + call.args.length;
  return words;
}

type Kind = "input" | "output" | "scratch";

function placeOf(plan: MemoryPlan, node: Node, kind: Kind, index: number): Place {
  if (kind === "scratch") return plan.scratch.get(node)![index]!;
  return plan.places.get((kind === "input" ? node.inputs : node.outputs)[index]!)!;
}

const floatBits = new Float32Array(1);
const floatWord = new Uint32Array(floatBits.buffer);

function encode(call: WasmCall, kernels: readonly string[], address: (kind: Kind, index: number) => number): number[] {
  const fn = kernels.indexOf(call.fn);
  if (fn < 0) throw new ChainruleError("model", `there is no kernel ${call.fn} in wasm/`);
  const args = call.args.map((arg) => {
    if (typeof arg === "number") return arg >>> 0;
    if ("kind" in arg) return address(arg.kind, arg.index) + 4 * (arg.offset ?? 0);
    floatBits[0] = arg.float;
    return floatWord[0]!;
  });
  return [fn, call.parts ?? 1, 4 * (HEADER_WORDS + args.length), 0, ...args];
}

/** Memory of the size that a program needs. Throws ChainruleError("limit") where the machine has no room. */
export function allocate(program: Program, shared: boolean): WebAssembly.Memory {
  const pages = Math.max(1, Math.ceil(program.bytes / PAGE));
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (error) {
    throw new ChainruleError("limit", `there is no room for the ${program.bytes} bytes of this run: ${String(error)}`);
  }
}

/** A value as an array that looks into the memory. */
export function view(program: Program, memory: WebAssembly.Memory, t: Tensor): NdArray {
  const place = program.plan.places.get(t);
  if (!place) throw new ChainruleError("usage", `${t.name} has no place in memory: it was fused away`);
  return { shape: t.shape, dtype: t.dtype, data: typed(t, memory.buffer, program.addressOf(place)) };
}

function typed({ shape, dtype }: TensorSpec, buffer: ArrayBufferLike, at: number): TypedArray {
  const size = sizeOf(shape);
  if (dtype === "i32") return new Int32Array(buffer, at, size) as TypedArray;
  if (dtype === "u32") return new Uint32Array(buffer, at, size) as TypedArray;
  return new Float32Array(buffer, at, size) as TypedArray;
}
