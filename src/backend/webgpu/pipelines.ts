import { ChainruleError, textOf } from "../../core/errors.ts";
import type { Launch } from "../../graph/op.ts";

/** Pipelines by their code, compiled without blocking; layouts by the access of their bindings. */
export class PipelineCache {
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  /** Milliseconds by code, with what others were compiled meanwhile. */
  private readonly took = new Map<string, number>();

  constructor(
    private readonly device: GPUDevice,
    /** Waits for what the driver compiles only when a pipeline is first dispatched; null where it has none such. */
    private readonly late: ((warm: Promise<void>) => Promise<void>) | null = null,
  ) {}

  get size(): number {
    return this.pipelines.size;
  }

  /** How long the pipeline of a launch took to compile, all of it; 0 where it has not been. */
  msOf(launch: Launch): number {
    return this.took.get(launch.code) ?? 0;
  }

  /** The pipeline of a launch. Rejects with the compiler's messages, naming the kernel. */
  get(launch: Launch, label: string): Promise<GPUComputePipeline> {
    const key = launch.code;
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      pipeline = this.compile(launch, label);
      this.pipelines.set(key, pipeline);
      pipeline.catch(() => this.pipelines.delete(key));
    }
    return pipeline;
  }

  layout(launch: Launch): GPUBindGroupLayout {
    const types = launch.bindings.map(
      (b): GPUBufferBindingType => (b.access === "read" ? "read-only-storage" : "storage"),
    );
    const all = launch.params ? (["uniform", ...types] as const) : types;
    const key = `${launch.params ? "" : "-"}${all.join()}`;
    let layout = this.layouts.get(key);
    if (!layout) {
      const first = launch.params ? 0 : 1;
      layout = this.device.createBindGroupLayout({
        label: key,
        entries: all.map((type, i) => ({ binding: first + i, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
      });
      this.layouts.set(key, layout);
    }
    return layout;
  }

  private async compile(launch: Launch, label: string): Promise<GPUComputePipeline> {
    const start = performance.now();
    // A compile error belongs to this call, not to the device.
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label, code: launch.code });
    this.device.popErrorScope().catch(() => undefined);
    const layout = this.device.createPipelineLayout({ label, bindGroupLayouts: [this.layout(launch)] });
    try {
      const compute = { module, entryPoint: "main" };
      const pipeline = await this.device.createComputePipelineAsync({ label, layout, compute });
      if (this.late) {
        const { warm } = await import("./warm.ts");
        // A device that is lost meanwhile is told of by itself.
        await this.late(warm(this.device, pipeline, this.layout(launch), launch).catch(() => undefined));
      }
      this.took.set(launch.code, performance.now() - start);
      return pipeline;
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const errors = messages.filter((m) => m.type === "error").map((m) => `line ${m.lineNum}: ${m.message}`);
      const detail = errors.join("; ") || textOf(cause);
      throw new ChainruleError("device", `kernel ${label} does not compile: ${detail}`, { cause });
    }
  }
}
