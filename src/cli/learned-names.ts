/**
 * What the numbers of rows stand for, by name: classes, predicted columns, columns learned from. Weights keep that beside
 * them, and rows that they go on to learn from are put in their order: output 2 means the class that it meant before.
 */

import { statSync } from "node:fs";
import { ChainruleError } from "../core/errors.ts";
import { type NdArray, ndarray, zeros } from "../core/ndarray.ts";
import { encodedNames, listed } from "../data/csv-columns.ts";
import type { Column, DataSplit, Dataset } from "../data/dataset.ts";
import { type Preprocessing, parsePreprocessing } from "../data/preprocessing.ts";
import { recordBeside } from "./adapter-flags.ts";
import { readJson } from "./files.ts";
import { note } from "./output.ts";

/** What weights learned from: the record beside them, and where that lies. */
export interface Learned {
  readonly path: string;
  readonly record: Preprocessing;
}

/** The record beside the weights that flags name; null where there are none, or they have none. */
export function learnedFrom(weights: string | undefined, adapter: string | undefined): Learned | null {
  const path = weights === undefined ? null : recordBeside(weights, adapter);
  if (path === null || !statSync(path, { throwIfNoEntry: false })) return null;
  return { path, record: parsePreprocessing(path, readJson(path)) };
}

type Names = readonly string[];

/** Names of a run's numbers, which decide no step; null where they have none. */
export function namesOf({ classes, targets, columns }: Preprocessing): Readonly<Record<string, Names | null>> {
  return { classes, "label columns": targets, "columns to learn from": columns && encodedNames(columns) };
}

/** Two lists of names from where they differ, for messages; null where they are one. */
export function differenceOf(was: Names, here: Names): readonly [was: string, here: string] | null {
  if (was.length === here.length && was.every((name, i) => name === here[i])) return null;
  const at = was.findIndex((name, i) => name !== here[i]);
  return [was, here].map((list) => listed(list.slice(Math.max(0, at)))) as [string, string];
}

/**
 * Rows in the order that the weights learned: classes, columns to learn from and columns to predict that have the names of
 * those, wherever they stand, become the same numbers. Says so. Other names are said too, and where a name would mean
 * another number than before, ChainruleError "data" names both orders.
 */
export function asLearned(split: DataSplit, { path, record }: Learned): DataSplit {
  const parts = [split.train, split.validation, split.test].filter((part) => part != null);
  const [columns, classes, targets] = [columnsOf(parts, record), classesOf(parts, record), targetsOf(parts, record)];
  const changes = [columns, classes, targets].flatMap((change) => change ?? []);
  for (const { what, was, here, order } of changes) {
    const [old, now] = differenceOf(was, here) ?? ["", ""];
    if (order) note(`${path}: ${what} are taken as the weights learned them, ${old}; the data had ${now}`);
    else if (here.some((name, i) => was.includes(name) && was[i] !== name)) {
      const way = "give these the names that they learned, or remove that file to begin with other ones";
      throw new ChainruleError("data", `${path}: the weights learned ${what} ${old}, and these are ${now}; ${way}`);
    } else note(`${path}: the weights learned ${what} ${old}, and these are ${now}, each in the place of another`);
  }
  const ordered = changes.flatMap(({ order }) => order ?? []);
  const put = (part: Dataset): Dataset => ordered.reduce((rows, order) => order(rows), part);
  return {
    train: put(split.train),
    ...(split.validation ? { validation: put(split.validation) } : {}),
    test: split.test && put(split.test),
  };
}

/** Says where values were scaled otherwise for the weights than they are now. */
export function noteScaling({ path, record }: Learned, rows: Partial<Dataset>): void {
  const [was, here] = [record.scaling !== null, rows.scaling !== undefined];
  const said = (scaled: boolean): string => (scaled ? "scaled by mean and deviation" : "in their own units");
  if (was !== here) note(`${path}: the weights learned from values ${said(was)}; these are ${said(here)}`);
  const [scale, now] = [record.pixelScale, rows.pixelScale ?? null];
  const by = (pixelScale: number | null): string => (pixelScale === null ? "no pixels" : `divided by ${pixelScale}`);
  if (scale !== now) note(`${path}: the weights learned from values ${by(scale)}; these are ${by(now)}`);
}

/** Names that differ, and what puts rows into the order that was learned, where there is one. */
interface Change {
  readonly what: string;
  readonly was: Names;
  readonly here: Names;
  readonly order: ((rows: Dataset) => Dataset) | null;
}

/** Labels by their names. Names that no row has count for nothing: some readers name every output. */
function classesOf(parts: readonly Dataset[], { classes: was }: Preprocessing): Change | null {
  const here = parts[0]!.classes;
  if (!was || !here || parts[0]!.y.dtype !== "i32" || !differenceOf(was, here)) return null;
  const places = here.map((name) => was.indexOf(name));
  const order = (rows: Dataset): Dataset => {
    const labels = Int32Array.from(rows.y.data, (label) => (label < 0 ? label : places[label]!));
    return { ...rows, y: ndarray(rows.y.shape, "i32", labels), classes: was };
  };
  const known = parts.every(({ y }) => y.data.every((label) => label < 0 || places[label]! >= 0));
  return { what: "classes", was, here, order: known ? order : null };
}

/** Columns of a table by their names, others left out; a category that no row has is a column of zeros. */
function columnsOf(parts: readonly Dataset[], { columns }: Preprocessing): Change | null {
  const own = parts[0]!.columns;
  if (!columns || !own) return null;
  const [was, here] = [encodedNames(columns), encodedNames(own)];
  if (!differenceOf(was, here)) return null;
  const order = (rows: Dataset): Dataset => {
    const x = picked(
      rows.x,
      was.map((name) => here.indexOf(name)),
    );
    return { ...rows, x, columns, features: was };
  };
  const fits = columns.every((column) => own.some((other) => holds(column, other)));
  return { what: "columns to learn from", was, here, order: fits ? order : null };
}

/** Whether a column of the data is one that was learned: of numbers, or of no categories but those. */
const holds = ({ name, categories }: Column, other: Column): boolean =>
  name === other.name &&
  (categories === null) === (other.categories === null) &&
  (other.categories ?? []).every((text) => categories!.includes(text));

/** Columns of numbers to predict. */
function targetsOf(parts: readonly Dataset[], { targets: was, classes }: Preprocessing): Change | null {
  const { targets: here, y } = parts[0]!;
  if (!was || !here || classes || y.dtype === "i32" || !differenceOf(was, here)) return null;
  const order = (rows: Dataset): Dataset => {
    return {
      ...rows,
      y: picked(
        rows.y,
        was.map((name) => here.indexOf(name)),
      ),
      targets: was,
    };
  };
  const fits = was.length === here.length && was.every((name) => here.includes(name));
  return { what: "columns to predict", was, here, order: fits ? order : null };
}

/** Columns of [n, m] in another order; -1 is one of zeros. */
function picked(array: NdArray, places: readonly number[]): NdArray {
  const [rows, width] = array.shape as [number, number];
  const out = zeros([rows, places.length], array.dtype);
  for (let i = 0; i < out.data.length; i++) {
    const from = places[i % places.length]!;
    if (from >= 0) out.data[i] = array.data[Math.floor(i / places.length) * width + from]!;
  }
  return out;
}
