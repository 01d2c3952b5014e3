import type { Backend } from "../../src/backend/executor.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { lowerOnChip } from "../../src/backend/webgpu/lower.ts";
import { measureInTurns } from "../../src/bench/stats.ts";
import { stepsOf } from "../../src/bench/step.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { type TrainingPreset, trainingPresets } from "../../src/nn/presets.ts";
import { randomBatch } from "../../src/nn/random-batch.ts";
import { sequencePresets } from "../../src/nn/sequence-presets.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { Trainer } from "../../src/train/trainer.ts";

/** A small net's training as one kernel of whole steps, and as dispatches. */
export interface WholeStepRow {
  readonly net: string;
  /** Statements of a step over all invocations, and nodes; null where there is no such kernel. */
  readonly work: number | null;
  readonly nodes: number;
  /** Whether both forms' weights are the CPU's after a few steps. */
  readonly verified: boolean;
  /** Median of a step. */
  readonly wholeMs: number | null;
  readonly dispatchesMs: number;
}

const presets: Readonly<Record<string, TrainingPreset>> = { ...trainingPresets, ...allPresets, ...sequencePresets };
const nets = ["tutorial", "xor", "moons", "spirals", "digits", "digits-cnn", "names", "lstm-text", "gpt-tiny"];
const BATCH = 32;
const STEPS = 5;
/** Of the way that the weights have gone: Adam lets roundings grow. */
const LIMIT = 1e-2;

/** Yields each net as it is measured. */
export async function* timeWholeSteps(backend: WebGpuBackend, cpu: Backend): AsyncGenerator<WholeStepRow> {
  for (const net of nets) {
    const { model } = presets[net]!;
    const weights = initialise(model, 1);
    const lowered: (ReturnType<typeof lowerOnChip> & { nodes: number })[] = [];
    const forced = (onChip: boolean): WebGpuBackend => ({
      ...backend,
      compile: (g, options = {}) => {
        if (onChip && options.onChip === undefined) {
          lowered.push({ ...lowerOnChip(g, backend.gpu.caps), nodes: g.nodes.filter(({ op }) => !op.view).length });
        }
        return backend.compile(g, { ...options, onChip: options.onChip ?? onChip });
      },
    });
    const make = (on: Backend): Promise<Trainer> => {
      const options = { model, data: randomBatch(model, BATCH, 1), weights, batch: BATCH, seed: 1 } as const;
      return createTrainer(on, { ...options, optimizer: { type: "sgd", lr: 0.01 } });
    };
    const exact = await make(cpu);
    const dispatches = await make(forced(false));
    const whole = await make(forced(true)).catch(() => null);
    const trainers = [exact, dispatches, ...(whole ? [whole] : [])];
    try {
      for (const trainer of trainers) await stepsOf(trainer)(STEPS);
      const [right, ...found] = await Promise.all(trainers.map((t) => t.parameters()));
      const verified = found.every((w) =>
        [...w].every(([name, { data }]) => near(right!.get(name)!.data, data, weights.get(name)!.data)),
      );
      const times = await measureInTurns(
        trainers.slice(1).map((t) => stepsOf(t)),
        { samples: 3, sampleMs: 60 },
      );
      const form = lowered[0];
      const work = form && "work" in form ? form.work : null;
      const ms = { wholeMs: times[1]?.median ?? null, dispatchesMs: times[0]!.median };
      yield { net, work, nodes: form?.nodes ?? 0, verified, ...ms };
    } finally {
      for (const trainer of trainers) trainer.dispose();
    }
  }
}

/** Whether two ways from the first weights are one, by norm. */
function near(right: ArrayLike<number>, found: ArrayLike<number>, first: ArrayLike<number>): boolean {
  let way = 0;
  let off = 0;
  for (let i = 0; i < right.length; i++) {
    way += (right[i]! - first[i]!) ** 2;
    off += (right[i]! - found[i]!) ** 2;
  }
  return off <= LIMIT ** 2 * way;
}
