import { brief } from "../../core/format.ts";
import type { LossName } from "../../nn/loss-kinds.ts";
import type { DeclaredLoss } from "../net/resolve-loss.ts";
import { flagOf, isObject, type Json, numberOf, refuse } from "./json.ts";

/** Keras's names, in small letters without underscores: classes, functions and short forms alike. */
const NAMES: Readonly<Record<string, LossName>> = {
  categoricalcrossentropy: "crossEntropy",
  sparsecategoricalcrossentropy: "crossEntropy",
  meansquarederror: "mse",
  mse: "mse",
  binarycrossentropy: "bce",
  bce: "bce",
  huber: "huber",
  huberloss: "huber",
};

/** The mean of a batch's rows, under all the names that it has had. */
const MEANS: readonly unknown[] = ["auto", "sum_over_batch_size", "mean", "mean_with_sample_weight"];

/**
 * The loss that a model was compiled with: `compile_config` of Keras 3, `training_config` before and of TensorFlow.js.
 * Null where it was not compiled with one, or, where another is `asked` for, with one that is not known here.
 */
export function declaredLoss(
  training: unknown,
  asked: LossName | undefined,
  note: (text: string) => void,
): DeclaredLoss | null {
  if (!isObject(training) || training.loss == null) return null;
  const loss = onlyOne(training.loss);
  const { name, config } = nameOf(loss);
  const known = name === null ? undefined : NAMES[name.toLowerCase().replaceAll("_", "")];
  if (name === null || !Object.hasOwn(NAMES, name.toLowerCase().replaceAll("_", "")) || known === undefined) {
    if (asked === undefined)
      refuse(`the model was compiled with the loss ${brief(loss)}, which is not known here; name another: --loss`);
    note(`the file's own loss, ${brief(loss)}, is put aside: ${asked} is asked for`);
    return null;
  }
  const foreign: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    if (!isUsual(key, value)) foreign.push(`${key.slice(0, 40)} ${brief(value)}`);
  }
  const weight = lossWeight(training.loss_weights ?? training.lossWeights);
  if (weight !== null) foreign.push(`loss_weights ${brief(weight)}`);
  return {
    loss: known,
    fromLogits: flagOf(config.from_logits, false, "the loss: from_logits"),
    labelSmoothing: smoothingOf(config),
    ...(config.axis === 1 ? { firstAxis: true } : {}),
    ...(foreign.length > 0 ? { foreign } : {}),
  };
}

/** What several losses of one output are written as: a list or an object with one entry. */
function onlyOne(loss: unknown): unknown {
  const entries = Array.isArray(loss)
    ? loss
    : isObject(loss) && !("class_name" in loss) && !("className" in loss)
      ? Object.values(loss)
      : [loss];
  return entries.length === 1 ? entries[0] : loss;
}

/** A loss by its name, as an object with settings, or as a function that Keras 3 wraps. */
function nameOf(loss: unknown): { readonly name: string | null; readonly config: Json } {
  if (typeof loss === "string") return { name: loss, config: {} };
  if (!isObject(loss)) return { name: null, config: {} };
  const { class_name: className, config, registered_name: registered } = loss;
  // A loss of the model's own, which may be called like one of Keras's.
  if (typeof registered === "string" && registered.includes(">")) return { name: null, config: {} };
  if (className === "function" && typeof config === "string") return { name: config, config: {} };
  if (typeof className !== "string") return { name: null, config: {} };
  return { name: className, config: isObject(config) ? config : {} };
}

function smoothingOf(config: Json): number {
  const share = numberOf(config.label_smoothing, 0, "the loss: label_smoothing");
  return share >= 0 && share < 1 ? share : refuse(`the loss: label_smoothing must be from 0 to 1, got ${share}`);
}

/** Whether a setting says no more than what a loss here does, or is read elsewhere. */
function isUsual(key: string, value: unknown): boolean {
  switch (key) {
    case "name":
    case "fn":
    case "from_logits":
    case "label_smoothing":
      return true;
    case "reduction":
      return value == null ? false : MEANS.includes(value);
    case "axis":
      return value == null || value === -1 || value === 1;
    case "ignore_class":
      return value == null;
    case "delta":
      return value == null || value === 1;
    case "dtype":
      return value == null || brief(value).includes("float32");
    default:
      return false;
  }
}

/** The weight of the one output's loss; null where it is 1. */
function lossWeight(value: unknown): unknown {
  if (value == null) return null;
  const weights = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [value];
  return weights.every((w) => w === 1) ? null : value;
}
