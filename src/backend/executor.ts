import type { NdArray } from "../core/ndarray.ts";
import type { Resource } from "../core/resource.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { DeviceKind } from "../graph/op.ts";
import type { ExecutorCache } from "./cache.ts";
import type { MemoryUse } from "./memory-use.ts";

export type { MemoryUse } from "./memory-use.ts";

/** A graph made ready to run. Variables keep their values from run to run. */
export interface Executor extends Resource {
  /**
   * Runs the graph `steps` times, then reads the given values. May be called again before the promise resolves:
   * work is queued in order. Rejects with a ChainruleError.
   */
  run(steps: number, read?: readonly Tensor[]): Promise<readonly NdArray[]>;
  /** Sets a variable, in order with the runs asked for before. The array must not change until the next run is done. */
  write(variable: Tensor, value: NdArray): void;
  /**
   * Tells that results of steps were not what the graph computes, and what was seen. True where the backend will run such
   * a graph in another form from now on, so that taking the steps again may help.
   */
  distrust?(seen: string): boolean;
  /** How steps run, for people: "13 dispatches a step". */
  readonly description: string;
  /** Memory held on the device (or by the CPU executor), now: none after dispose(). */
  memory(): MemoryUse;
}

/** How a graph is compiled; nothing of it is needed for training. */
export interface CompileOptions {
  /** Keep every value readable after a run, at the cost of memory. For checks. */
  readonly keepAll?: boolean;
  /**
   * The nodes to run instead of the graph's own, in order: what a fusion pass made of them. A kernel for whole steps is
   * made of the graph's own all the same; nodes that compute something else need `onChip: false`.
   */
  readonly nodes?: readonly Node[];
  /**
   * The variable whose first number is the step that comes next, of a graph that is a step of training. A backend whose
   * fastest kernels compile slowly may take step 0 by others: that number alone decides which.
   */
  readonly cursor?: Tensor | null;
  /** Name of the kernel to use for a node; null leaves the choice. For checks and benchmarks. */
  readonly kernel?: (node: Node) => string | null;
  /**
   * WebGPU only: whether whole steps run as one kernel in one workgroup. By default where they fit and are small; true
   * throws where it cannot be done, saying why.
   */
  readonly onChip?: boolean;
  /**
   * WebGPU only: false leaves out the known answers that each kernel gives on first use of a device. For what checks
   * kernels itself, or runs wrong ones on purpose.
   */
  readonly selfTest?: boolean;
}

/** Kernels that were chosen by measuring, so that a later run can have the same, and with them the same bits. */
export interface KernelChoices {
  /** Names of kernels by problem. */
  names(): Readonly<Record<string, string>>;
  /** Takes these, where they apply, for what is compiled from now on. Only for names that this very device gave. */
  remember(names: Readonly<Record<string, string>>): void;
}

/** Something that runs graphs. */
export interface Backend extends Resource {
  /** A GPU, or the CPU in whatever way. */
  readonly kind: DeviceKind;
  /** The adapter, or the kind of CPU path: always shown to people. */
  readonly description: string;
  /** The largest buffer, and the largest data set that is kept whole, in bytes. */
  readonly limits: { readonly maxBufferSize: number; readonly maxDataBytes: number };
  /** Absent where no kernel is chosen by measuring. */
  readonly choices?: KernelChoices;
  /** What matmul() and its like have compiled here; goes with the backend. */
  readonly cache: ExecutorCache;
  /** A graph ready to run. On a GPU whose device was lost, a new one is asked for first, with growing pauses. */
  compile(g: Graph, options?: CompileOptions): Promise<Executor>;
  /**
   * Bytes that a graph takes with buffers of `also` bytes beside it, asked for and given back. Throws ChainruleError
   * "limit" where they cannot be had. Absent where nothing is known of that.
   */
  probeMemory?(g: Graph, nodes: readonly Node[], also: readonly number[]): Promise<number>;
}
