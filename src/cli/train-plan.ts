/** The flags of `train`, their help and what becomes of them in one place: a flag that lacks one of the three shows. */

import { ChainruleError } from "../core/errors.ts";
import type { Preprocessing } from "../data/preprocessing.ts";
import { requireStore } from "../io/checkpoint/disk-store.ts";
import { type Initialiser, initialisers } from "../nn/initialise.ts";
import { isAdapted } from "../nn/lora.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { parseSchedule, scheduleAttrs } from "../optim/schedule.ts";
import { isResident, type RowSource, type Rows } from "../train/data/row-source.ts";
import type { EarlyStopping } from "../train/evaluation/validation.ts";
import type { TrainerOptions } from "../train/run/options.ts";
import type { WeightsChoice } from "../train/trainer.ts";
import { fineTuneOptions, requireAdapterFolder, startOf } from "./adapter-flags.ts";
import { augmentFlag } from "./augment-flag.ts";
import { type BackendChoice, backendChoices } from "./backend.ts";
import { dataFlags, dataHelp, dataOptions } from "./data-flags.ts";
import type { DataSummary } from "./data-summary.ts";
import { recordOf, requireWritable } from "./files.ts";
import { learnedFrom } from "./learned-names.ts";
import { residentData, rowShapeOf, runData } from "./run-data.ts";
import { loadModelFor } from "./sources.ts";
import type { CheckpointPlan } from "./train-checkpoint.ts";
import {
  batchFlag,
  featureFlags,
  lengthFlags,
  optimizerFlags,
  precisionFlags,
  watchFlags,
  weightsFlag,
  withLossFlags,
} from "./train-settings.ts";
import { choiceFlag, countFlag, numberFlag, parse } from "./usage.ts";
import { weightsOptions } from "./weights-flags.ts";

export const help = `Usage: chainrule train <model.json|preset> [options]

Trains a model and prints its loss. Presets: tutorial, tutorial-as-published, xor, circles, moons,
spirals, iris, penguins, digits, fashion, digits-cnn, fashion-cnn, fashion-resnet, and of texts gpt-tiny,
gpt-small, lstm-text, names; each brings its data and settings.

${dataHelp}
  --weights <file>          begin from these weights: .safetensors (or the .index.json of several), .npz, or .pt as
                            torch.save writes a state dict or a checkpoint (names and layout of PyTorch's nn.Sequential). Where a record lies beside them
                            (<file>.json), classes, columns and tokens of these rows get the numbers that they had
  --match-weights <how>     names (default), or order: whatever their names, by order and shape
  --weights-key <name>      which state dict of a checkpoint that has several
  --freeze <match>          parameters that keep their values, by name or role, with commas: 'h.0.*,wte.*' or norm; they
                            have no gradient and take no memory for one; may be given again
  --lora <rank,alpha,targets>
                            train low-rank adapters alone, beside the weights of --weights: 8 or 8,16,q_proj,v_proj; targets
                            are names as PEFT has them, layers, or attention (default), linear, all-linear; alpha is twice
                            the rank by default; dropout=0.1 drops of their input. --save then names a folder
  --adapter <folder>        go on with the adapters there, as --lora or PEFT saved them
  --init <how>              uniform01, he, xavier or zeros
  --steps <N> | --epochs <N>
  --batch <N|full>          rows of a step (default 32); full: all rows each step, in their order
  --optimizer <name>        sgd, adam, adamw, rmsprop, adagrad (default adam)
  --lr <X>  --momentum <X>  --nesterov  --weight-decay <X>
  --schedule <S>            constant, step:every=N,gamma=X, cosine:steps=N,min=X or exponential:steps=N,end=X;
                           each with warmup=N
  --clip <X>                clip the gradient to this global norm
  --precision <P>           f32 (default) or f16: products read halves and sum in f32, once the first batch's gradients
                           have shown that f16 will do
  --loss-scale <S>          f16: dynamic (default), or a power of two by which gradients are multiplied on their way;
                           dynamic halves at a gradient that is not finite, skips that step and goes on, whatever
                           --on-not-finite says, and doubles after 2,000 good ones
  --class-weights <W>       crossEntropy: a weight for each class (1,2.5,...), or balanced by their counts
  --label-smoothing <X>     crossEntropy: share of each target that is spread over all classes
  --group <match:k=X,...>   parameters with factors of their own for lr and weight-decay; may be given again:
                           --group '0.*:lr=0' (frozen) --group 'bias,norm:weight-decay=0'
  --accumulate <N>          batches that a step goes through before it changes the weights (default 1)
  --recompute               compute values of the forward pass again on the way back: less memory, a third more time at
                            most, the same bits
  --augment <how>           change images as they are trained on, each in a way of its own: crop=4 out of zeros around it,
                           shift=2 pixels, flip=horizontal (vertical, both), cutout=8; any of them, with commas
  --l1 <X>  --l2 <X>        what large weights cost: X sum |w|, X sum w^2, added to the loss
  --ema <decay>             keep a moving average of the weights; evaluations and --save then use it
  --use <last|average>      which weights evaluations and --save take instead
  --validate-every <N>      steps between two validations on the test rows (default: once an epoch or so, unseen)
  --patience <N>            stop after so many validations without an improvement, and go back to the best
  --min-delta <X>           what an improvement must exceed (default 0)
  --monitor <what>          loss (default) or accuracy: what must improve
  --seed <N>                weights, shuffle and dropout (default 1)
  --backend <B>             auto (default: measures both on this run), webgpu, cpu or
                           reference (the CPU in plain loops)
  --on-not-finite <how>     a loss or gradient that is not finite: stop (default) and say where it
                           began, or skip the step and go on; it never reaches the weights
  --on-lost <how>           the GPU's device is lost and none comes back: cpu (default) goes on
                           there, wait asks again, stop ends; what was reached is saved
  --log <f.jsonl>           one JSON object a line: {"step":1,"loss":...}, and evaluations
  --log-every <N>           steps between two lines of the log
  --save <file>             write the weights at the end, and after Ctrl-C: .safetensors, or .npz by its name; and
                            beside them, in <file>.json, how rows are prepared: for chainrule predict; of a model with
                            adapters a folder, with these alone, as PEFT reads it
  --checkpoint <folder>     keep the run's state there, to go on from after a crash, and after Ctrl-C
  --every <N>               steps between two checkpoints (default: by the clock, every 30 seconds)
  --resume <folder>         go on from the checkpoint there, with the same model, data and options
  --json                    print the summary as JSON
  --verbose                 say where an error came from`;

/** The flags of a run, for other commands that need one. */
export const trainOptions = {
  ...dataOptions,
  ...weightsOptions,
  ...fineTuneOptions,
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
  precision: { type: "string" },
  "loss-scale": { type: "string" },
  "class-weights": { type: "string" },
  "label-smoothing": { type: "string" },
  group: { type: "string", multiple: true },
  accumulate: { type: "string" },
  augment: { type: "string" },
  recompute: { type: "boolean" },
  l1: { type: "string" },
  l2: { type: "string" },
  ema: { type: "string" },
  use: { type: "string" },
  "validate-every": { type: "string" },
  patience: { type: "string" },
  "min-delta": { type: "string" },
  monitor: { type: "string" },
  seed: { type: "string" },
  backend: { type: "string" },
  "on-lost": { type: "string" },
  "on-not-finite": { type: "string" },
  log: { type: "string" },
  "log-every": { type: "string" },
  save: { type: "string" },
  checkpoint: { type: "string" },
  every: { type: "string" },
  resume: { type: "string" },
} as const;

/** A run with everything decided: what to train, how long, and where its results go. */
export interface TrainPlan extends CheckpointPlan {
  readonly trainer: TrainerOptions;
  readonly backend: BackendChoice;
  readonly onLost: "cpu" | "wait" | "stop";
  readonly onNotFinite: "stop" | "skip";
  /** Rows to judge by while training; null where none were asked for. */
  readonly validation: Rows | RowSource | null;
  /** How new rows are made like those that were learned from. */
  readonly preprocessing: Preprocessing;
  /** What is predicted from what. */
  readonly summary: DataSummary;
  readonly steps: number;
  /** Steps between two lines on the screen, and in the log. */
  readonly shown: number;
  readonly logged: number;
  /** Steps between two validations; the command's own choice where absent. */
  readonly validateEvery: number | undefined;
  readonly stopEarly: EarlyStopping | undefined;
  /** Weights that evaluations and `save` take. */
  readonly use: WeightsChoice;
  readonly log: string | undefined;
  readonly save: string | undefined;
  readonly json: boolean;
}

/** Steps of a run when nothing says how long. */
const DEFAULT_STEPS = 1000;

/** Reads the arguments; null when help was asked for. Refuses all that can be wrong, before a backend is opened. */
export async function trainPlan(args: readonly string[]): Promise<TrainPlan | null> {
  const { values, positionals } = parse(args, trainOptions, [1, 1]);
  return values.help ? null : planOf(values, positionals[0]!);
}

/** What a command other than train wants of a plan. */
interface PlanWishes {
  /** Makes rows where neither a flag nor a preset names any. */
  readonly drawn?: (model: ModelSpec, seed: number) => Rows;
  /** f64 keeps all digits of the weights in an F64 file; f32 by default. */
  readonly digits?: "f32" | "f64";
}

/** The run that flags ask for. */
export async function planOf(
  values: ReturnType<typeof parse<typeof trainOptions>>["values"],
  name: string,
  { drawn, digits = "f32" }: PlanWishes = {},
): Promise<TrainPlan> {
  const { model: loaded, preset } = await loadModelFor(name, () => rowShapeOf(values.data, dataFlags(values)));
  const { model: given, weights } = await startOf(values, loaded, digits);
  const seed = countFlag("seed", values.seed, 0) ?? preset?.seed ?? 1;
  const source = values.data ?? preset?.data;
  if (source === undefined && !drawn) throw new ChainruleError("usage", "a model file needs --data <preset|file>");
  const flags = dataFlags(values);
  const batch = batchFlag(values.batch) ?? preset?.batch;
  const optimizer = optimizerFlags(values, preset?.optimizer);
  const clip = numberFlag("clip", values.clip);
  if (clip !== undefined && !(clip > 0))
    throw new ChainruleError("usage", `--clip must be a positive number, got ${clip}`);
  const precision = await precisionFlags(values.precision, values["loss-scale"]);
  const features = featureFlags(values, given, batch);
  const augment = augmentFlag(values.augment, given);
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const init = choiceFlag<Initialiser>("init", values.init, initialisers) ?? preset?.init;
  const logEvery = countFlag("log-every", values["log-every"]);
  const length = lengthFlags(values) ?? preset?.length;
  const every = countFlag("every", values.every);
  if (every !== undefined && values.checkpoint === undefined) {
    throw new ChainruleError("usage", "--every counts the steps between checkpoints: give --checkpoint <folder> too");
  }
  if (values.checkpoint !== undefined) requireStore(values.checkpoint);
  const folder = isAdapted(given) && values.save !== undefined;
  if (folder) requireAdapterFolder(values.save!);
  const files = folder || values.save === undefined ? [] : [values.save, recordOf(values.save)];
  for (const path of [values.log, ...files]) if (path !== undefined) requireWritable(path);
  const split =
    source === undefined
      ? residentData({ train: drawn!(given, seed), test: null }, given)
      : await runData(source, flags, seed, given, learnedFrom(values.weights, values.adapter));
  const model = withLossFlags(given, isResident(split.train) ? split.train.y : null, values);
  const watch = watchFlags(values, (split.validation ?? split.test) !== null);
  const rows = split.train.x.shape[0]!;
  const batchRows = batch === "full" ? rows : features.accumulate * (batch ?? Math.min(32, rows));
  const steps = !length
    ? DEFAULT_STEPS
    : "steps" in length
      ? length.steps
      : length.epochs * Math.ceil(rows / batchRows);
  const schedule = parseSchedule(values.schedule ?? "constant", steps);
  scheduleAttrs(schedule, optimizer.lr);

  return {
    trainer: {
      model,
      data: split.train,
      test: split.test,
      optimizer,
      schedule,
      seed,
      ...precision,
      ...features,
      ...(augment && { augment }),
      ...(values.recompute && { recompute: true }),
      ...(batch === undefined ? {} : { batch }),
      ...(clip === undefined ? {} : { clip }),
      ...(init === undefined ? {} : { init }),
      ...(weights === null ? {} : { weights }),
    },
    backend: choice,
    onNotFinite: choiceFlag("on-not-finite", values["on-not-finite"], ["stop", "skip"] as const) ?? "stop",
    onLost: choiceFlag("on-lost", values["on-lost"], ["cpu", "wait", "stop"] as const) ?? "cpu",
    validation: split.validation,
    preprocessing: split.preprocessing,
    summary: split.summary,
    steps,
    shown: logEvery ?? preset?.logEvery ?? Math.max(1, Math.round(steps / 20)),
    // The tutorial prints every 5,000 steps; any other log has every step unless told otherwise.
    logged: logEvery ?? (preset && preset.logEvery >= 1000 ? preset.logEvery : 1),
    ...watch,
    use: weightsFlag(values, features.ema !== undefined),
    log: values.log,
    save: values.save,
    checkpoint: values.checkpoint,
    every,
    resume: values.resume,
    json: values.json === true,
  };
}
