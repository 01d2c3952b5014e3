import { quote } from "../core/format.ts";
import { type NdArray, reshape, sizeOf } from "../core/ndarray.ts";
import { mergedColumns } from "../data/csv-notices.ts";
import type { Dataset } from "../data/dataset.ts";
import { fitScaling } from "../data/standardise.ts";
import { type BytesNotice, noticeText } from "../data/table-notice.ts";
import type { Task } from "../data/task.ts";
import { lossKinds } from "../nn/loss-kinds.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { classLayout, shapesOf, widths } from "../nn/shapes.ts";
import type { RowSource, Rows } from "../train/data/row-source.ts";
import { isResident } from "../train/data/row-source.ts";
import { note } from "./output.ts";

/** What is predicted from what, for --json and, as a line, for people. */
export interface DataSummary {
  readonly label: readonly string[];
  readonly task: Task;
  /** Names or indices of the classes; null where numbers are predicted. */
  readonly classes: readonly string[] | null;
  readonly numbers: readonly string[];
  /** True where every step of a row has a class of its own. */
  readonly perStep?: true;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly inputs: number;
  readonly rows: number;
  readonly dropped: { readonly rows: number; readonly missing: Readonly<Record<string, number>> };
  readonly ignored: readonly string[];
  readonly warnings: readonly string[];
  readonly line: string;
  /** Of a text: its vocabulary, and by part its tokens and the bytes that one of them stands for. */
  readonly text?: {
    readonly vocabulary: number;
    readonly tokens: Readonly<Record<string, number>>;
    readonly bytesPerToken: Readonly<Record<string, number>>;
  };
}

/** Names that are listed; the rest is counted. */
const MOST_NAMES = 8;

/** All rows of a run: of its parts, `train` says what they are. */
export function dataSummary(
  train:
    | (Rows & Partial<Dataset>)
    | (RowSource & {
        readonly columns?: undefined;
        readonly table?: undefined;
        readonly pixelScale?: number | null;
        readonly bytes?: BytesNotice;
      }),
  model: ModelSpec,
  rows: number,
): DataSummary {
  const { columns, table } = train;
  const facts: Partial<Dataset> = isResident(train) ? train : {};
  const { outputs, inputs } = widths(model);
  const task = taskOfRows(train, model);
  const layout = model.loss === "crossEntropy" ? classLayout(model) : null;
  const k = facts.classes?.length ?? Math.max(2, layout?.classes ?? outputs);
  const classes = task === "classification" ? (facts.classes ?? Array.from({ length: k }, (_, i) => String(i))) : null;
  const label = facts.targets ?? ["y"];
  const numbers = columns?.filter((c) => !c.categories).map((c) => c.name) ?? [];
  const kinds = columns?.filter((c) => c.categories) ?? [];
  const merged = facts.x?.dtype === "f64" ? mergedColumns(facts.x, columns ?? unnamed(inputs)) : [];
  const far = task === "regression" && facts.y ? farLabels(facts.y, label) : [];
  const warnings = [...[...(table?.notices ?? []), ...merged].map(noticeText), ...far, ...absentClasses(facts)];
  const dropped = table?.dropped ?? { rows: 0, columns: [] };
  const ignored = (table?.ignored ?? []).map((c) => (typeof c === "number" ? `column ${c} without a name` : `"${c}"`));
  const from = facts.image
    ? `images of ${facts.image.height} x ${facts.image.width}`
    : facts.shape && facts.shape.length > 1
      ? `${facts.shape.length === 3 ? "images" : "arrays"} of ${facts.shape.join(" x ")}`
      : [
          ...(columns
            ? amount(numbers.length, "number", named(numbers))
            : amount(inputs, shapesOf(model).tokens ? "token" : "number", "")),
          ...amount(
            kinds.length,
            "category column",
            named(kinds.map((c) => `${c.name}: ${c.categories!.length} values`)),
          ),
        ].join(" and ");
  const missing = dropped.columns.map(({ column, rows: n }) => `${column} missing in ${n}`).join(", ");
  // Scaled labels would make losses, weights and exported nets ones of another unit.
  const scaled = task === "regression" && facts.scaling;
  const each = layout && sizeOf(layout.places) > 1 ? ` for each of ${layout.places.join(" x ")} places` : "";
  const what = `${taskText(task, facts.classes, k, label.length, outputs)}${each}${scaled ? ", in its own unit" : ""}`;
  const parts = [
    `predicts ${label.join(", ")} (${what}) from ${from}${scaled ? ", standardised" : ""}`,
    dropped.rows > 0 ? `${rows} of ${rows + dropped.rows} rows, ${dropped.rows} dropped (${missing})` : `${rows} rows`,
    ...(train.bytes ? [noticeText(train.bytes)] : []),
    ...(train.pixelScale && !train.bytes
      ? [`${facts.shape ? "pixels" : "values"} divided by ${train.pixelScale}`]
      : []),
    ...(ignored.length > 0 ? [`left out: ${ignored.join(", ")}`] : []),
  ];
  return {
    ...(layout?.last && { perStep: true as const }),
    ...{ label, task, classes, numbers, inputs, rows, ignored, warnings, line: parts.join("; ") },
    categories: Object.fromEntries(kinds.map((c) => [c.name, c.categories!])),
    dropped: { rows: dropped.rows, missing: Object.fromEntries(dropped.columns.map((c) => [c.column, c.rows])) },
  };
}

/** Named classes that no row to learn from has. */
function absentClasses({ y, classes, targets }: Partial<Dataset>): string[] {
  if (y?.dtype !== "i32" || !classes || !targets) return [];
  const seen = new Set(y.data);
  const absent = classes.filter((_, i) => !seen.has(i));
  if (absent.length === 0) return [];
  return [`no row to learn from has the class${absent.length > 1 ? "es" : ""} ${list(absent)}`];
}

/** A net's outputs begin near 0, and what an optimizer adds in a step does not grow with the labels. */
const FAR = 100;

/** A warning for each label whose numbers a net hardly reaches. */
function farLabels(y: NdArray, names: readonly string[]): string[] {
  const [n] = y.shape as [number];
  const { mean, deviation } = fitScaling(reshape(y, [n, y.data.length / n]));
  const power = (j: number): number => Math.floor(Math.log10(Math.max(Math.abs(mean[j]!), deviation[j]!)));
  return mean.flatMap((m, j) => {
    if (Math.max(Math.abs(m), deviation[j]!) < FAR) return [];
    const name = names.length === mean.length ? quote(names[j]!) : quote(`${names[0]} ${j}`);
    const where = `${Number(m.toPrecision(2))}, with a deviation of ${Number(deviation[j]!.toPrecision(2))}`;
    const advice = `divide it by ${10 ** power(j)} or so in the file`;
    return [`column ${name} is to be predicted and lies near ${where}: a net learns that slowly; ${advice}`];
  });
}

/** Warnings that are printed; the rest is counted. */
const MOST_WARNINGS = 10;

/** The line, and a line for each warning. */
export function sayData({ line, warnings }: DataSummary): void {
  note(line);
  for (const warning of warnings.slice(0, MOST_WARNINGS)) note(`warning: ${warning}`);
  if (warnings.length > MOST_WARNINGS) note(`warning: ${warnings.length - MOST_WARNINGS} more columns like these`);
}

const unnamed = (inputs: number) => Array.from({ length: inputs }, (_, i) => ({ name: `x ${i}`, categories: null }));

/** Rows before they are matched to the loss: labels are classes to some and values to others. */
function taskOfRows(
  { y }: { readonly y: { readonly dtype: string; readonly shape: readonly number[] } },
  model: ModelSpec,
): Task {
  const labels = y.dtype === "i32" || y.dtype === "u32";
  const { outputs } = widths(model);
  if (lossKinds[model.loss].targets === "classes") return "classification";
  if (model.loss === "bce")
    return outputs === 1 || (labels && (y.shape[1] ?? 1) === 1) ? "classification" : "multilabel";
  return labels && outputs > 1 && (y.shape[1] ?? 1) === 1 ? "classification" : "regression";
}

function taskText(
  task: Task,
  names: readonly string[] | undefined,
  classes: number,
  labels: number,
  outputs: number,
): string {
  if (task === "multilabel") return `${outputs} labels, each 0 or 1`;
  if (task === "regression") return outputs > 1 && labels !== outputs ? `regression, ${outputs} numbers` : "regression";
  return `${classes} class${classes === 1 ? "" : "es"}${names ? `: ${list(names)}` : ""}`;
}

const list = (names: readonly string[]): string =>
  names.length > MOST_NAMES
    ? `${names.slice(0, MOST_NAMES).join(", ")} and ${names.length - MOST_NAMES} more`
    : names.join(", ");
const named = (names: readonly string[]): string => ` (${list(names)})`;

/** "2 numbers (a, b)", or nothing. */
function amount(n: number, what: string, names: string): string[] {
  return n === 0 ? [] : [`${n} ${what}${n === 1 ? "" : "s"}${names}`];
}
