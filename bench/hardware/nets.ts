import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { gpt, lstm } from "../../src/bench/sequence-nets.ts";
import { mlp } from "../../src/bench/step.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { allPresets } from "../../src/nn/image-presets.ts";
import { initialise } from "../../src/nn/initialise.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { type TrainingPreset, trainingPresets } from "../../src/nn/presets.ts";
import { randomBatch } from "../../src/nn/random-batch.ts";
import { sequencePresets } from "../../src/nn/sequence-presets.ts";
import { inShard, type Shard } from "./kernels.ts";

export interface GradientReport {
  readonly name: string;
  readonly pass: boolean;
  readonly firstDivergent: string | null;
}

interface Net {
  readonly name: string;
  readonly model: ModelSpec;
  /** Of the batch: as many as the f64 reference can do in seconds. */
  readonly rows: number;
}

const presets: Readonly<Record<string, TrainingPreset>> = { ...trainingPresets, ...allPresets, ...sequencePresets };
const preset = (name: string, rows: number): Net => ({ name, model: presets[name]!.model, rows });
const wide = (name: string, widths: readonly number[]): Net => ({ name, model: mlp(name, widths, 64).model, rows: 16 });

/** Presets and nets of a real size, on random rows. */
const nets: readonly Net[] = [
  preset("tutorial", 16),
  preset("xor", 16),
  preset("moons", 16),
  preset("spirals", 16),
  preset("digits", 16),
  wide("784-512-256-10", [784, 512, 256, 10]),
  wide("512x3", [512, 512, 512, 512]),
  preset("digits-cnn", 8),
  preset("fashion-cnn", 4),
  preset("fashion-resnet", 2),
  preset("gpt-tiny", 2),
  preset("lstm-text", 2),
  preset("names", 8),
  { name: "gpt", model: gpt, rows: 1 },
  { name: "lstm", model: lstm, rows: 8 },
];

/** Each net's gradients on the device, tensor by tensor, against f64 and finite differences. */
export async function checkNets(
  backend: WebGpuBackend,
  shard: Shard,
  report: GradientReport[],
  say: (line: string) => void,
): Promise<void> {
  for (const { name, model, rows } of inShard(nets, shard)) {
    const start = performance.now();
    const { x, y } = randomBatch(model, rows, 1);
    const { pass, firstDivergent } = await checkGradients({ model, weights: initialise(model, 1), x, y, backend });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(`gradients of ${name}: ${pass ? "proved" : `WRONG from ${firstDivergent}`}, ${seconds} s`);
    report.push({ name, pass, firstDivergent });
  }
}
