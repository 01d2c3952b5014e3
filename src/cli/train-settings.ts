import { ChainruleError } from "../core/errors.ts";
import type { NdArray } from "../core/ndarray.ts";
import { balancedClassWeights } from "../nn/class-weights.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { parameterSpecs } from "../nn/parameter-specs.ts";
import { parseModel } from "../nn/parse-model.ts";
import { classLayout } from "../nn/shapes.ts";
import type { OptimizerName } from "../ops/names.ts";
import { optimizers } from "../ops/step/optimizers.ts";
import { type ParameterGroupSpec, parameterMultipliers } from "../optim/groups.ts";
import { type OptimizerSpec, optimizerAttrs } from "../optim/optimizer.ts";
import { checkPenalty, type PenaltySpec } from "../optim/penalty.ts";
import type { EarlyStopping } from "../train/evaluation/validation.ts";
import { halfSteps } from "../train/f16/load.ts";
import { type LossScale, precisions, resolveHalves } from "../train/f16/precision.ts";
import type { TrainerOptions } from "../train/run/options.ts";
import type { WeightsChoice } from "../train/trainer.ts";
import { choiceFlag, countFlag, numberFlag } from "./usage.ts";

/** Settings of a run that take more than one flag, or more than a number. */

/** The model with the settings of crossEntropy that flags give. */
export function withLossFlags(
  model: ModelSpec,
  labels: NdArray | null,
  values: {
    readonly "class-weights"?: string | undefined;
    readonly "label-smoothing"?: string | undefined;
  },
): ModelSpec {
  const text = values["class-weights"];
  const labelSmoothing = numberFlag("label-smoothing", values["label-smoothing"]);
  if (text === undefined && labelSmoothing === undefined) return model;
  if (model.loss !== "crossEntropy") {
    const what = "--class-weights and --label-smoothing are for the loss crossEntropy";
    throw new ChainruleError("usage", `${what}, this model has ${model.loss}`);
  }
  if (text === "balanced" && !labels) {
    throw new ChainruleError(
      "usage",
      "--class-weights balanced counts all labels, and this data set streams: name them",
    );
  }
  const { classes, ignoreIndex } = classLayout(model);
  const classWeights =
    text === "balanced"
      ? balancedClassWeights(labels!, classes, ignoreIndex === null ? null : Math.min(ignoreIndex, -1))
      : text?.split(",").map((part) => numberFlag("class-weights", part)!);
  const settings = {
    ...(classWeights === undefined ? {} : { classWeights }),
    ...(labelSmoothing === undefined ? {} : { labelSmoothing }),
  };
  return parseModel({ ...model, ...settings });
}

/** What a step has besides its optimizer: accumulated batches, groups, penalties, a moving average. */
export function featureFlags(
  values: FeatureValues,
  model: ModelSpec,
  batch: number | "full" | undefined,
): Pick<TrainerOptions, "groups" | "penalty" | "ema"> & { readonly accumulate: number } {
  const accumulate = countFlag("accumulate", values.accumulate) ?? 1;
  if (accumulate > 1 && batch === "full") {
    throw new ChainruleError("usage", "--accumulate needs --batch <N>: a batch of full has all rows");
  }
  const groups = (values.group ?? []).map(parseGroup);
  parameterMultipliers(groups, parameterSpecs(model));
  const penalty = penaltyFlags(values);
  const decay = numberFlag("ema", values.ema);
  if (decay !== undefined && !(decay >= 0 && decay < 1)) {
    throw new ChainruleError("usage", `--ema must be at least 0 and below 1, got ${decay}`);
  }
  return { accumulate, groups, ...(penalty ? { penalty } : {}), ...(decay === undefined ? {} : { ema: { decay } }) };
}

type Text = string | undefined;
interface FeatureValues {
  readonly accumulate?: Text;
  readonly group?: string[] | undefined;
  readonly l1?: Text;
  readonly l2?: Text;
  readonly ema?: Text;
}

/** --use: the average where one is kept, unless told otherwise. */
export function weightsFlag(values: { readonly use?: Text }, kept: boolean): WeightsChoice {
  const use = choiceFlag("use", values.use, ["last", "average"] as const) ?? (kept ? "average" : "last");
  if (use === "average" && !kept) {
    throw new ChainruleError("usage", "--use average needs --ema <decay>, which keeps one");
  }
  return use;
}

/** --validate-every, --patience and what belongs to them. */
export function watchFlags(
  values: {
    readonly "validate-every"?: Text;
    readonly patience?: Text;
    readonly "min-delta"?: Text;
    readonly monitor?: Text;
  },
  hasRows: boolean,
): { readonly validateEvery: number | undefined; readonly stopEarly: EarlyStopping | undefined } {
  const validateEvery = countFlag("validate-every", values["validate-every"]);
  const patience = countFlag("patience", values.patience);
  const minDelta = numberFlag("min-delta", values["min-delta"]);
  if (minDelta !== undefined && minDelta < 0) {
    throw new ChainruleError("usage", `--min-delta must be at least 0, got ${minDelta}`);
  }
  const monitor = choiceFlag("monitor", values.monitor, ["loss", "accuracy"] as const);
  if (patience === undefined && (minDelta !== undefined || monitor !== undefined)) {
    throw new ChainruleError("usage", "--min-delta and --monitor are for early stopping: give --patience too");
  }
  if (!hasRows && (validateEvery !== undefined || patience !== undefined)) {
    const what = "--validate-every and --patience need rows to validate on";
    throw new ChainruleError("usage", `${what}: hold some out with --split`);
  }
  if (patience === undefined) return { validateEvery, stopEarly: undefined };
  const more = { ...(minDelta === undefined ? {} : { minDelta }), ...(monitor === undefined ? {} : { monitor }) };
  return { validateEvery, stopEarly: { patience, ...more } };
}

/** "bias,norm:weight-decay=0" */
function parseGroup(text: string): ParameterGroupSpec {
  const at = text.lastIndexOf(":");
  const factors = new Map<string, number>();
  for (const pair of at < 0 ? [""] : text.slice(at + 1).split(",")) {
    const [key, value] = pair.split("=", 2) as [string, string?];
    if ((key !== "lr" && key !== "weight-decay") || value === undefined) {
      throw new ChainruleError("usage", `--group takes match:lr=X,weight-decay=X, one or both, got "${text}"`);
    }
    factors.set(key, numberFlag("group", value)!);
  }
  const [lr, weightDecay] = [factors.get("lr"), factors.get("weight-decay")];
  return {
    match: text.slice(0, at).split(","),
    ...(lr === undefined ? {} : { lr }),
    ...(weightDecay === undefined ? {} : { weightDecay }),
  };
}

/** --l1 and --l2; null where neither is given. */
export function penaltyFlags(values: { l1?: string | undefined; l2?: string | undefined }): PenaltySpec | null {
  const [l1, l2] = [numberFlag("l1", values.l1), numberFlag("l2", values.l2)];
  return checkPenalty({ ...(l1 === undefined ? {} : { l1 }), ...(l2 === undefined ? {} : { l2 }) });
}

/** f32, or f16 and how its loss is scaled. */
export async function precisionFlags(precision: string | undefined, scale: string | undefined) {
  const lossScale: LossScale | undefined = scale === "dynamic" ? "dynamic" : numberFlag("loss-scale", scale);
  const given = choiceFlag("precision", precision, precisions) ?? "f32";
  const halves = resolveHalves(given, lossScale);
  (await halfSteps(halves))?.checkLossScale(halves!.lossScale);
  return { precision: given, ...(lossScale === undefined ? {} : { lossScale }) };
}

/** How long a run is; undefined where no flag says so. */
export function lengthFlags(values: {
  steps?: string | undefined;
  epochs?: string | undefined;
}): { readonly steps: number } | { readonly epochs: number } | undefined {
  const [steps, epochs] = [countFlag("steps", values.steps), countFlag("epochs", values.epochs)];
  if (steps === undefined) return epochs === undefined ? undefined : { epochs };
  if (epochs !== undefined) throw new ChainruleError("usage", "give --steps or --epochs, not both");
  return { steps };
}

/** Rows of a step. */
export function batchFlag(text: string | undefined): number | "full" | undefined {
  return text === "full" ? "full" : countFlag("batch", text);
}

/** The optimizer, by flags and by what a preset has. Throws a usage error that names the flag. */
export function optimizerFlags(
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
