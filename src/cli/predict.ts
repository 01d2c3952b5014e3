import { statSync } from "node:fs";
import { basename } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import { type NdArray, type Shape, sizeOf, unravel } from "../core/ndarray.ts";
import type { TableFormat } from "../data/csv-format.ts";
import { gunzipIfNeeded } from "../data/gunzip.ts";
import {
  type NewRows,
  type Preprocessing,
  parsePreprocessing,
  prepareCsv,
  prepareRows,
  prepareTable,
} from "../data/preprocessing.ts";
import { dataFormat } from "../io/dataset/format.ts";
import { type Inputs, loadInputLengths, loadInputs } from "../io/dataset/load.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { classLayout, shapesOf, widths } from "../nn/shapes.ts";
import { requireRowShape } from "../train/data/row-shape.ts";
import { predictRows } from "../train/evaluation/predict-rows.ts";
import { logitsByPlace, probabilities } from "../train/evaluation/probabilities.ts";
import { adapterOption, mergedStart, recordBeside } from "./adapter-flags.ts";
import { backendChoices, openBackend } from "./backend.ts";
import { csvText } from "./csv-text.ts";
import { readBytes, readJson, requireWritable, writeWhole } from "./files.ts";
import { folderImages, isFolder } from "./image-folder.ts";
import { note, print } from "./output.ts";
import { loadModelFor } from "./sources.ts";
import { formatFlags, formatOptions, requireUse } from "./table-flags.ts";
import { choiceFlag, parse, requiredFile } from "./usage.ts";
import { weightsOptions } from "./weights-flags.ts";

const help = `Usage: chainrule predict <model.json|preset> --weights W.safetensors --data new.csv --out predictions.csv

Raw rows in, predictions out: rows are prepared as those were that the net learned from, by the record
that \`chainrule train --save W.safetensors\` writes beside the weights, in W.safetensors.json.

  --weights <file>          parameters, named as in PyTorch's nn.Sequential: .safetensors, .npz or PyTorch's .pt
  --match-weights, --weights-key
                            as for train
  --adapter <folder>        a low-rank adapter beside the weights, as train --lora or PEFT saved it
  --data <file>             .csv or .parquet (the columns that the net learned from, by name; others are ignored),
                            .safetensors or .npz (x, or x_test), .npy, IDX images, or a folder of PNG or JPEG images
  --out <file.csv|->        a line for each row: the class and every class's probability, or the values; a line for each
                            place of a row where places have classes
  --missing <refuse|drop>   CSV: what to do with a row that lacks a value (default refuse, by line and column)
  --missing-values, --separator, --decimal, --thousands, --header, --no-header
                            CSV: as for train; by default as they were for the rows that the net learned from
  --preprocessing <file>    another record than the one beside the weights
  --backend <B>             auto (default), webgpu, cpu or reference
  --json                    print what was done as JSON`;

const options = {
  ...weightsOptions,
  ...adapterOption,
  data: { type: "string" },
  out: { type: "string" },
  missing: { type: "string" },
  ...formatOptions,
  preprocessing: { type: "string" },
  backend: { type: "string" },
} as const;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const { model: given } = await loadModelFor(positionals[0]!, () => rowToPredict(values));
  const weightsFile = requiredFile("weights", values.weights);
  const data = requiredFile("data", values.data);
  const out = requiredFile("out", values.out);
  const choice = choiceFlag("backend", values.backend, backendChoices) ?? "auto";
  const missing = choiceFlag("missing", values.missing, ["refuse", "drop"] as const) ?? "refuse";
  const format = formatFlags(values);
  const { model, weights } = await mergedStart(values, given);
  const record = recordFor(recordBeside(weightsFile, values.adapter), values.preprocessing, model);
  const flags = ["missing", ...Object.keys(formatOptions)].filter((flag) => values[flag as "missing"] !== undefined);
  const { x, lines, unit, lengths } = await readRows(data, record, shapesOf(model).input, missing, format, flags);
  if (out !== "-") requireWritable(out);
  if (out === data) throw new ChainruleError("usage", "--out and --data name the same file");
  const backend = await openBackend(choice);
  const outputs = await predictRows(backend, model, weights!, x, lengths);
  const { description } = backend;
  backend.dispose();
  requireFinite(outputs, lines, unit);
  const text = table(model, record, outputs, lines, unit);
  if (out === "-") process.stdout.write(text);
  else writeWhole(out, text);
  const done = { rows: lines.length, out, backend: description };
  if (values.json && out !== "-") print(JSON.stringify(done));
  else if (out !== "-") print(`${done.rows} rows predicted to ${out}`);
  return 0;
}

/** The shape of a row, of which the record tells, or else an array of rows; null where neither does. */
async function rowToPredict(
  values: Readonly<Partial<Record<"weights" | "adapter" | "preprocessing" | "data", string>>>,
): Promise<Shape | null> {
  const { weights, data } = values;
  const record = values.preprocessing ?? (weights === undefined ? undefined : recordBeside(weights, values.adapter));
  if (record !== undefined && statSync(record, { throwIfNoEntry: false })) {
    return [parsePreprocessing(record, readJson(record)).inputs];
  }
  if (data === undefined || isFolder(data)) return null;
  const name = basename(data);
  const plain = await gunzipIfNeeded(name, readBytes(data));
  const kind = dataFormat(name, plain);
  if (kind === "csv" || kind === "parquet") return null;
  return (await loadInputs(name, plain, null, false)).x.shape.slice(1);
}

/** The record beside the weights, or the one that was named; without one rows are taken as they are. */
function recordFor(beside: string, named: string | undefined, model: ModelSpec): Preprocessing {
  const { inputs, outputs } = widths(model);
  const path = named ?? beside;
  if (named === undefined && !statSync(path, { throwIfNoEntry: false })) {
    note(`there is no ${path}: values are taken as they are, columns in the order of the file`);
    return { inputs, columns: null, pixelScale: null, scaling: null, classes: null, targets: null };
  }
  const record = parsePreprocessing(path, readJson(path));
  if (record.inputs !== inputs) {
    throw new ChainruleError("file", `${path}: prepares rows of ${record.inputs} values, the model takes ${inputs}`);
  }
  const known = isClassifier(model) ? record.classes : record.targets;
  const names = isClassifier(model) ? classesOf(model) : outputs;
  if (known && known.length > names) {
    throw new ChainruleError("file", `${path}: names ${known.length} outputs, the model gives ${names}`);
  }
  return record;
}

async function readRows(
  path: string,
  record: Preprocessing,
  input: Shape,
  missing: "refuse" | "drop",
  format: TableFormat,
  given: readonly string[],
): Promise<NewRows & { readonly lengths?: NdArray }> {
  const name = basename(path);
  const counted = (x: NdArray): NewRows => {
    requireRowShape(input, x.shape.slice(1), name);
    const prepared = prepareRows(name, x, record);
    return { x: prepared, lines: Array.from({ length: prepared.shape[0]! }, (_, i) => i + 1), unit: "row" };
  };
  if (isFolder(path)) {
    requireUse(given, name, "images");
    const { x, paths } = await folderImages(path, { size: record.imageSize, input });
    requireRowShape(input, x.shape.slice(1), name);
    return { x: prepareRows(name, x, record), lines: paths, unit: "file" };
  }
  const plain = await gunzipIfNeeded(name, readBytes(path));
  const kind = dataFormat(name, plain);
  requireUse(given, name, kind);
  if (record.tokenizer && kind === "csv") {
    const advice = "rows of tokens are arrays (.npy, .npz); `chainrule generate` goes on from a text";
    throw new ChainruleError("usage", `${name}: the net learned a text, of which predict takes no more: ${advice}`);
  }
  if (kind === "csv") return prepareCsv(name, plain, record, missing, format);
  if (kind === "parquet") {
    const { parquetTable } = await import("../io/parquet/table.ts");
    const fields = { missingValues: record.fields?.missingValues, ...format };
    return prepareTable(name, await parquetTable(name, plain, fields), record, missing);
  }
  const lengths = await loadInputLengths(name, plain);
  const inputs = await loadInputs(name, plain, record.pixelScale, record.channelsLast);
  const unlike = unlikePixels(inputs, record);
  if (unlike !== null) note(`${name}: ${unlike}`);
  return { ...counted(inputs.x), ...(lengths && { lengths }) };
}

/** What is said of numbers that the net saw in another form; null where bytes are what it saw, or nothing is bytes. */
function unlikePixels({ pixels, dividedBy }: Inputs, { pixelScale }: Preprocessing): string | null {
  if (pixels === (pixelScale !== null)) return null;
  const as = dividedBy === null ? "taken as they are" : `divided by ${dividedBy}`;
  if (pixels) return `its numbers are bytes, and are ${as}; no record says that the net learned from bytes`;
  return `its numbers are no bytes, and are ${as}; the net learned from bytes divided by ${pixelScale}`;
}

/** Weights that are damaged, or rows far from all that the net learned from, may give numbers that say nothing. */
function requireFinite({ data, shape }: NdArray, lines: NewRows["lines"], unit: NewRows["unit"]): void {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const width = shape[1]!;
  const where = `${unit} ${lines[Math.floor(at / width)]}: output ${at % width} of the net is ${data[at]}`;
  throw new ChainruleError("not-finite", `${where}; its weights, or this row, hold numbers that are too large, or NaN`);
}

function isClassifier(model: ModelSpec): boolean {
  return model.loss === "crossEntropy" || (model.loss === "bce" && widths(model).outputs === 1);
}

/** A line a row: where it came from, and what the net says. */
function table(
  model: ModelSpec,
  record: Preprocessing,
  outputs: NdArray,
  lines: readonly (number | string)[],
  where: NewRows["unit"],
): string {
  const width = outputs.shape[1]!;
  if (!isClassifier(model)) {
    const probability = model.loss === "bce";
    const header = Array.from({ length: width }, (_, j) => record.targets?.[j] ?? `output ${j}`);
    const value = (v: number): number => (probability ? 1 / (1 + Math.exp(-v)) : v);
    const rows = lines.map((line, i) => [
      line,
      ...Array.from(outputs.data.subarray(i * width, (i + 1) * width), value),
    ]);
    return csvText([where, ...header], rows);
  }
  const names = Array.from({ length: classesOf(model) }, (_, i) => record.classes?.[i] ?? String(i));
  const answer = (logits: NdArray, i: number): (string | number)[] => {
    const p = probabilities(logits, i);
    return [names[p.indexOf(Math.max(...p))]!, ...p];
  };
  const columns = ["class", ...names.map((name) => `p(${name})`)];
  const layout = classLayout(model);
  const { places } = layout;
  const each = sizeOf(places);
  if (model.loss !== "crossEntropy" || each === 1) {
    return csvText(
      [where, ...columns],
      lines.map((line, i) => [line, ...answer(outputs, i)]),
    );
  }
  // A line a place: by its step, or its row and column, counted from 0.
  const axes = places.length === 1 ? ["step"] : places.length === 2 ? ["y", "x"] : places.map((_, k) => `place ${k}`);
  const byPlace = logitsByPlace(outputs, layout);
  const rows = lines.flatMap((line, i) =>
    Array.from({ length: each }, (_, at) => [line, ...unravel(at, places), ...answer(byPlace, i * each + at)]),
  );
  return csvText([where, ...axes, ...columns], rows);
}

/** How many classes a classifier tells apart: one output tells two. */
const classesOf = (model: ModelSpec): number =>
  model.loss === "crossEntropy" ? classLayout(model).classes : Math.max(2, widths(model).outputs);
