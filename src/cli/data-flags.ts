import { ChainruleError } from "../core/errors.ts";
import { namesOf } from "../data/column-names.ts";
import type { CsvOptions } from "../data/csv.ts";
import { formatFlags, formatOptions } from "./table-flags.ts";
import { choiceFlag, countFlag, numberFlag } from "./usage.ts";

/** The flags of a command that takes a user's own rows, for parse(). */
export const dataOptions = {
  data: { type: "string" },
  label: { type: "string" },
  features: { type: "string" },
  categorical: { type: "string" },
  task: { type: "string" },
  missing: { type: "string" },
  ...formatOptions,
  standardise: { type: "boolean" },
  "standardise-channels": { type: "boolean" },
  "channels-last": { type: "boolean" },
  "image-size": { type: "string" },
  split: { type: "string" },
  stratify: { type: "string" },
  "split-seed": { type: "string" },
  "test-fraction": { type: "string" },
  stream: { type: "boolean" },
  tokenizer: { type: "string" },
  "text-column": { type: "string" },
} as const;

export const dataHelp = `  --data <preset|file|folder>
                            rows: a preset; a folder with one folder a class of PNG or JPEG images, and train/, val/ and
                            test/ above those, where there are some; or .safetensors or .npz (x and y, or x_train, y_train and x_test, y_test),
                            x.npy beside y.npy, .csv (a header; commas, semicolons, tabs or |) or .parquet, IDX images beside their
                            labels, under any name; what follows of CSV holds for Parquet too
  --label <column>          CSV: the column to predict (several, with commas, for a regression or labels of 0 and 1)
  --task <T>                classification, regression or multilabel (default: what loss and labels are for)
  --features <columns>      CSV: the columns to learn from, with commas (default: all others); a name that holds a comma
                            stands in double quotes: --features '"a,b",c'
  --categorical <columns>   CSV: columns of numbers that are categories; columns of text are so anyway
  --missing <refuse|drop>   CSV: what to do with a row that lacks a value (default refuse, by line and column)
  --missing-values <texts>  CSV: what stands for a missing value, with commas (default NA, N/A, NaN, null, None, ?);
                            an empty field always does
  --separator <mark>        CSV: what lies between fields, one character or tab (default: comma, semicolon, tab or |, as
                            the file tells)
  --decimal <.|,>           CSV: the mark before decimals (default .)
  --thousands <mark>        CSV: the mark between thousands: , . _ ' or a space (default none)
  --no-header               CSV: the first line is a row; the columns are c1, c2, ... (--header: it names columns,
                            whatever it looks like)
  --standardise             scale each column to learn from by mean and deviation of the training rows; numbers to
                            predict keep their own unit
  --standardise-channels    images: scale each channel by mean and deviation of its pixels in the training rows
  --channels-last           arrays of images are [n, height, width, channels]: move their channels to the front
  --image-size <N|HxW>      folder: bring all images to this height and width
  --split <shares>          train,test or train,validation,test, such as 0.7,0.15,0.15 (default: all to train)
  --stratify <yes|no>       give each class its share of each part (default yes)
  --split-seed <N>          which rows go where (default 0)
  --test-fraction <X>       the same as --split 1-X,X
  --tokenizer <T>           texts (.txt, .jsonl, persuasion, tang, names), for nets that begin with an embedding: bytes,
                            characters (those of the part to learn from, and one more for any other), or a trained
                            tokenizer.json of byte pair encoding; default characters, or bytes where the net has 256
                            tokens. Without --split the last tenth of a text is held out to test
  --text-column <name>      .jsonl: the field of each line that holds a document (default text)
  --stream                  read rows from the file as they are needed (.safetensors, IDX; by itself from 512 MiB)`;

type Values = { readonly [K in keyof typeof dataOptions]?: string | boolean | undefined };

/** How a file becomes rows. */
export type FileChoice = Omit<CsvOptions, "source">;

export interface DataFlags {
  readonly file: FileChoice;
  readonly standardise: boolean;
  readonly standardiseChannels: boolean;
  readonly channelsLast: boolean;
  /** Of images; undefined where none was given. */
  readonly imageSize: readonly [height: number, width: number] | undefined;
  /** Null where no rows are held out. */
  readonly split: { readonly validation: number; readonly test: number } | null;
  readonly stratify: boolean;
  readonly splitSeed: number;
  readonly stream: boolean;
  /** Of texts; undefined where none was given. */
  readonly tokenizer: string | undefined;
  readonly textColumn: string | undefined;
  /** Names of the flags that were given beside --data: what a preset, which is prepared, and some files have no use for. */
  readonly given: readonly string[];
}

/** What the flags say. Throws a usage error that names the flag. */
export function dataFlags(values: Values): DataFlags {
  const text = (name: keyof Values): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const columns = (name: keyof Values): readonly string[] | undefined => {
    const given = text(name);
    return given === undefined ? undefined : namesOf(given);
  };
  const choice = {
    label: columns("label"),
    features: columns("features"),
    categorical: columns("categorical"),
    task: choiceFlag("task", text("task"), ["classification", "regression", "multilabel"] as const),
    missing: choiceFlag("missing", text("missing"), ["refuse", "drop"] as const),
    ...formatFlags(values),
  };
  if (values.standardise && values["standardise-channels"]) {
    throw new ChainruleError(
      "usage",
      "--standardise scales columns, --standardise-channels channels: give one of them",
    );
  }
  return {
    file: Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined)),
    standardise: values.standardise === true,
    standardiseChannels: values["standardise-channels"] === true,
    channelsLast: values["channels-last"] === true,
    imageSize: imageSizeFlag(text("image-size")),
    split: splitFlag(text("split"), text("test-fraction")),
    stratify: choiceFlag("stratify", text("stratify"), ["yes", "no"] as const) !== "no",
    splitSeed: countFlag("split-seed", text("split-seed"), 0) ?? 0,
    stream: values.stream === true,
    tokenizer: text("tokenizer"),
    textColumn: text("text-column"),
    given: Object.keys(dataOptions).filter((name) => name !== "data" && values[name as keyof Values] !== undefined),
  };
}

function splitFlag(split: string | undefined, fraction: string | undefined): DataFlags["split"] {
  const test = numberFlag("test-fraction", fraction);
  if (test !== undefined && split !== undefined) {
    throw new ChainruleError("usage", "--split and --test-fraction say the same: give one of them");
  }
  if (test !== undefined && !(test >= 0 && test < 1)) {
    throw new ChainruleError("usage", `--test-fraction must be at least 0 and below 1, got ${test}`);
  }
  if (split === undefined) return test === undefined || test === 0 ? null : { validation: 0, test };
  const shares = split.split(",").map((text) => (text.trim() === "" ? Number.NaN : Number(text)));
  const sum = shares.reduce((a, b) => a + b, 0);
  // Three shares of a third are written with as many digits as one likes.
  const whole = Math.abs(sum - 1) < 0.001;
  if (shares.length < 2 || shares.length > 3 || !shares.every((s) => s >= 0) || !(shares[0]! > 0) || !whole) {
    const wanted = "two shares (train,test) or three (train,validation,test) that add up to 1";
    throw new ChainruleError("usage", `--split must be ${wanted}, got "${split}"`);
  }
  return { validation: shares.length === 3 ? shares[1]! : 0, test: shares.at(-1)! };
}

/** "32", or height x width. */
function imageSizeFlag(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const sides = text.split("x").map((side) => countFlag("image-size", side)!);
  if (sides.length > 2 || sides.some((side) => side > 16384)) {
    throw new ChainruleError("usage", `--image-size must be a side in pixels, or height x width, got "${text}"`);
  }
  return [sides[0]!, sides.at(-1)!];
}
