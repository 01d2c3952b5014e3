import { ChainruleError } from "../../core/errors.ts";
import { cast, type NdArray, sameShape, shapeText } from "../../core/ndarray.ts";
import { Disposing, disposedError } from "../../core/resource.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { CompileOptions, Executor } from "../executor.ts";
import { type WebGpuDevice, WHOLE_STEPS } from "./device.ts";
import { Ledger } from "./ledger.ts";
import type { Lowered } from "./lower.ts";
import { lowering, recordLowered } from "./lowering.ts";
import { type Recording, recordGraph } from "./record.ts";
import { Staging } from "./staging.ts";
import { writeCopy } from "./write-copy.ts";

/** Submits that may be waiting on the device: enough to keep it busy, few enough to stop soon. */
const MAX_IN_FLIGHT = 3;
/** Time that one submit should take: long enough to hide the call's cost, short enough for watchdogs and pages. */
const SUBMIT_MS = 50;

/** Runs a recorded graph on a device: n steps are n times the same dispatches, with no word from the host between. */
export class WebGpuExecutor extends Disposing implements Executor {
  private readonly inFlight: Promise<void>[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  /** Milliseconds of a step, as last seen; null before the first. */
  private stepMs: number | null = null;
  private disposed = false;
  /** The number of the step that comes next, where that decides by which kernels it is taken. */
  private step = 0;
  private readonly staging: Staging;

  private constructor(
    private readonly gpu: WebGpuDevice,
    private readonly ledger: Ledger,
    readonly recording: Recording,
  ) {
    super();
    gpu.executors.add(this);
    this.staging = new Staging(gpu, ledger);
  }

  /** `lowered` where it is known already whether the graph runs on the chip. */
  static async compile(
    gpu: WebGpuDevice,
    g: Graph,
    options: CompileOptions = {},
    lowered?: Lowered | null,
  ): Promise<WebGpuExecutor> {
    gpu.check();
    const ledger = new Ledger(gpu.device);
    const onChip = lowered === undefined ? await lowering(g, gpu, options) : lowered;
    const recording = onChip ? await recordLowered(gpu, ledger, onChip) : await recordGraph(gpu, ledger, g, options);
    return WebGpuExecutor.start(gpu, ledger, g, recording);
  }

  /** An executor of what was recorded, with every variable at its first value. */
  static start(gpu: WebGpuDevice, ledger: Ledger, g: Graph, recording: Recording): WebGpuExecutor {
    const executor = new WebGpuExecutor(gpu, ledger, recording);
    executor.clear(recording.cleared);
    for (const v of g.variables) executor.write(v, v.initial!);
    return executor;
  }

  run(steps: number, read: readonly Tensor[] = []): Promise<readonly NdArray[]> {
    const result = this.tail.then(async () => {
      await this.encode(steps);
      return this.startReading(read);
    });
    this.tail = result.catch(() => undefined);
    return result.then(({ reading }) => reading);
  }

  write(variable: Tensor, value: NdArray): void {
    if (this.disposed) throw disposedError("the executor");
    if (!sameShape(variable.shape, value.shape)) {
      const got = `${shapeText(value.shape)} for ${shapeText(variable.shape)}`;
      throw new ChainruleError("shape", `${variable.name}: cannot be set, the shapes differ: ${got}`);
    }
    const { buffer, offset } = this.recording.place(variable);
    const { data } = cast(value, variable.dtype);
    this.tail = this.tail.then(() => {
      if (this.disposed) return;
      writeCopy(this.gpu.device.queue, buffer, offset, data);
      if (variable === this.recording.opening?.cursor) this.step = data[0]!;
    });
  }

  distrust(seen: string): boolean {
    if (this.recording.whole) this.gpu.wrong.set(WHOLE_STEPS, seen);
    return this.recording.whole;
  }

  get description(): string {
    return this.recording.description;
  }

  memory(): { liveBytes: number; buffers: number } {
    return { liveBytes: this.ledger.liveBytes, buffers: this.ledger.buffers };
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.gpu.executors.delete(this);
    this.ledger.dispose();
  }

  private clear(buffers: readonly GPUBuffer[]): void {
    const encoder = this.gpu.device.createCommandEncoder({ label: "clear" });
    for (const buffer of buffers) encoder.clearBuffer(buffer);
    this.gpu.submit(encoder);
  }

  /** Submits `steps` steps, never more than MAX_IN_FLIGHT submits ahead of the device. */
  private async encode(steps: number): Promise<void> {
    let left = steps;
    const { opening } = this.recording;
    while (left > 0) {
      this.check();
      if (this.inFlight.length >= MAX_IN_FLIGHT) {
        await this.gpu.orFailure(this.inFlight[0]!);
        this.check();
      }
      if (opening) {
        await this.gpu.orFailure(opening.begin(this.step, () => Promise.all(this.inFlight)));
        this.check();
      }
      const wanted =
        this.stepMs === null || (opening && this.step === 0) ? 1 : Math.max(1, Math.round(SUBMIT_MS / this.stepMs));
      const count = Math.min(left, this.recording.maxSteps, wanted);
      this.submit(count);
      left -= count;
      this.step += count;
    }
  }

  private submit(count: number): void {
    const { device } = this.gpu;
    const start = performance.now();
    const alone = this.inFlight.length === 0;
    const pieces = count === 1 ? this.pieces() : 1;
    for (let i = 0; i < pieces; i++) {
      const encoder = device.createCommandEncoder({ label: `${count} steps` });
      const pass = encoder.beginComputePass();
      const { dispatches } = this.recording;
      const at = (k: number): number => Math.floor((k * dispatches) / pieces);
      if (pieces === 1) this.recording.encode(pass, count);
      else this.recording.encodePart(pass, at(i), at(i + 1));
      pass.end();
      this.gpu.submit(encoder);
    }
    const done = this.gpu
      .awaited(device.queue.onSubmittedWorkDone())
      .then(() => this.measure((performance.now() - start) / count, alone))
      .finally(() => this.inFlight.splice(this.inFlight.indexOf(done), 1));
    done.catch(() => undefined);
    this.inFlight.push(done);
  }

  /**
   * Submits of one step: a watchdog that resets the device looks at each, and nobody knows beforehand what a first step
   * takes. A single dispatch cannot be divided.
   */
  private pieces(): number {
    const wanted = this.stepMs === null ? Number.POSITIVE_INFINITY : Math.ceil(this.stepMs / SUBMIT_MS);
    return Math.max(1, Math.min(this.recording.dispatches, wanted));
  }

  /** A submit behind others took their time too: its own is at most a third. Grow at most fourfold at a time. */
  private measure(ms: number, alone: boolean): void {
    const estimate = Math.max(alone ? ms : ms / MAX_IN_FLIGHT, 1e-4);
    this.stepMs = this.stepMs === null ? estimate : Math.max(estimate, this.stepMs / 4);
  }

  /** Queues the copies now; the promise inside resolves when they have arrived. */
  private async startReading(read: readonly Tensor[]): Promise<{ reading: Promise<readonly NdArray[]> }> {
    this.check();
    if (read.length === 0) {
      return { reading: this.gpu.orFailure(Promise.all(this.inFlight)).then(() => []) };
    }
    const places = read.map((t) => this.recording.place(t));
    const total = places.reduce((sum, p) => sum + p.size, 0);
    if (total > this.gpu.caps.maxBufferSize && read.length > 1) {
      const half = read.length >> 1;
      const first = await this.startReading(read.slice(0, half));
      first.reading.catch(() => undefined);
      const second = await this.startReading(read.slice(half));
      return { reading: Promise.all([first.reading, second.reading]).then((both) => both.flat()) };
    }
    const buffer = await this.staging.take(total);
    this.check();
    const encoder = this.gpu.device.createCommandEncoder({ label: "read back" });
    let at = 0;
    for (const p of places) {
      encoder.copyBufferToBuffer(p.buffer, p.offset, buffer, at, p.size);
      at += p.size;
    }
    this.gpu.submit(encoder);
    const reading = this.gpu.orFailure(this.staging.collect(buffer, read)).catch((error) => {
      throw this.disposed ? disposedError("the executor") : error;
    });
    return { reading };
  }

  private check(): void {
    if (this.disposed) throw disposedError("the executor");
    this.gpu.check();
  }
}
