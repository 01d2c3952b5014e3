import { cast, ndarray, reshape } from "../../core/ndarray.ts";
import { mergedColumns } from "../../data/csv-notices.ts";
import type { DataSplit, Dataset } from "../../data/dataset.ts";
import type { Task } from "../../data/task.ts";
import type { OwnTable } from "./types.ts";

/** What a table was taken for; null for rows of anything else. */
export function tableOf({ table, columns = [], targets = [], classes, y }: Dataset): OwnTable | null {
  if (!table) return null;
  const { task, names, dropped, notices, ignored } = table;
  const numeric = y.dtype === "f32" || !classes?.some((text) => Number.isNaN(Number(text)));
  const several = targets.length > 1;
  const flags = several && y.data.every((value) => value === 0 || value === 1);
  return {
    ...{ task, names, dropped, notices, labels: targets, classes: classes?.length ?? 0 },
    tasks: [
      ...(flags ? (["multilabel"] as const) : several ? [] : (["classification"] as const)),
      ...(numeric ? (["regression"] as const) : []),
    ],
    numbers: columns.filter(({ categories }) => !categories).map(({ name }) => name),
    categories: columns.flatMap(({ name, categories }) => (categories ? [{ name, values: categories.length }] : [])),
    ignored,
  };
}

/** Values a row of which each is looked at for numbers that f32 does not tell apart. */
const FEW_COLUMNS = 256;

/** The same of arrays x and y, which have no names for their columns. */
export function arrayTable({ x, y, bytes }: Dataset): OwnTable {
  const width = x.shape[1]!;
  const names = Array.from({ length: width }, (_, i) => ({ name: `x ${i}`, categories: null }));
  const labels = y.dtype === "i32";
  return {
    task: labels ? "classification" : "regression",
    tasks: labels || mayBeClasses(y) ? ["classification", "regression"] : ["regression"],
    classes: labels ? Math.max(2, range(y).most + 1) : 0,
    ...{ labels: ["y"], names: ["y"], numbers: [`x (${width})`], categories: [], ignored: [] },
    dropped: { rows: 0, columns: [] },
    notices: [...(bytes ? [bytes] : []), ...(x.dtype === "f64" && width <= FEW_COLUMNS ? mergedColumns(x, names) : [])],
  };
}

function range({ data }: Dataset["y"]): { readonly least: number; readonly most: number } {
  let [least, most] = [0, 0];
  for (const value of data) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return { least, most };
}

function mayBeClasses(y: Dataset["y"]): boolean {
  const { least, most } = range(y);
  return y.shape[1] === 1 && least >= 0 && most < MOST_CLASSES && Array.from(y.data).every(Number.isInteger);
}
const MOST_CLASSES = 65_536;

/** From so many rows on each class has a row at least, were whole numbers classes. */
const SOME_ROWS = 10;

/** Arrays with labels as they are asked for, or as their numbers tell: whole ones that no class has are values. */
export function arraysAs(split: DataSplit, asked: Task | undefined): DataSplit {
  const { y } = split.train;
  const { least, most } = range(y);
  const values = least < 0 || (y.data.length >= SOME_ROWS && most + 1 > y.data.length);
  const as = asked ?? (y.dtype === "i32" && values ? "regression" : undefined);
  const part = (data: Dataset): Dataset => {
    const n = data.y.shape[0]!;
    if (as === "regression" && data.y.dtype === "i32") return { ...data, y: reshape(cast(data.y, "f32"), [n, 1]) };
    if (as !== "classification" || data.y.dtype === "i32" || !mayBeClasses(data.y)) return data;
    return { ...data, y: ndarray([n], "i32", Int32Array.from(data.y.data)) };
  };
  return {
    train: part(split.train),
    test: split.test && part(split.test),
    ...(split.validation ? { validation: part(split.validation) } : {}),
  };
}
