import { ChainruleError } from "../../core/errors.ts";
import {
  cast,
  firstNotFinite,
  type NdArray,
  ndarray,
  requireNdArray,
  shapeText,
  sizeOf,
  unravel,
  zeros,
} from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import { lossKinds } from "../../nn/loss-kinds.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { classLayout, shapesOf, widths } from "../../nn/shapes.ts";
import { matchLengths } from "./lengths.ts";
import { requireRowShape } from "./row-shape.ts";
import { isResident, type RowSource, type Rows } from "./row-source.ts";

/**
 * A source in the form that the model's loss takes, as matchRows makes it: what can be told from shapes is refused now,
 * and a value when it is read, by the number of its row.
 */
export function matchSource(model: ModelSpec, source: RowSource, what: string): RowSource {
  const { inputs, outputs } = widths(model);
  const n = source.x.shape[0]!;
  // Stands for any rows: what fits its shapes and types fits theirs.
  const sample = (spec: TensorSpec): NdArray => zeros([1, ...spec.shape.slice(1)], spec.dtype);
  const { lengths } = source;
  fitRows(model, { x: sample(source.x), y: sample(source.y), ...(lengths && { lengths: sample(lengths) }) }, what);
  if (source.y.shape[0] !== n) {
    throw new ChainruleError("data", `${what}: ${n} rows of inputs, ${source.y.shape[0] ?? 0} of targets`);
  }
  const classes = lossKinds[model.loss].targets === "classes";
  return {
    x: { shape: [n, inputs], dtype: shapesOf(model).tokens ? "i32" : "f32" },
    y: classes ? { shape: labelShape(model, n), dtype: "i32" } : { shape: [n, outputs], dtype: "f32" },
    ...(lengths && { lengths: { shape: [n], dtype: "i32" } }),
    async read(index) {
      const numberOf = (row: number): number => index[row]!;
      return inSingle(fitRows(model, await source.read(index), what, numberOf), what, numberOf);
    },
  };
}

/** Throws ChainruleError("data") where there are none at all. */
export function requireRows(data: Rows | RowSource, what: string): void {
  if (!data?.x || !data.y) throw new ChainruleError("data", `${what}: rows { x, y } are needed, or a source of them`);
}

/** Rows or a source of them in the form that the model's loss takes and kernels read, see matchRows and matchSource. */
export function matchData(model: ModelSpec, data: Rows | RowSource, what: string): Rows | RowSource {
  requireRows(data, what);
  return isResident(data) ? inSingle(matchRows(model, data, what), what) : matchSource(model, data, what);
}

/** f64 as f32, which training takes. Throws naming the row and the column of a value that is too large for it. */
function inSingle({ x, y, ...more }: Rows, what: string, numberOf?: NumberOf): Rows {
  const single = (a: NdArray, which: string): NdArray => {
    if (a.dtype !== "f64") return a;
    const rounded = cast(a, "f32");
    const at = firstNotFinite(rounded.data);
    if (at < 0) return rounded;
    throw new ChainruleError("data", `${placeOf(a, at, `${what}: ${which}`, numberOf)}, which f32 cannot hold`);
  };
  return { x: single(x, "x"), y: single(y, "y"), ...more };
}

/**
 * Rows in the form that the model's loss takes: x f32 [n, inputs], or tokens i32 [n, t]; y f32 [n, outputs], class indices i32 [n], or [n, places]
 * where places have classes, and a negative number for a target that does not count. Throws naming the row and the column, and where no
 * target at all counts.
 */
export function matchRows(model: ModelSpec, rows: Rows, what: string): Rows {
  const fitting = fitRows(model, rows, what);
  if (lossKinds[model.loss].targets === "classes" && fitting.y.data.every((label) => label < 0)) {
    const { ignoreIndex } = classLayout(model);
    throw new ChainruleError("data", `${what}: every target is ${ignoreIndex}, which does not count: there is no loss`);
  }
  return fitting;
}

/** The same of some rows of a larger data set, of which `numberOf` gives the numbers: there may be no target that counts. */
function fitRows(model: ModelSpec, rows: Rows, what: string, numberOf: NumberOf = (row) => row): Rows {
  const { lengths, text } = rows;
  const fitting = fitPair(model, rows, what, numberOf);
  const n = fitting.x.shape[0]!;
  return {
    ...fitting,
    ...(text && { text }),
    ...(lengths && { lengths: matchLengths(model, lengths, n, what, numberOf) }),
  };
}

function fitPair(model: ModelSpec, rows: Rows, what: string, numberOf: NumberOf): Pick<Rows, "x" | "y"> {
  const { outputs } = widths(model);
  const { x, y } = rows;
  requireNdArray(y, `${what}: y`);
  const flatX = matchInputs(model, x, what, numberOf);
  const n = flatX.shape[0]!;
  if (y.shape[0] !== n) throw new ChainruleError("data", `${what}: ${n} rows of inputs, ${y.shape[0] ?? 0} of targets`);
  const targets = lossKinds[model.loss].targets;
  if (targets === "classes") return { x: flatX, y: targetLabels(y, model, what, numberOf) };
  const width = sizeOf(y.shape.slice(1));
  if (isWhole(y) && width === 1 && outputs > 1) return { x: flatX, y: oneHot(y, outputs, what, numberOf) };
  if (width !== outputs) {
    throw new ChainruleError("data", `${what}: targets have ${width} values, the model gives ${outputs}`);
  }
  refuseNotFinite(y, `${what}: y`, numberOf);
  if (model.loss === "bce") requireProbabilities(y, `${what}: y`, numberOf);
  const values = isWhole(y) ? namedValues(rows, model, what) : y;
  return { x: flatX, y: y.shape.length === 2 ? values : { ...values, shape: [n, width] } };
}

/** Rows of inputs as [n, inputs], i32 where the model reads tokens. Throws naming the row and the column. */
export function matchInputs(model: ModelSpec, x: NdArray, what: string, numberOf: NumberOf = (row) => row): NdArray {
  requireNdArray(x, `${what}: x`);
  const { inputs } = widths(model);
  const n = x.shape[0] ?? 0;
  if (n === 0) throw new ChainruleError("data", `${what}: there are no rows`);
  const row = x.shape.slice(1);
  requireRowShape(shapesOf(model).input, row, what);
  const width = sizeOf(row);
  if (width !== inputs)
    throw new ChainruleError("data", `${what}: rows have ${width} values, the model takes ${inputs}`);
  const { tokens } = shapesOf(model);
  if (tokens) return { ...tokens.read(x, width, what, numberOf), shape: [n, width] };
  refuseNotFinite(x, `${what}: x`, numberOf);
  // Whole numbers are inputs too, but no kernel reads them.
  const values = isWhole(x) ? cast(x, "f32") : x;
  return x.shape.length === 2 ? values : { ...values, shape: [n, width] };
}

const isWhole = ({ dtype }: NdArray): boolean => dtype === "i32" || dtype === "u32";

type NumberOf = (row: number) => number;

/** Shape of the labels of n rows. */
function labelShape(model: ModelSpec, n: number): number[] {
  const each = sizeOf(classLayout(model).places);
  return each === 1 ? [n] : [n, each];
}

/** Class indices of rows, or of their places; negative for those that do not count. */
function targetLabels(y: NdArray, model: ModelSpec, what: string, numberOf: NumberOf): NdArray {
  const { classes, places, last, ignoreIndex } = classLayout(model);
  const n = y.shape[0]!;
  const shape = labelShape(model, n);
  if (sizeOf(y.shape) !== sizeOf(shape)) {
    const each =
      shape.length === 1 ? "one class index a row" : `a class index for each place, y [n, ${places.join(", ")}]`;
    const order = last ? ` (outputs [${places}, ${classes}] hold steps, then classes; "permute" turns them)` : "";
    const argmax =
      sizeOf(y.shape) === sizeOf(shape) * classes ? "; of one-hot rows give the place of the 1 (argmax)" : "";
    const got = `got y ${shapeText(y.shape)}${argmax}${order}`;
    throw new ChainruleError("data", `${what}: crossEntropy takes ${each}, ${got}`);
  }
  return { ...classLabels(y, classes, what, numberOf, ignoreIndex), shape };
}

/**
 * Class indices i32, each below `classes`, and a negative number for `ignoreIndex`: itself, or -1, which is taken as such
 * where rows come a second time. Whole f32 numbers are taken as labels too.
 */
function classLabels(
  y: NdArray,
  classes: number,
  what: string,
  numberOf: NumberOf,
  ignoreIndex: number | null = null,
): NdArray {
  const each = y.data.length / y.shape[0]!;
  const ignored = ignoreIndex === null ? null : Math.min(ignoreIndex, -1);
  // Labels that are changed are not the caller's.
  const labels = ndarray([y.data.length], "i32", ignoreIndex === ignored ? y.data : Int32Array.from(y.data));
  for (let i = 0; i < y.data.length; i++) {
    const label = y.data[i]!;
    const row = (): number => numberOf(Math.floor(i / each));
    if (label === ignored) continue;
    if (label === ignoreIndex) labels.data[i] = ignored!;
    else if (!Number.isInteger(label)) {
      throw new ChainruleError("data", `${what}: label ${label} of row ${row()} is not a whole number`);
    } else if (label < 0 || label >= classes) {
      const other = ignoreIndex === null ? "" : `, and not ${ignoreIndex}, which does not count`;
      throw new ChainruleError(
        "data",
        `${what}: label ${label} of row ${row()} is outside the model's ${classes} classes, 0 to ${classes - 1}${other}`,
      );
    }
  }
  return labels;
}

/** Labels for a loss on several values: 1 for the class, 0 for all others. */
function oneHot(y: NdArray, outputs: number, what: string, numberOf: NumberOf): NdArray {
  const labels = classLabels(y, outputs, what, numberOf);
  const values = new Float32Array(labels.data.length * outputs);
  labels.data.forEach((label, i) => {
    values[i * outputs + label] = 1;
  });
  return ndarray([labels.data.length, outputs], "f32", values);
}

/** Whole numbers as values: the numbers that classes are named by, or 0 and 1 for two classes. */
function namedValues({ y, classes }: Rows, { loss }: ModelSpec, what: string): NdArray {
  const numbers = classes?.map(Number);
  if (!numbers || loss === "bce" || y.shape.length > 1) return cast(y, "f32");
  if (!numbers.some(Number.isNaN))
    return ndarray(
      y.shape,
      "f32",
      Float32Array.from(y.data, (label) => numbers[label]!),
    );
  if (numbers.length <= 2) return cast(y, "f32");
  const named = classes!.slice(0, 3).join(", ");
  const message = `${numbers.length} classes (${named}, ...) are no numbers, which ${loss} takes; crossEntropy takes classes`;
  throw new ChainruleError("data", `${what}: ${message}`);
}

/** bce compares probabilities, and whole numbers are 0 or 1 to it. */
function requireProbabilities(y: NdArray, what: string, numberOf: NumberOf): void {
  const at = y.data.findIndex((value) => value < 0 || value > 1);
  if (at < 0) return;
  const wanted = "bce takes targets from 0 to 1; classes of other numbers need crossEntropy, values mse";
  throw new ChainruleError("data", `${placeOf(y, at, what, numberOf)}: ${wanted}`);
}

/** Throws naming the row and the column of a value that is NaN or infinite. */
export function refuseNotFinite(a: NdArray, what: string, numberOf: NumberOf = (row) => row): void {
  const at = firstNotFinite(a.data);
  if (at >= 0) throw new ChainruleError("data", placeOf(a, at, what, numberOf));
}

function placeOf(a: NdArray, at: number, what: string, numberOf: NumberOf = (row) => row): string {
  const [row, ...column] = unravel(at, a.shape);
  const place = column.length > 0 ? `, column ${column.join(", ")}` : "";
  return `${what} holds ${a.data[at]} in row ${numberOf(row!)}${place}`;
}
