import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cpuBackend } from "../../src/backend/cpu.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { randomWord, STREAM } from "../../src/core/philox.ts";
import { exportPytorch } from "../../src/io/pytorch/export.ts";
import { readSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { tanh } from "../../src/nn/layers/activation.ts";
import { attention } from "../../src/nn/layers/attention.ts";
import { embedding } from "../../src/nn/layers/embedding.ts";
import { layerNorm } from "../../src/nn/layers/layer-norm.ts";
import { linear } from "../../src/nn/layers/linear.ts";
import { positionEmbedding } from "../../src/nn/layers/position-embedding.ts";
import { gru, lstm, rnn } from "../../src/nn/layers/recurrent.ts";
import { lastStep, meanSteps } from "../../src/nn/layers/steps.ts";
import { lora } from "../../src/nn/lora.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { block, type LayerItem, repeat, sequential } from "../../src/nn/sequential.ts";
import { type TransformerBlockOptions, transformerBlock } from "../../src/nn/transformer-block.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import { inFolder, runProcesses, runPython, Verdict, writeFiles } from "./python.ts";

/**
 * Runs on a text against PyTorch: exported in their midst, they go on in both, in one process and in two over gloo. Windows
 * begin elsewhere in every epoch, and dropout draws the same masks, attention's too. Losses of all further steps, weights and
 * the way back are compared. See README.md beside it.
 */
const verdict = new Verdict();
const backend = await cpuBackend();
const STEPS = 12;
const VOCABULARY = 11;
/** Relative to the largest loss, and by norm of a parameter: what 40 steps make of float32's rounding. */
const LOSS_LIMIT = 5e-6;
const WEIGHT_LIMIT = 2e-5;

const text = ndarray(
  [401],
  "i32",
  // Mostly what follows the token before it, so that there is something to learn.
  Array.from({ length: 401 }, (_, i) => (randomWord(3, STREAM.check, 0, i) % 3 === 0 ? i * i : 3 * i) % VOCABULARY),
);
const windows = Math.floor(400 / STEPS);
const cut = (from: number): NdArray =>
  ndarray([windows, STEPS], "i32", text.data.subarray(from, from + windows * STEPS));
const data = { x: cut(0), y: cut(1), text };
const perStep = { input: [STEPS], loss: "crossEntropy" } as const;
const gpt = (more: Partial<TransformerBlockOptions> = {}): ModelSpec =>
  sequential(
    [
      { ...embedding(VOCABULARY, 8), name: "tokens" },
      { ...positionEmbedding(), name: "places" },
      repeat(2, (i) => block(`h.${i}`, transformerBlock({ size: 8, heads: 2, causal: true, ...more }))),
      { ...layerNorm(), name: "norm" },
      { ...linear(VOCABULARY), name: "head" },
    ],
    perStep,
  );
const recurrent = (layer: LayerItem): ModelSpec =>
  sequential([embedding(VOCABULARY, 6), layer, linear(VOCABULARY)], perStep);

/** Rows of tokens that end early, one of them before it begins, with a class each; of those behind the end none matters. */
const rows = 40;
const lengths = ndarray(
  [rows],
  "i32",
  Array.from({ length: rows }, (_, i) => randomWord(4, STREAM.check, 0, i) % (STEPS + 1)),
);
const ends = {
  x: ndarray(
    [rows, STEPS],
    "i32",
    Array.from({ length: rows * STEPS }, (_, i) => randomWord(5, STREAM.check, 0, i) % VOCABULARY),
  ),
  y: ndarray(
    [rows],
    "i32",
    Array.from({ length: rows }, (_, i) => randomWord(6, STREAM.check, 0, i) % 3),
  ),
  lengths,
};
const perRow = { input: [STEPS], loss: "crossEntropy" } as const;
const whole = (layers: readonly LayerItem[]): Partial<TrainerOptions> & { readonly model: ModelSpec } => ({
  model: sequential([embedding(VOCABULARY, 8), ...layers, linear(3)], perRow),
  data: ends,
  test: ends,
});
const exclusiveOr = {
  x: ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]),
  y: ndarray([4], "i32", [0, 1, 1, 0]),
};
const dense = sequential([linear(2, 8), tanh(), linear(8), tanh(), linear(2)], { loss: "crossEntropy" });

const runs: Readonly<Record<string, Partial<TrainerOptions> & { readonly model: ModelSpec }>> = {
  gpt: { model: gpt() },
  "gpt, dropout": { model: gpt({ dropout: 0.2 }) },
  "gpt, rotary, heads that share keys": { model: gpt({ dropout: 0.1, keyHeads: 1, rotary: true }) },
  "gpt, batches of two parts": { model: gpt({ dropout: 0.1 }), accumulate: 2, clip: 0.5 },
  lstm: { model: recurrent(lstm(7)) },
  "gru, two layers": { model: recurrent(gru(5, { layers: 2 })) },
  "lstm both ways, rows that end early": whole([lstm(5, { layers: 2, bidirectional: true }), lastStep()]),
  "gru, rows that end early": whole([gru(5, { bidirectional: true }), meanSteps()]),
  "attention, rows that end early": whole([
    attention({ heads: 2, mask: "lengths", dropout: 0.1 }),
    attention({ heads: 4, keyHeads: 2, rotary: true, causal: true, mask: "lengths" }),
    meanSteps(),
  ]),
  "steps that end early": {
    model: recurrent(rnn(6)),
    data: { x: ends.x, y: ends.x, lengths },
    test: { x: ends.x, y: ends.x },
  },
  "gpt, adapters": { model: lora(gpt(), { rank: 2, alpha: 6, targets: ["q_proj", "v_proj", "linear"] }) },
  "gpt, adapters that drop": {
    model: lora(gpt({ keyHeads: 1 }), { rank: 2, dropout: 0.2, targets: ["in_proj", "out_proj", "linear"] }),
    accumulate: 2,
  },
  "dense, adapters": { model: lora(dense, { rank: 2, dropout: 0.1 }), data: exclusiveOr, test: exclusiveOr, batch: 4 },
  "rnn, no bias": { model: recurrent(rnn(6, { bias: false })), ema: { decay: 0.9 } },
};

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));
const away = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  norm(Array.from(a, (v, i) => v - b[i]!)) / Math.max(norm(b), 1e-12);
const curve = (a: readonly number[], b: readonly number[]): number =>
  a.length === b.length ? Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(...b) : Number.POSITIVE_INFINITY;

/** A key's bias moves all scores of a row alike, so its gradient is 0 but for rounding, which Adam makes steps of. */
const shown = (name: string, array: NdArray): NdArray["data"] => {
  if (!name.endsWith("in_proj_bias") || name.includes("rotary")) return array.data;
  return array.data.filter((_, i) => i < 8 || i >= array.data.length - 8);
};

const only = process.argv[2];
for (const [name, given] of Object.entries(runs)) {
  if (only !== undefined && !name.includes(only)) continue;
  await inFolder(async (folder) => {
    const trainer = await createTrainer(backend, {
      ...{ data, test: { x: data.x, y: data.y }, batch: 8, optimizer: { type: "adamw", lr: 0.01 }, seed: 4 },
      ...given,
    });
    for await (const metrics of trainer.run({ steps: 20 })) void metrics;
    writeFiles(folder, exportPytorch(trainer.options, await trainer.state()));
    const ran = runPython(["train.py", "--steps", "40", "--log", "log.jsonl", "--save", "out"], folder);
    if (ran.status !== 0) return verdict.say(`${name}: goes on`, false, ran.err.slice(-400));
    const two = await runProcesses(2, ["train.py", "--steps", "40", "--log", "two.jsonl"], folder);
    if (two.status !== 0) return verdict.say(`${name}: two processes`, false, two.err.slice(-400));
    const ours: number[] = [];
    for await (const { loss } of trainer.run({ steps: 40 })) ours.push(loss);
    const losses = (file: string): number[] =>
      readFileSync(join(folder, file), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).loss);
    const [one, both] = [losses("log.jsonl"), losses("two.jsonl")];
    verdict.say(`${name}: 40 steps on`, curve(one, ours) < LOSS_LIMIT, `losses ${curve(one, ours).toExponential(1)}`);
    verdict.say(
      `${name}: two processes`,
      curve(both, one) < LOSS_LIMIT,
      `losses ${curve(both, one).toExponential(1)} from one process's`,
    );
    const saved = readSafetensors(new Uint8Array(readFileSync(join(folder, "out/model.safetensors")))).tensors;
    const end = exportPytorch(trainer.options, await trainer.state()).get("model.safetensors") as Uint8Array;
    const offs = [...readSafetensors(end).tensors].map(([key, value]) =>
      away(shown(key, saved.get(key)!), shown(key, value)),
    );
    verdict.say(`${name}: weights`, Math.max(...offs) < WEIGHT_LIMIT, `${Math.max(...offs).toExponential(1)} by norm`);
    const evaluated = (await trainer.evaluate("train"))!.loss;
    const theirs = (JSON.parse(/^train (.*)$/m.exec(ran.out)![1]!) as { loss: number }).loss;
    verdict.say(
      `${name}: evaluated`,
      Math.abs(evaluated - theirs) < LOSS_LIMIT * theirs,
      `loss ${evaluated} here, ${theirs} there`,
    );
    trainer.dispose();
  });
}
backend.dispose();
verdict.end();
