import { ChainruleError } from "../core/errors.ts";
import type { DataSplit } from "../data/dataset.ts";
import { readWeights } from "../io/weights.ts";
import { type Initialiser, initialisers } from "../nn/initialise.ts";
import { parameterSpecs } from "../nn/model.ts";
import type { OptimizerName } from "../ops/names.ts";
import { optimizers } from "../ops/optimizers.ts";
import { parameterMultipliers } from "../optim/groups.ts";
import { type OptimizerSpec, optimizerAttrs } from "../optim/optimizer.ts";
import { parseSchedule, scheduleAttrs } from "../optim/schedule.ts";
import { matchRows, type TrainerOptions } from "../train/options.ts";
import type { WeightsChoice } from "../train/trainer.ts";
import type { EarlyStopping } from "../train/validation.ts";
import { type BackendChoice, backendChoices } from "./backend.ts";
import { readBytes, requireWritable } from "./files.ts";
import { loadData, loadModel } from "./sources.ts";
import { earlyStopping, parseGroup, penaltyFlags, withLossFlags } from "./train-settings.ts";
import { choiceFlag, countFlag, numberFlag, parse } from "./usage.ts";

export const help = `Usage: chainrule train <model.json|preset> [options]

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
  --schedule <S>            constant, step:every=N,gamma=X, cosine:steps=N,min=X or exponential:steps=N,end=X;
                           each with warmup=N
  --clip <X>                clip the gradient to this global norm
  --class-weights <W>       crossEntropy: a weight for each class (1,2.5,...), or balanced by their counts
  --label-smoothing <X>     crossEntropy: share of each target that is spread over all classes
  --group <match:k=X,...>   parameters with factors of their own for lr and weight-decay; may be given again:
                           --group '0.*:lr=0' (frozen) --group 'bias,norm:weight-decay=0'
  --accumulate <N>          batches that a step goes through before it changes the weights (default 1)
  --l1 <X>  --l2 <X>        what large weights cost: X sum |w|, X sum w^2, added to the loss
  --ema <decay>             keep a moving average of the weights; evaluations and --save then use it
  --use <last|average>      which weights evaluations and --save take instead
  --seed <N>                weights, shuffle and dropout (default 1)
  --backend <B>             auto (default: measures both on this run), webgpu, cpu or
                           reference (the CPU in plain loops)
  --validate-every <N>      steps between two validations on the test rows (default: once an epoch or so, unseen)
  --patience <N>            stop after so many validations without an improvement, and go back to the best
  --min-delta <X>           what an improvement must exceed (default 0)
  --monitor <what>          loss (default) or accuracy: what must improve
  --log <f.jsonl>           one JSON object a line: {"step":1,"loss":...}, and evaluations
  --log-every <N>           steps between two lines of the log
  --save <f.safetensors>    write the weights at the end, and after Ctrl-C
  --json                    print the summary as JSON
  --verbose                 say where an error came from`;

export const trainOptions = {
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
  "class-weights": { type: "string" },
  "label-smoothing": { type: "string" },
  group: { type: "string", multiple: true },
  accumulate: { type: "string" },
  l1: { type: "string" },
  l2: { type: "string" },
  ema: { type: "string" },
  use: { type: "string" },
  seed: { type: "string" },
  backend: { type: "string" },
  "validate-every": { type: "string" },
  patience: { type: "string" },
  "min-delta": { type: "string" },
  monitor: { type: "string" },
  log: { type: "string" },
  "log-every": { type: "string" },
  save: { type: "string" },
} as const;

/** A run with everything decided: what to train, how long, and where its results go. */
export interface TrainPlan {
  readonly trainer: TrainerOptions;
  readonly backend: BackendChoice;
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
  return values.help ? null : planOf(positionals[0]!, values);
}

/** The flags' values; whatever a command leaves out is absent. */
type TrainValues = { readonly [K in keyof typeof trainOptions]?: ValueOf<(typeof trainOptions)[K]> | undefined } & {
  readonly json?: boolean | undefined;
};
type ValueOf<T> = T extends { multiple: true } ? string[] : T extends { type: "boolean" } ? boolean : string;

/** A run of the model of that name, or in that file, as the flags have it. */
export async function planOf(name: string, values: TrainValues): Promise<TrainPlan> {
  const { model: given, preset } = loadModel(name);
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
  const accumulate = countFlag("accumulate", values.accumulate) ?? 1;
  if (accumulate > 1 && batch === "full")
    throw new ChainruleError("usage", "--accumulate needs --batch <N>: a batch of full has all rows");
  const groups = (values.group ?? []).map(parseGroup);
  parameterMultipliers(groups, parameterSpecs(given));
  const penalty = penaltyFlags(values);
  const decay = numberFlag("ema", values.ema);
  if (decay !== undefined && !(decay >= 0 && decay < 1))
    throw new ChainruleError("usage", `--ema must be at least 0 and below 1, got ${decay}`);
  const use = choiceFlag("use", values.use, ["last", "average"] as const) ?? (decay === undefined ? "last" : "average");
  if (use === "average" && decay === undefined)
    throw new ChainruleError("usage", "--use average needs --ema <decay>, which keeps one");
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const init = choiceFlag<Initialiser>("init", values.init, initialisers) ?? preset?.init;
  const logEvery = countFlag("log-every", values["log-every"]);
  const stepsFlag = countFlag("steps", values.steps);
  const epochs = countFlag("epochs", values.epochs);
  if (stepsFlag !== undefined && epochs !== undefined)
    throw new ChainruleError("usage", "give --steps or --epochs, not both");
  const validateEvery = countFlag("validate-every", values["validate-every"]);
  const stopEarly = earlyStopping(values);
  for (const path of [values.log, values.save]) if (path !== undefined) requireWritable(path);
  const weights = values.weights === undefined ? undefined : readWeights(readBytes(values.weights), given);
  const split: DataSplit = await loadData({ source, label: values.label, testFraction: fraction, seed }, given);

  const { y } = matchRows(given, split.train, "training data");
  const model = withLossFlags(given, y, values);
  if (split.test) matchRows(model, split.test, "test data");
  else if (validateEvery !== undefined || stopEarly)
    throw new ChainruleError(
      "usage",
      "--validate-every and --patience need test rows: hold some out with --test-fraction",
    );
  const rows = split.train.x.shape[0]!;
  const batchRows = batch === "full" ? rows : accumulate * (batch ?? Math.min(32, rows));
  const length = stepsFlag !== undefined ? { steps: stepsFlag } : epochs !== undefined ? { epochs } : preset?.length;
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
      ...(batch === undefined ? {} : { batch }),
      ...(clip === undefined ? {} : { clip }),
      ...(decay === undefined ? {} : { ema: { decay } }),
      ...(penalty ? { penalty } : {}),
      groups,
      accumulate,
      ...(init === undefined ? {} : { init }),
      ...(weights === undefined ? {} : { weights }),
    },
    backend: choice,
    steps,
    shown: logEvery ?? preset?.logEvery ?? Math.max(1, Math.round(steps / 20)),
    // The tutorial prints every 5,000 steps; any other log has every step unless told otherwise.
    logged: logEvery ?? (preset && preset.logEvery >= 1000 ? preset.logEvery : 1),
    validateEvery,
    stopEarly,
    use,
    log: values.log,
    save: values.save,
    json: values.json === true,
  };
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
