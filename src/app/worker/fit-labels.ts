import { ndarray } from "../../core/ndarray.ts";
import { type DataSplit, type Dataset, outputCount } from "../../data/dataset.ts";
import { lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { widths } from "../../nn/shapes.ts";
import type { Ends } from "../state/settings.ts";

/** What rows ask of a net. */
export function endsOf(data: Dataset): Ends {
  const { x, y, table } = data;
  const classes = y.dtype === "i32";
  return {
    inputs: x.shape[1]!,
    outputs: classes ? Math.max(2, outputCount(data)) : y.shape[1]!,
    loss: classes ? "crossEntropy" : table?.task === "multilabel" ? "bce" : "mse",
  };
}

/** Rows whose labels a dropped net takes, and what was done to them, for people. */
interface FittedLabels {
  readonly split: DataSplit;
  readonly note: string;
}

/**
 * Rows of classes as a net takes them that asks for something else than they do, as the command line takes them: labels
 * that are numbers are values to one linear output, and indices of outputs to a net that has more of them. Null where
 * they are what the net takes, or can not be.
 */
export function fitLabels(split: DataSplit, model: ModelSpec): FittedLabels | null {
  const { y, classes, table } = split.train;
  const { outputs } = widths(model);
  if (y.dtype !== "i32" || y.shape.length !== 1) return null;
  const given = classes?.map(Number);
  // Two classes of rows that are shipped are 0 and 1 to a loss on values, whatever their names.
  const two = !table && given?.length === 2 && given.some(Number.isNaN);
  const numbers = two ? [0, 1] : given;
  const named = two ? `${classes!.join(" and ")}, as 0 and 1,` : (numbers && listed(numbers)) || "the labels";
  if (lossKinds[model.loss].targets === "values" && model.loss !== "bce") {
    if (outputs !== 1 || numbers?.some(Number.isNaN)) return null;
    const note = `${named} are learned as numbers, since the net has one linear output`;
    return { split: eachPart(split, (part) => asValues(part, numbers)), note };
  }
  if (model.loss !== "crossEntropy" || !(numbers ?? []).every((v, i) => isIndex(v, outputs, classes![i]!))) return null;
  const many = outputCount(split.train);
  if (many >= outputs) return null;
  const note = `${named} are ${many} of the ${outputs} classes that the net tells apart`;
  return { split: eachPart(split, (part) => byNumber(part, outputs, numbers)), note };
}

const isIndex = (value: number, outputs: number, text: string): boolean =>
  Number.isInteger(value) && value >= 0 && value < outputs && text === String(value);

const SOME = 6;
const listed = (numbers: readonly number[]): string =>
  numbers.length > SOME ? `${numbers.slice(0, SOME).join(", ")} ...` : numbers.join(", ");

function eachPart({ train, validation, test }: DataSplit, change: (part: Dataset) => Dataset): DataSplit {
  return {
    train: change(train),
    ...(validation === undefined ? {} : { validation: validation && change(validation) }),
    test: test && change(test),
  };
}

function asValues(part: Dataset, numbers: readonly number[] | undefined): Dataset {
  const { classes: _, table, y, ...rest } = part;
  const values = Float32Array.from(y.data, (label) => numbers?.[label] ?? label);
  return {
    ...rest,
    y: ndarray([values.length, 1], "f32", values),
    ...(table && { table: { ...table, task: "regression" } }),
  };
}

function byNumber(part: Dataset, outputs: number, numbers: readonly number[] | undefined): Dataset {
  const labels = Int32Array.from(part.y.data, (label) => numbers?.[label] ?? label);
  const classes = Array.from({ length: outputs }, (_, i) => String(i));
  return { ...part, y: ndarray([labels.length], "i32", labels), classes };
}
