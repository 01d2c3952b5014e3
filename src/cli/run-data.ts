import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ChainruleError } from "../core/errors.ts";
import { type Shape, sizeOf } from "../core/ndarray.ts";
import type { Dataset } from "../data/dataset.ts";
import { preprocessingOf } from "../data/preprocessing.ts";
import { dataPresets } from "../data/presets.ts";
import { noticeText } from "../data/table-notice.ts";
import type { BytesAs } from "../io/dataset/image-arrays.ts";
import { HEAD_BYTES, openRowFile, type RowFile, rowFormat } from "../io/dataset/row-file.ts";
import type { ModelSpec } from "../nn/model-spec.ts";
import { openFileSource } from "../platform/file-source.ts";
import { matchData } from "../train/data/match-rows.ts";
import type { Rows } from "../train/data/row-source.ts";
import { type RowSource, splitSource } from "../train/data/row-source.ts";
import type { DataFlags } from "./data-flags.ts";
import { dataSummary } from "./data-summary.ts";
import { isFolder } from "./image-folder.ts";
import type { Learned } from "./learned-names.ts";
import { note } from "./output.ts";
import type { RunData } from "./run-rows.ts";
import { bytesOf, loadData, rowsOfFile } from "./sources.ts";
import { requireUse } from "./table-flags.ts";
import { isText, isTextSource, textData } from "./text-data.ts";
import { agreeing } from "./usage.ts";

/** Files from this size on are read by rows where they can be: two or three times as much would lie in memory. */
const STREAM_FROM = 512 * 2 ** 20;

/**
 * Rows by the name of a preset or from a file, in memory or read as they are needed; where the run begins with weights that
 * learned from named classes, columns or tokens, as these were.
 */
export async function runData(
  source: string,
  flags: DataFlags,
  seed: number,
  model: ModelSpec,
  learned: Learned | null = null,
): Promise<RunData> {
  const preset = Object.hasOwn(dataPresets, source);
  const unfit = flags.given.filter((name) => name !== "standardise-channels");
  if (preset && unfit.length > 0) {
    const why = `the preset "${source}" is prepared already, and has test rows`;
    throw new ChainruleError("usage", `${agreeing(unfit, "is", "are")} for files: ${why}`);
  }
  if (isText(source, model, flags)) return textData(source, flags, model, learned);
  if (!preset && (flags.stream || isLarge(source))) return streamed(source, flags, model);
  return residentData(await loadData({ source, flags, seed, learned }, model), model);
}

/** The shape of the rows that a run, or a check, of a model will have that says none; of a text there is none to tell. */
export async function rowShapeOf(source: string | undefined, flags: DataFlags): Promise<Shape | null> {
  if (source === undefined || isTextSource(source)) return null;
  const file = statSync(source, { throwIfNoEntry: false })?.isFile() === true;
  if (file && rowFormat(basename(source), headOf(source))) return (await opened(source)).x.shape.slice(1);
  return rowsOfFile(source, flags);
}

/** Rows that are in memory. */
export function residentData(split: ResidentSplit, model: ModelSpec): RunData {
  const match = (rows: Rows, what: string): Rows | RowSource => matchData(model, rows, what);
  const parts = [split.train, split.validation, split.test];
  const rows = parts.reduce((sum, part) => sum + (part?.x.shape[0] ?? 0), 0);
  return {
    train: explained(split.train, () => match(split.train, "training data")),
    validation: split.validation ? match(split.validation, "validation data") : null,
    test: split.test ? match(split.test, "test data") : null,
    preprocessing: preprocessingOf(split.train),
    summary: dataSummary(split.train, model, rows),
  };
}

/** Notices of columns that are hardly meant as categories. */
const meant: readonly string[] = ["numbers", "mixed", "dates", "unique"];

/** What columns became says more than the width of rows that do not fit. */
function explained<T>({ columns = [], table }: Partial<Dataset>, match: () => T): T {
  try {
    return match();
  } catch (error) {
    const kinds = columns.filter(({ categories }) => categories);
    if (!(error instanceof ChainruleError) || kinds.length === 0) throw error;
    const became = kinds.map(({ name, categories }) => `"${name}" became ${categories!.length}`).join(", ");
    const notices = (table?.notices ?? []).filter(({ kind }) => meant.includes(kind)).map(noticeText);
    throw new ChainruleError(error.code, [`${error.message} (of categories ${became})`, ...notices].join("; "), {
      cause: error,
    });
  }
}

/** Of a data set, or of rows that only carry values. */
type ResidentSplit = {
  readonly train: Rows & Partial<Dataset>;
  readonly validation?: Rows | null;
  readonly test: Rows | null;
};

function isLarge(source: string): boolean {
  const found = statSync(source, { throwIfNoEntry: false });
  const size = found?.isFile() ? found.size : 0;
  if (size < STREAM_FROM || !rowFormat(basename(source), headOf(source))) return false;
  note(`${source}: ${Math.round(size / 2 ** 20)} MiB, so its rows are read as they are needed`);
  return true;
}

/** The first bytes of a file, which tell its format. */
function headOf(path: string): Uint8Array {
  const file = openSync(path, "r");
  try {
    const head = new Uint8Array(HEAD_BYTES);
    return head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/** A file that stays open for as long as the command runs; it is closed again where it is refused. */
async function opened(path: string, as: { readonly bytes?: BytesAs } = {}): Promise<RowFile> {
  const files: Awaited<ReturnType<typeof openFileSource>>[] = [];
  const open = async (file: string) => {
    const source = await openFileSource(join(dirname(path), file));
    files.push(source);
    return source;
  };
  try {
    return await openRowFile(await open(basename(path)), { open, ...as });
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

async function streamed(source: string, flags: DataFlags, model: ModelSpec): Promise<RunData> {
  if (isFolder(source)) throw new ChainruleError("usage", `--stream reads rows of a file, and ${source} is a folder`);
  const needs = (["standardise", "standardise-channels", "channels-last"] as const).find((f) =>
    flags.given.includes(f),
  );
  if (needs) {
    const advice = "scale and turn the file itself, or do not stream it";
    throw new ChainruleError("usage", `--${needs} needs all rows in memory: ${advice}`);
  }
  requireUse(flags.given, basename(source), rowFormat(basename(source), headOf(source)));
  const all = await opened(source, bytesOf(model));
  const [, ...shape] = all.x.shape;
  const { validation, test } = flags.split ?? { validation: 0, test: 0 };
  const shares = [1 - validation - test, validation, test];
  const given = shares.filter((share) => share > 0);
  // A file that is not divided keeps the order of its rows, so that it trains as it does in memory.
  const parts = given.length === 1 ? [all] : splitSource(all, given, flags.splitSeed);
  const match = (what: string, k: number): RowSource | null =>
    shares[k]! > 0 ? (matchData(model, parts.shift()!, what) as RowSource) : null;
  return {
    train: match("training data", 0)!,
    validation: match("validation data", 1),
    test: match("test data", 2),
    summary: dataSummary(all, model, all.x.shape[0]!),
    preprocessing: {
      inputs: sizeOf(shape),
      columns: null,
      pixelScale: all.pixelScale,
      scaling: null,
      classes: null,
      targets: null,
    },
  };
}
