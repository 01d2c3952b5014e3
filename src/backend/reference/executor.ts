import { requireOneOf } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray } from "../../core/ndarray.ts";
import { Disposing, disposedError, disposing } from "../../core/resource.ts";
import { turn } from "../../core/turn.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { ExecutorCache } from "../cache.ts";
import type { Backend, Executor } from "../executor.ts";

/** How long the CPU computes before it lets timers, input and Ctrl-C have their turn. */
const SLICE_MS = 30;

/** One array of the CPU's; a larger one is refused by a message and not by the engine's RangeError. */
const MAX_ARRAY_BYTES = 2 ** 32;

/**
 * Runs each op's reference, node by node, in f64 for checks or in f32 where the CPU trains.
 * The truth that the device is held against.
 */
export class ReferenceExecutor extends Disposing implements Executor {
  readonly values = new Map<Tensor, NdArray>();
  private tail: Promise<unknown> = Promise.resolve();
  private disposed = false;

  constructor(
    readonly graph: Graph,
    private readonly precision: "f32" | "f64",
    /** Runs what ops stand for in exact arithmetic, where that differs from what they compute: for proofs. */
    private readonly ideal = false,
  ) {
    super();
    for (const v of graph.variables) this.values.set(v, this.own(v.initial!));
  }

  /** One step, now. */
  step(): void {
    for (const node of this.graph.nodes) this.compute(node);
  }

  private compute(node: Node): void {
    const inputs = node.inputs.map((t) => this.values.get(t)!);
    const outputs = (this.ideal && node.op.ideal ? node.op.ideal : node.op.reference)(inputs, node.attrs);
    node.outputs.forEach((t, i) => {
      this.values.set(t, outputs[i]!);
    });
  }

  run(steps: number, read: readonly Tensor[] = []): Promise<readonly NdArray[]> {
    const result = this.tail.then(() => this.steps(steps, read));
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async steps(steps: number, read: readonly Tensor[]): Promise<readonly NdArray[]> {
    let until = performance.now() + SLICE_MS;
    for (let i = 0; i < steps; i++) {
      // One step of a large net takes seconds in plain loops.
      for (const node of this.graph.nodes) {
        this.requireLive();
        this.compute(node);
        if (performance.now() <= until) continue;
        await turn();
        until = performance.now() + SLICE_MS;
      }
    }
    this.requireLive();
    return read.map((t) => this.read(t));
  }

  /** A copy of a value. */
  read(t: Tensor): NdArray {
    const value = this.values.get(t);
    if (!value) throw new ChainruleError("usage", `${t.name} has no value yet: run the graph first`);
    return { ...value, data: value.data.slice() };
  }

  write(variable: Tensor, value: NdArray): void {
    this.requireLive();
    this.tail = this.tail.then(() => {
      if (!this.disposed) this.set(variable, value);
    });
  }

  /** Sets a variable, now: for callers that drive step() themselves. */
  set(variable: Tensor, value: NdArray): void {
    this.values.set(variable, this.own(value));
  }

  readonly description = "plain loops";

  memory(): { liveBytes: number; buffers: number } {
    let liveBytes = 0;
    for (const value of this.values.values()) liveBytes += value.data.byteLength;
    return { liveBytes, buffers: this.values.size };
  }

  dispose(): void {
    this.disposed = true;
    this.values.clear();
  }

  private requireLive(): void {
    if (this.disposed) throw disposedError("the executor");
  }

  /** A copy in this executor's precision: references may write into variables. */
  private own(value: NdArray): NdArray {
    const isFloat = value.dtype === "f32" || value.dtype === "f64" || value.dtype === "f16";
    const converted = isFloat ? cast(value, this.precision) : value;
    return { ...converted, data: converted.data.slice() };
  }
}

/** The CPU in plain loops: f64 for checks, f32 where nothing faster is there; `why` says why it is used. */
export function referenceBackend(precision: "f32" | "f64" = "f32", why?: string): Backend {
  requireOneOf("referenceBackend", precision, ["f32", "f64"]);
  const cache = new ExecutorCache("the backend");
  let disposed = false;
  return disposing({
    kind: "cpu" as const,
    description: `CPU reference (${precision}, plain loops${why ? `: ${why}` : ""})`,
    limits: { maxBufferSize: MAX_ARRAY_BYTES, maxDataBytes: Number.MAX_SAFE_INTEGER },
    cache,
    async compile(g: Graph) {
      if (disposed) throw disposedError("the backend");
      return new ReferenceExecutor(g, precision);
    },
    dispose() {
      disposed = true;
      cache.dispose();
    },
  });
}
