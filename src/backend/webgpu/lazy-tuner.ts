import type { Node } from "../../graph/graph.ts";
import type { KernelChoices } from "../executor.ts";
import type { WebGpuDevice } from "./device.ts";
import type { ChoiceStore } from "./stored-choices.ts";
import type { Choice, Tuner } from "./tuner.ts";

/** Work below this is launches more than anything else, unless a trial says otherwise. */
const MIN_WORK = 2 ** 18;

/** The tuner of a backend. Its code is loaded with the first product that is worth a choice: small nets have none. */
export class LazyTuner implements KernelChoices {
  private loading: Promise<Tuner> | null = null;
  private tuner: Tuner | null = null;
  /** What was asked for before it was there. */
  private readonly asked: Record<string, string> = {};

  constructor(
    private gpu: WebGpuDevice,
    private readonly store: ChoiceStore | null = null,
  ) {}

  /** Goes on with another device of the same adapter; what was chosen stays chosen, so that a run stays the same run. */
  moveTo(gpu: WebGpuDevice): void {
    this.gpu = gpu;
    this.tuner?.moveTo(gpu);
  }

  /** Every choice so far, for people to see. */
  get made(): readonly Choice[] {
    return this.tuner?.made ?? [];
  }

  /** Trials that were not waited for, and have memory until they end. */
  get late(): Promise<unknown> | null {
    return this.tuner?.late ?? null;
  }

  /** Kernels by name for the nodes that are worth it. The others keep the ladder's guess. */
  async kernels(nodes: readonly Node[]): Promise<ReadonlyMap<Node, string>> {
    const { caps } = this.gpu;
    const worth = nodes.filter(({ op: { trial }, inputs, attrs }) => {
      return trial && trial.work(inputs, attrs) >= (trial.least?.(caps) ?? MIN_WORK);
    });
    if (worth.length === 0) return new Map();
    this.loading ??= this.load();
    return (await this.loading).kernels(worth, nodes);
  }

  names(): Readonly<Record<string, string>> {
    return this.tuner?.names() ?? this.asked;
  }

  remember(names: Readonly<Record<string, string>>): void {
    if (this.tuner) this.tuner.remember(names);
    else Object.assign(this.asked, names);
  }

  private async load(): Promise<Tuner> {
    // What recording asks for next is loaded beside it.
    const [{ Tuner }] = await Promise.all([import("./tuner.ts"), this.gpu.caps.onCpu && import("./opening.ts")]);
    this.tuner = new Tuner(this.gpu, this.store);
    this.tuner.remember(this.asked);
    return this.tuner;
  }
}
