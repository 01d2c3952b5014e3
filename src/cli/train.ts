import { closeSync, openSync, writeSync } from "node:fs";
import { ChainruleError } from "../core/errors.ts";
import { readWeights, writeWeights } from "../io/weights.ts";
import { type Initialiser, initialisers } from "../nn/initialise.ts";
import { parameterSpecs } from "../nn/model.ts";
import { type OptimizerName, optimizers } from "../ops/optimizers.ts";
import { type OptimizerSpec, optimizerAttrs } from "../optim/optimizer.ts";
import { parseSchedule } from "../optim/schedule.ts";
import type { Evaluation } from "../train/evaluation.ts";
import { matchRows } from "../train/options.ts";
import { createTrainer, type StepMetrics, type Trainer } from "../train/trainer.ts";
import { backendChoices, openBackend } from "./backend.ts";
import { readBytes, requireWritable, writeWhole } from "./files.ts";
import { clearProgress, note, print, progress, short } from "./output.ts";
import { loadData, loadModel } from "./sources.ts";
import { choiceFlag, countFlag, numberFlag, parse } from "./usage.ts";

const help = `Usage: chainrule train <model.json|preset> [options]

Trains a model and prints its loss. Presets: tutorial, tutorial-as-published, xor, circles, moons,
spirals, iris, penguins, digits, fashion; each brings its data and settings.

  --data <preset|file>      rows: a preset, or .safetensors (x, y), .csv (with a header), IDX images
  --label <column>          CSV: the column to predict (several, with commas, for a regression)
  --test-fraction <X>       hold out this share of a file's rows (default: none)
  --weights <f.safetensors> begin from these weights (names and layout of PyTorch's nn.Sequential)
  --init <how>              uniform01, he, xavier or zeros
  --steps <N> | --epochs <N>
  --batch <N|full>          rows of a step (default 32); full: all rows each step, in their order
  --optimizer <name>        sgd, adam, adamw, rmsprop, adagrad (default adam)
  --lr <X>  --momentum <X>  --nesterov  --weight-decay <X>
  --schedule <S>            constant, step:every=N,gamma=X or cosine:steps=N,min=X; each with warmup=N
  --clip <X>                clip the gradient to this global norm
  --seed <N>                weights, shuffle and dropout (default 1)
  --backend <B>             auto (default), webgpu or cpu
  --log <f.jsonl>           one JSON object a line: {"step":1,"loss":...}, and evaluations
  --log-every <N>           steps between two lines of the log
  --save <f.safetensors>    write the weights at the end, and after Ctrl-C
  --json                    print the summary as JSON
  --verbose                 say where an error came from`;

const options = {
  data: { type: "string" },
  label: { type: "string" },
  "test-fraction": { type: "string" },
  weights: { type: "string" },
  init: { type: "string" },
  steps: { type: "string" },
  epochs: { type: "string" },
  batch: { type: "string" },
  optimizer: { type: "string" },
  lr: { type: "string" },
  momentum: { type: "string" },
  nesterov: { type: "boolean" },
  "weight-decay": { type: "string" },
  schedule: { type: "string" },
  clip: { type: "string" },
  seed: { type: "string" },
  backend: { type: "string" },
  log: { type: "string" },
  "log-every": { type: "string" },
  save: { type: "string" },
} as const;

/** Exit status after Ctrl-C, as shells have it. */
const INTERRUPTED = 130;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  // Everything that can be wrong is looked at before a backend is opened.
  const { model, preset } = loadModel(positionals[0]!);
  const seed = countFlag("seed", values.seed, 0) ?? preset?.seed ?? 1;
  const source = values.data ?? preset?.data;
  if (source === undefined) throw new ChainruleError("usage", "a model file needs --data <preset|file>");
  const fraction = numberFlag("test-fraction", values["test-fraction"]);
  if (fraction !== undefined && !(fraction >= 0 && fraction < 1)) {
    throw new ChainruleError("usage", `--test-fraction must be at least 0 and below 1, got ${fraction}`);
  }
  const batch = batchFlag(values.batch) ?? preset?.batch;
  const optimizer = optimizerFlags(values, preset?.optimizer);
  const clip = numberFlag("clip", values.clip);
  if (clip !== undefined && !(clip > 0))
    throw new ChainruleError("usage", `--clip must be a positive number, got ${clip}`);
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const init = choiceFlag<Initialiser>("init", values.init, initialisers) ?? preset?.init;
  const logEvery = countFlag("log-every", values["log-every"]);
  const stepsFlag = countFlag("steps", values.steps);
  const epochs = countFlag("epochs", values.epochs);
  if (stepsFlag !== undefined && epochs !== undefined)
    throw new ChainruleError("usage", "give --steps or --epochs, not both");
  for (const path of [values.log, values.save]) if (path !== undefined) requireWritable(path);
  const weights = values.weights === undefined ? undefined : readWeights(readBytes(values.weights), model);
  const split = await loadData({ source, label: values.label, testFraction: fraction, seed }, model);

  matchRows(model, split.train, "training data");
  if (split.test) matchRows(model, split.test, "test data");
  const rows = split.train.x.shape[0]!;
  const batchRows = batch === "full" ? rows : (batch ?? Math.min(32, rows));
  const length = stepsFlag !== undefined ? { steps: stepsFlag } : epochs !== undefined ? { epochs } : preset?.length;
  if (!length) throw new ChainruleError("usage", "say how long to train: --steps <N> or --epochs <N>");
  const steps = "steps" in length ? length.steps : length.epochs * Math.ceil(rows / batchRows);
  const schedule = parseSchedule(values.schedule ?? "constant", steps);

  const backend = await openBackend(choice);
  const trainer = await createTrainer(backend, {
    model,
    data: split.train,
    test: split.test,
    optimizer,
    schedule,
    seed,
    ...(batch === undefined ? {} : { batch }),
    ...(clip === undefined ? {} : { clip }),
    ...(init === undefined ? {} : { init }),
    ...(weights === undefined ? {} : { weights }),
  });
  const count = parameterSpecs(model).reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  note(
    `${count} parameters, ${rows} rows, ${steps} steps of ${batchRows} rows, ${optimizer.type} lr ${optimizer.lr}, seed ${seed}`,
  );

  const shown = logEvery ?? preset?.logEvery ?? Math.max(1, Math.round(steps / 20));
  const logged = logEvery ?? (preset && preset.logEvery >= 1000 ? preset.logEvery : 1);
  const log = values.log === undefined ? null : openSync(values.log, "w");
  const abort = new AbortController();
  const stop = () => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    note("stopping after the steps on their way; press again to quit at once");
    abort.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const start = performance.now();
  let last: StepMetrics | null = null;
  let final: Evaluations = { test: null, train: null };
  try {
    const every = evaluationSteps(trainer, steps);
    while (trainer.step < steps && !abort.signal.aborted) {
      const part = Math.min(every, steps - trainer.step);
      for await (const m of trainer.run({ steps: part, logEvery: gcd(shown, logged), signal: abort.signal })) {
        last = m;
        const atEnd = m.step === steps;
        if (log !== null && (m.step % logged === 0 || m.step === 1 || atEnd)) writeSync(log, logLine(m));
        if (m.step % shown === 0 || atEnd) stepLine(m, values.json === true);
        progress(`step ${m.step} of ${steps}  loss ${short(m.loss)}  ${remaining(start, m.step, steps)}`);
      }
      final = { train: final.train, test: await trainer.evaluate("test") };
      if (final.test && log !== null)
        writeSync(log, `${JSON.stringify({ step: trainer.step, evaluation: "test", ...final.test })}\n`);
    }
    final = { test: final.test, train: await trainer.evaluate("train") };
    if (log !== null)
      writeSync(log, `${JSON.stringify({ step: trainer.step, evaluation: "train", ...final.train })}\n`);
  } finally {
    clearProgress();
    if (log !== null) closeSync(log);
    await save(values.save, trainer);
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
  const seconds = (performance.now() - start) / 1000;
  summary({ trainer, last, final, seconds, json: values.json === true, save: values.save });
  trainer.dispose();
  return abort.signal.aborted ? INTERRUPTED : 0;
}

interface Evaluations {
  readonly train: Evaluation | null;
  readonly test: Evaluation | null;
}

function batchFlag(text: string | undefined): number | "full" | undefined {
  return text === "full" ? "full" : countFlag("batch", text);
}

function optimizerFlags(
  values: {
    optimizer?: string | undefined;
    lr?: string | undefined;
    momentum?: string | undefined;
    nesterov?: boolean | undefined;
    "weight-decay"?: string | undefined;
  },
  preset: OptimizerSpec | undefined,
): OptimizerSpec {
  const names = Object.keys(optimizers) as OptimizerName[];
  const type = choiceFlag("optimizer", values.optimizer, names) ?? preset?.type ?? "adam";
  const fallback = preset?.type === type ? preset.lr : type === "sgd" || type === "adagrad" ? 0.01 : 0.001;
  const lr = numberFlag("lr", values.lr) ?? fallback;
  if (!(lr > 0)) throw new ChainruleError("usage", `--lr must be a positive number, got ${lr}`);
  const momentum = numberFlag("momentum", values.momentum);
  if (momentum !== undefined && !(momentum >= 0 && momentum < 1)) {
    throw new ChainruleError("usage", `--momentum must be at least 0 and below 1, got ${momentum}`);
  }
  const weightDecay = numberFlag("weight-decay", values["weight-decay"]);
  if (weightDecay !== undefined && !(weightDecay >= 0)) {
    throw new ChainruleError("usage", `--weight-decay must be at least 0, got ${weightDecay}`);
  }
  const spec: OptimizerSpec = {
    type,
    lr,
    ...(momentum === undefined ? {} : { momentum }),
    ...(values.nesterov ? { nesterov: true } : {}),
    ...(weightDecay === undefined ? {} : { weightDecay }),
  };
  optimizerAttrs(spec);
  return spec;
}

/** Once an epoch, but no more than some fifty times a run. */
function evaluationSteps(trainer: Trainer, steps: number): number {
  if (!trainer.options.test) return steps;
  return trainer.stepsPerEpoch * Math.max(1, Math.ceil(steps / trainer.stepsPerEpoch / 50));
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

function logLine(m: StepMetrics): string {
  const { step, loss, gradientNorm, learningRate } = m;
  return `${JSON.stringify({ step, loss, gradientNorm, learningRate })}\n`;
}

function stepLine(m: StepMetrics, json: boolean): void {
  clearProgress();
  if (!json) print(`step ${String(m.step).padStart(7)}  loss ${m.loss.toPrecision(6)}`);
}

function remaining(start: number, step: number, steps: number): string {
  const seconds = ((performance.now() - start) / 1000 / step) * (steps - step);
  return seconds > 90 ? `${Math.round(seconds / 60)} min left` : `${Math.round(seconds)} s left`;
}

async function save(path: string | undefined, trainer: Trainer): Promise<void> {
  if (path === undefined) return;
  writeWhole(path, writeWeights(trainer.options.model, await trainer.parameters()));
}

function summary(r: {
  trainer: Trainer;
  last: StepMetrics | null;
  final: Evaluations;
  seconds: number;
  json: boolean;
  save: string | undefined;
}): void {
  const { step, backend } = r.trainer;
  const perSecond = step / r.seconds;
  if (r.json) {
    const loss = r.last?.loss ?? null;
    print(
      JSON.stringify({
        steps: step,
        loss,
        ...r.final,
        seconds: r.seconds,
        backend: backend.description,
        saved: r.save ?? null,
      }),
    );
    return;
  }
  const parts = (["train", "test"] as const).flatMap((on) => {
    const e = r.final[on];
    if (!e) return [];
    const accuracy = e.accuracy === null ? "" : `, accuracy ${(100 * e.accuracy).toFixed(2)} %`;
    return [`${on} loss ${e.loss.toPrecision(5)}${accuracy}`];
  });
  print([`${step} steps in ${r.seconds.toFixed(1)} s (${short(perSecond)} steps/s)`, ...parts].join("; "));
  if (r.save !== undefined) print(`weights saved to ${r.save}`);
}
