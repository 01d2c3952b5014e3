import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, sameShape, shapeText } from "../../core/ndarray.ts";
import { Disposing, disposedError } from "../../core/resource.ts";
import { turn } from "../../core/turn.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { CompileOptions, Executor } from "../executor.ts";
import { instantiate, type WasmExports } from "./instance.js";
import type { WasmModule } from "./module.ts";
import type { Pool } from "./pool.ts";
import { allocate, type Program, view } from "./program.ts";

/** How long one call computes before timers, messages and Ctrl-C have their turn. */
const SLICE_MS = 30;
/** Steps of the first slice, before it is known what a step takes. */
const FIRST_STEPS = 1;

/** Runs a graph as a program in WebAssembly: thousands of steps are one call. */
export class WasmExecutor extends Disposing implements Executor {
  private tail: Promise<unknown> = Promise.resolve();
  private disposed = false;
  private stepMs: number | null = null;
  /** When others must have had their turn; counted over runs, since many short ones block as one long one does. */
  private until = performance.now() + SLICE_MS;
  private memory_: WebAssembly.Memory | null;
  private exports: WasmExports | null;

  constructor(
    modules: readonly WebAssembly.Module[],
    shared: boolean,
    private readonly program: Program,
    private readonly pool: Pool | null,
    g: Graph,
  ) {
    super();
    this.memory_ = allocate(program, shared);
    this.exports = instantiate(modules, this.memory_);
    new Uint32Array(this.memory_.buffer, program.start, program.words.length).set(program.words);
    for (const v of g.variables) this.set(v, v.initial!);
    pool?.join(this, modules, this.memory_);
  }

  static async compile(wasm: WasmModule, pool: Pool | null, g: Graph, options?: CompileOptions): Promise<WasmExecutor> {
    const { program, modules } = await wasm.lay(g, options);
    return new WasmExecutor(modules, wasm.shared, program, program.divides ? pool : null, g);
  }

  run(steps: number, read: readonly Tensor[] = []): Promise<readonly NdArray[]> {
    const result = this.tail.then(async () => {
      await this.steps(steps);
      return read.map((t) => this.read(t));
    });
    this.tail = result.catch(() => undefined);
    return result;
  }

  write(variable: Tensor, value: NdArray): void {
    if (this.disposed) throw disposedError("the executor");
    if (!sameShape(variable.shape, value.shape)) {
      const got = `${shapeText(value.shape)} for ${shapeText(variable.shape)}`;
      throw new ChainruleError("shape", `${variable.name}: cannot be set, the shapes differ: ${got}`);
    }
    this.tail = this.tail.then(() => {
      if (!this.disposed) this.set(variable, value);
    });
  }

  get description(): string {
    const { segments } = this.program;
    return segments.length === 1 ? "many steps a call" : `${segments.length} calls a step`;
  }

  memory(): { liveBytes: number; buffers: number } {
    if (!this.memory_) return { liveBytes: 0, buffers: 0 };
    return { liveBytes: this.memory_.buffer.byteLength, buffers: this.program.plan.buffers.length };
  }

  /** Lets go of the memory; a slice that is running ends first, since nothing runs beside it. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.pool?.leave(this);
    this.memory_ = null;
    this.exports = null;
  }

  private live(): { memory: WebAssembly.Memory; exports: WasmExports } {
    if (!this.memory_ || !this.exports) throw disposedError("the executor");
    return { memory: this.memory_, exports: this.exports };
  }

  private async steps(steps: number): Promise<void> {
    let left = steps;
    this.live();
    while (left > 0) {
      const start = performance.now();
      if (start >= this.until) {
        await turn();
        this.until = performance.now() + SLICE_MS;
        continue;
      }
      const fits = this.stepMs === null ? FIRST_STEPS : Math.floor((this.until - start) / this.stepMs);
      const count = Math.min(left, Math.max(1, fits));
      this.slice(count);
      this.measure((performance.now() - start) / count);
      left -= count;
    }
  }

  /** The first steps of a run can be slow, a clock may be coarse: believe a slower figure at once, a faster one slowly. */
  private measure(ms: number): void {
    this.stepMs = this.stepMs === null ? ms : Math.max(ms, this.stepMs / 4, 1e-6);
  }

  private slice(count: number): void {
    const { exports } = this.live();
    const { segments } = this.program;
    const shared = this.pool !== null;
    if (shared) {
      exports.open();
      this.pool.call(this);
    }
    try {
      const [only] = segments;
      if (segments.length === 1 && only && "end" in only) exports.run(only.first, only.end, count, shared);
      else for (let i = 0; i < count; i++) this.step(exports, shared);
    } finally {
      if (shared) exports.close();
    }
  }

  /** A step of a graph in which some op has no kernel. */
  private step(exports: WasmExports, shared: boolean): void {
    for (const segment of this.program.segments) {
      if ("end" in segment) exports.run(segment.first, segment.end, 1, shared);
      else this.reference(segment.reference);
    }
  }

  private reference(node: Node): void {
    const outputs = node.op.reference(
      node.inputs.map((t) => this.view(t)),
      node.attrs,
    );
    outputs.forEach((y, i) => {
      // An output in place is the input's own array already.
      if (!node.op.inPlace?.some(([o]) => o === i)) this.view(node.outputs[i]!).data.set(y.data);
    });
  }

  private view(t: Tensor): NdArray {
    return view(this.program, this.live().memory, t);
  }

  private read(t: Tensor): NdArray {
    const value = this.view(t);
    return { ...value, data: value.data.slice() };
  }

  private set(variable: Tensor, value: NdArray): void {
    this.view(variable).data.set(cast(value, variable.dtype).data);
  }
}
