import { ChainruleError } from "../core/errors.ts";
import { ndarray } from "../core/ndarray.ts";
import { listed } from "../data/csv-columns.ts";
import type { Dataset } from "../data/dataset.ts";
import { noticeText } from "../data/table-notice.ts";
import type { Task } from "../data/task.ts";
import { lossKinds } from "../nn/loss-kinds.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { widths } from "../nn/shapes.ts";

/**
 * A data set with targets as the model's loss takes them: `asked` decides, else the loss, where the labels can be that.
 * Throws ChainruleError "data" that names the labels, the loss and what to change where they cannot.
 */
export function fitTask(data: Dataset, model: ModelSpec, asked: Task | undefined): Dataset {
  if (lossKinds[model.loss].targets === "classes") return byNumber(requireRoom(asClasses(data, model), model), model);
  if (model.loss === "bce") {
    if (asked === "multilabel") return asValues(data, model);
    return byNumber(requireRoom(asked === "classification" ? asClasses(data, model) : data, model), model);
  }
  if (asked !== "classification") return asValues(data, model);
  return requireRoom(asClasses(data, model), model);
}

/** From here on f32 rounds whole numbers. */
const BEYOND_F32 = 2 ** 24;

/**
 * Whole numbers that are indices of the model's outputs as just those, though some be absent from the rows: of labels 0,
 * 1 and 4 the last is output 4, and of labels that are all 1 none is output 0.
 */
function byNumber(data: Dataset, model: ModelSpec): Dataset {
  const { y, table, classes } = data;
  if (y.dtype !== "i32" || !table || !classes) return data;
  const outputs = Math.max(2, widths(model).outputs);
  const numbers = classes.map(Number);
  const fits = classes.every((text, i) => text === String(numbers[i]) && Number.isInteger(numbers[i]));
  if (!fits || numbers.some((v) => v < 0 || v >= outputs) || numbers.every((v, i) => v === i)) return data;
  const labels = Int32Array.from(y.data, (label) => numbers[label]!);
  const named = Array.from({ length: outputs }, (_, i) => String(i));
  return { ...data, y: ndarray([labels.length], "i32", labels), classes: named };
}

/** Throws ChainruleError "usage" for a task that the loss is not for. */
export function requireTask({ loss }: ModelSpec, asked: Task | undefined): void {
  const fits = {
    classification: "crossEntropy, or bce with one output",
    regression: "mse or huber",
    multilabel: "bce",
  } as const;
  const classes = lossKinds[loss].targets === "classes";
  const wrong = loss === "bce" ? "regression" : "multilabel";
  const fine = asked === undefined || (classes ? asked === "classification" : asked !== wrong);
  if (fine) return;
  throw new ChainruleError("usage", `--task ${asked} needs the loss ${fits[asked]}; this model has ${loss}`);
}

/** The label columns in words, for messages. */
const labelsOf = ({ name, targets = ["y"] }: Dataset): string =>
  `${name}: ${targets.map((target) => `"${target}"`).join(", ")}`;

/** What labels are meant as that look like numbers and have become classes. */
function meant({ table }: Dataset): string | undefined {
  const found = table?.notices.find(({ kind }) => kind === "label-numbers" || kind === "label-mixed");
  return found && noticeText(found);
}

/** Whether each row has one 1 and zeros, as classes are written for some losses of other libraries. */
function isOneHot({ data, shape }: Dataset["y"]): boolean {
  const width = shape[1]!;
  const rows = Array.from({ length: shape[0]! }, (_, i) => Array.from(data.slice(i * width, (i + 1) * width)));
  return rows.every((row) => row.every((v) => v === 0 || v === 1) && row.filter((v) => v === 1).length === 1);
}

/** Numbers as classes, where they are whole and no more of them than the model has outputs. */
function asClasses(data: Dataset, model: ModelSpec): Dataset {
  const { y, table } = data;
  if (y.dtype === "i32" || !table) return data;
  if (y.shape[1] !== 1) {
    const way = isOneHot(y)
      ? "each row has one 1 (one-hot): write the number, or the name, of its column into one column instead (argmax)"
      : "several labels of 0 and 1 need bce, numbers mse";
    throw new ChainruleError(
      "data",
      `${labelsOf(data)} are ${y.shape[1]} columns to predict, and ${model.loss} predicts one class; ${way}`,
    );
  }
  const values = [...new Set(y.data)].sort((a, b) => a - b);
  const { outputs } = widths(model);
  if (!values.every(Number.isInteger) || values.length > Math.max(2, outputs)) {
    const what = `holds ${values.length} different numbers in ${y.shape[0]} rows (${values[0]} to ${values.at(-1)}), a regression`;
    const way = 'give the model "loss": "mse" and 1 output, or say --task classification and as many outputs';
    throw new ChainruleError("data", `${labelsOf(data)} ${what}, and the model's loss is ${model.loss}; ${way}`);
  }
  if (values.some((value) => Math.abs(value) >= BEYOND_F32)) {
    const what = `holds whole numbers such as ${values.at(-1)}, too large to be told apart as values`;
    throw new ChainruleError("data", `${labelsOf(data)} ${what}; where they name classes, say --task classification`);
  }
  const labels = Array.from(y.data, (value) => values.indexOf(value));
  return { ...data, y: ndarray([labels.length], "i32", labels), classes: values.map(String) };
}

/** Classes that are numbers as those numbers. */
function asValues(data: Dataset, model: ModelSpec): Dataset {
  const { y, table, classes } = data;
  if (y.dtype !== "i32") return data;
  const { outputs } = widths(model);
  const numbers = classes?.map(Number);
  // Rows without a table hold the values themselves, or classes to make 0 and 1 of.
  if (!table || !numbers) return data;
  if (numbers.some(Number.isNaN)) {
    const what = `holds ${classes!.length} classes (${listed(classes!)})`;
    const way =
      meant(data) ??
      `give it "loss": "crossEntropy" and ${Math.max(2, classes!.length)} outputs, or say --task classification to learn each class as 0 or 1`;
    throw new ChainruleError(
      "data",
      `${labelsOf(data)} ${what}, and the model's loss ${model.loss} predicts numbers; ${way}`,
    );
  }
  if (outputs !== 1) return data;
  const values = Float32Array.from(y.data, (label) => numbers[label]!);
  const { classes: _, ...rest } = data;
  return { ...rest, y: ndarray([values.length, 1], "f32", values) };
}

/** More classes than the model can tell apart. */
function requireRoom(data: Dataset, model: ModelSpec): Dataset {
  const { outputs } = widths(model);
  const { classes, table } = data;
  if (data.y.dtype !== "i32" || !classes || !table || classes.length <= Math.max(2, outputs)) return data;
  const what = `holds ${classes.length} classes (${listed(classes)}), and the model's ${model.loss} has ${outputs} output${outputs === 1 ? "" : "s"}`;
  const numbers = classes.every((text) => !Number.isNaN(Number(text)));
  const way =
    meant(data) ??
    `give it "loss": "crossEntropy" and ${classes.length} outputs${numbers ? ', or "mse" and 1 for a regression' : ""}`;
  throw new ChainruleError("data", `${labelsOf(data)} ${what}; ${way}`);
}
