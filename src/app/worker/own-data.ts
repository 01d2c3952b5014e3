import { ChainruleError } from "../../core/errors.ts";
import { ndarray } from "../../core/ndarray.ts";
import { type CsvOptions, readCsv } from "../../data/csv.ts";
import { foreignFile } from "../../data/csv-foreign.ts";
import { type DataSplit, type Dataset, rowCount, validateDataset } from "../../data/dataset.ts";
import { gunzipIfNeeded } from "../../data/gunzip.ts";
import { looksLikeIdx, pairIdx } from "../../data/idx.ts";
import { splitBySeed } from "../../data/split.ts";
import { standardise } from "../../data/standardise.ts";
import { tableError } from "../../data/table-fault.ts";
import type { Task } from "../../data/task.ts";
import type { Language } from "../state/language.ts";
import { endsOf } from "./fit-labels.ts";
import { arraysAs, arrayTable, tableOf } from "./own-table.ts";
import { keepOwn } from "./session.ts";
import type { DroppedFile, OwnData, OwnInfo, TableChoice } from "./types.ts";

type DroppedData = Extract<OwnData, { readonly files: unknown }>;

/** Held out of dropped files, where they have rows enough; and the seed of the choice, fixed. */
const TEST_FRACTION = 0.2;
const FEW_ROWS = 20;

/** Reads what the user painted or dropped, keeps it as the data set "own", and says what it asks of a net; what is wrong with a table, in the page's language. */
export async function takeOwn(data: OwnData, language: Language): Promise<OwnInfo> {
  if ("points" in data) return keep(painted(data.points));
  const split = await dropped(data).catch(async (error: unknown) => {
    throw (await import("./table-words.ts")).inWords(error, language);
  });
  return split.train.table ? keep(split) : keepArrays(split, data.table?.task);
}

/** Holds some rows out and keeps all as the data set "own". */
export function keepSplit(all: Dataset): OwnInfo {
  return keep(hold(all));
}

/** Arrays, with labels as `task` says. */
function keepArrays(given: DataSplit, task: Task | undefined): OwnInfo {
  const split = arraysAs(given, task);
  return keep(split, arrayTable(split.train));
}

/** Rows whose labels have become others; `before` says what is known of them where they are the user's own. */
export function keepRows(split: DataSplit, before: OwnInfo | null): OwnInfo {
  return before?.table && !split.train.table ? keep(split, arrayTable(split.train)) : keep(split);
}

function keep(split: DataSplit, table = tableOf(split.train)): OwnInfo {
  const { train } = split;
  const info: OwnInfo = {
    name: train.name,
    rows: rowCount(train) + (split.test ? rowCount(split.test) : 0),
    ...endsOf(train),
    table,
  };
  keepOwn(split, info);
  return info;
}

function painted(points: readonly (readonly [number, number, number])[]): DataSplit {
  const used = [...new Set(points.map(([, , label]) => label))].sort((a, b) => a - b);
  if (used.length < 2) throw new ChainruleError("data", "points of at least two classes are needed");
  const train = validateDataset({
    name: "painted points",
    x: ndarray(
      [points.length, 2],
      "f32",
      points.flatMap((p) => [p[0], p[1]]),
    ),
    y: ndarray(
      [points.length],
      "i32",
      points.map(([, , label]) => label),
    ),
    classes: Array.from({ length: Math.max(...used) + 1 }, (_, i) => String(i + 1)),
  });
  return { train, test: null };
}

async function dropped({ files, missing = "drop", table = {} }: DroppedData): Promise<DataSplit> {
  const opened = await Promise.all(
    files.map(async ({ name, bytes }) => ({ name, bytes: await gunzipIfNeeded(name, bytes) })),
  );
  const csv = opened.find(({ name }) => /\.(csv|tsv|tab|txt)(\.gz)?$/i.test(name));
  if (csv) return standardise(hold(readCsv(csv.name, csv.bytes, { missing, ...given(table) })));
  // Of two IDX arrays that of more axes holds rows or images, the other labels, whatever their names.
  const idx = opened.filter(({ bytes }) => looksLikeIdx(bytes)).sort((a, b) => a.bytes[3]! - b.bytes[3]!);
  const [labels, images] = idx.length === 2 ? idx : [];
  if (labels && images) return hold(pairIdx(images.bytes, labels.bytes, { name: images.name }));
  const split = await fromOthers(opened, { missing, ...given(table) });
  if (split) return split;
  const foreign = foreignFile(opened[0]!.bytes);
  if (foreign) {
    const fault = { fault: "foreign", way: foreign[0], values: { file: files[0]!.name } } as const;
    throw tableError(`${files[0]!.name}: no rows, but ${foreign[1]}`, fault);
  }
  const { foreignNet } = await import("../../io/net/foreign.ts");
  const net = opened.map(({ name, bytes }) => foreignNet(name, bytes)).find((found) => found !== null);
  const names = files.map((f) => f.name).join(", ");
  const known =
    "one CSV file with a header, a Parquet file, two IDX files (images and labels), an .npz or .safetensors with x and y, or x.npy and y.npy";
  throw new ChainruleError("data", net ? `${net.message}; as data drop ${known}` : `${names}: drop ${known}`);
}

/** A Parquet file, or arrays of numpy's or of safetensors: their readers are loaded when they are first asked for. */
async function fromOthers(files: readonly DroppedFile[], options: CsvOptions): Promise<DataSplit | null> {
  const { dataFormat, loadDataSplit, yNames } = await import("../../io/dataset/dropped.ts");
  const table = files.find(({ name, bytes }) => dataFormat(name, bytes) === "parquet");
  if (table) return standardise(hold((await loadDataSplit(table.name, table.bytes, options)).train));
  const arrays = files.filter(({ name, bytes }) =>
    ["npz", "npy", "safetensors"].includes(dataFormat(name, bytes) ?? ""),
  );
  // Of x.npy and y.npy the one that names the other.
  const first = arrays.find(({ name, bytes }) => dataFormat(name, bytes) !== "npy" || yNames(name)) ?? arrays[0];
  if (!first) return null;
  const read = async (file: string): Promise<Uint8Array> => {
    const found = files.find(({ name }) => name === file);
    return found?.bytes ?? Promise.reject(new ChainruleError("data", `${file} was not dropped`));
  };
  const { train, validation, test } = await loadDataSplit(first.name, first.bytes, { read });
  const held = test ?? validation;
  return held ? { train, test: held } : hold(train);
}

/** What was chosen of a table, as its reader takes it: without what was left open. */
function given(choice: TableChoice): CsvOptions {
  return Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined));
}

function hold(all: Dataset): DataSplit {
  return rowCount(all) < FEW_ROWS ? { train: all, test: null } : splitBySeed(all, TEST_FRACTION, 0);
}
