import type { BenchProgress } from "../../bench/run.ts";
import type { Shape } from "../../core/ndarray.ts";
import type { TableFacts } from "../../data/dataset.ts";
import type { Task } from "../../data/task.ts";
import type { MeasuredBackend } from "../../train/choose-backend.ts";
import type { Evaluation } from "../../train/evaluation/evaluation.ts";
import type { RecoveryEvent } from "../../train/recovery/recovery.ts";
import type { CurveNews } from "../state/curve.ts";
import type { NetForm } from "../state/net-form.ts";
import type { Ends, TextForm } from "../state/settings.ts";

/** Which device computes this run, and why. */
export interface AdapterInfo {
  readonly kind: "webgpu" | "cpu";
  readonly description: string;
  /** Why WebGPU cannot be had; null where it can. */
  readonly missing: string | null;
  readonly software: boolean;
  /** Steps a second of each candidate, the chosen one first; empty where there was no choice. */
  readonly measured: readonly MeasuredBackend[];
  /** Kernels that gave a wrong answer on this device and are left out, with what was wrong. */
  readonly wrong: readonly { readonly kernel: string; readonly reason: string }[];
}

export interface RunInfo {
  readonly adapter: AdapterInfo;
  readonly rows: number;
  readonly testRows: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly batchRows: number;
  readonly stepsPerEpoch: number;
  /** Names of the classes; empty where targets are values. */
  readonly classes: readonly string[];
  readonly image: { readonly height: number; readonly width: number } | null;
  /** Of a row, where it has more axes than one: [channels, height, width] of images. */
  readonly shape: Shape | null;
  /** How images of this data fill their frame: what a drawn one is fitted to. */
  readonly frame: Frame | null;
  /** Some training points, where inputs are two numbers: x [n, 2] flat, and their classes. */
  readonly points: { readonly x: Float32Array; readonly labels: Int32Array } | null;
  readonly source: string;
  /** Of a run that learns a text. */
  readonly text: OwnText | null;
  /** The file whose weights the run begins from, where the net was dropped; else null. */
  readonly net: string | null;
}

/** In pixels: the mean height of what is drawn, its mean centre of mass, and the width of a stroke. */
export interface Frame {
  readonly extent: number;
  readonly centreX: number;
  readonly centreY: number;
  readonly stroke: number;
}

/** What the net says over the plane, on a square grid over [-extent, extent]. */
export interface Boundary {
  readonly size: number;
  readonly extent: number;
  readonly classes: Uint8Array;
  readonly sure: Float32Array;
}

/** The first layer's weights W [inputs, units], of its first units. */
export interface WeightPicture {
  readonly inputs: number;
  readonly units: number;
  readonly values: Float32Array;
}

export interface Mistake {
  readonly label: number;
  readonly said: number;
  readonly probability: number;
  /** Pixels, where rows are images. */
  readonly pixels: Float32Array | null;
}

export interface Confusion {
  readonly on: "train" | "test";
  readonly classes: number;
  /** counts[label * classes + said] */
  readonly counts: Int32Array;
  readonly mistakes: readonly Mistake[];
}

export interface Pictures {
  readonly boundary: Boundary | null;
  readonly weights: WeightPicture | null;
  readonly confusion: Confusion | null;
}

/** News from the worker, a few times a second. */
export interface Progress {
  readonly step: number;
  readonly loss: number | null;
  readonly curve: CurveNews | null;
  readonly stepsPerSecond: number;
  readonly evaluation: (Evaluation & { readonly on: "train" | "test" }) | null;
  readonly pictures: Pictures | null;
  readonly error: string | null;
  /** Why this run cannot be kept for a reload; null where it can. */
  readonly unsaved: string | null;
  /** What became of a lost device since the last news. */
  readonly recovery: RecoveryEvent | null;
  /** What the run's backends take, where one of them was still compiling before; else null. */
  readonly measured: readonly MeasuredBackend[] | null;
  readonly playing: boolean;
}

/** A run of the same settings that was kept when the page went away. */
export interface SavedRun {
  readonly step: number;
  /** What computed it, where that is not here now; else null. */
  readonly elsewhere: string | null;
}

/** That run, gone on from: what computes it, where it stands, and what was found on whole data sets. */
export interface ResumedRun {
  readonly info: RunInfo;
  readonly progress: Progress;
  readonly evaluations: readonly (Evaluation & { readonly step: number })[];
}

/** Data of the user's: painted points, or a file with its name (two for IDX). */
export type OwnData =
  | { readonly points: readonly (readonly [x: number, y: number, label: number])[] }
  | { readonly files: readonly DroppedFile[]; readonly missing?: Missing; readonly table?: TableChoice };

/** How a table is meant, where the file does not tell. */
export interface TableChoice {
  readonly label?: readonly string[] | undefined;
  readonly missingValues?: readonly string[] | undefined;
  readonly task?: Task | undefined;
  readonly decimal?: "," | undefined;
  readonly thousands?: "," | "." | " " | "_" | "'" | undefined;
  readonly header?: false | undefined;
}

/** What a dropped table was taken for, or arrays x and y. */
export interface OwnTable extends Pick<TableFacts, "task" | "names" | "dropped" | "notices"> {
  /** The columns that are predicted. */
  readonly labels: readonly string[];
  /** What its labels can be taken for. */
  readonly tasks: readonly Task[];
  readonly classes: number;
  readonly numbers: readonly string[];
  readonly categories: readonly { readonly name: string; readonly values: number }[];
  /** Columns left out, by name, or by number where they have none. */
  readonly ignored: readonly (string | number)[];
}

/** What to do with rows that lack a value, and with images that cannot be read: refuse all, or leave those out. */
export type Missing = "refuse" | "drop";

/** Images in folders, one for each class. */
export interface FolderImages {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly label: string; readonly file: File }[];
  /** Pixels along a side, to which all are scaled. */
  readonly side: number;
  readonly unreadable: Missing;
}

export interface ImagesNews {
  readonly done: number;
  readonly of: number;
  /** Images left out so far. */
  readonly left: number;
}

export interface DroppedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a run can be taken away as. */
export const exportKinds = ["model", "weights", "onnx", "pytorch", "receipt"] as const;
export type ExportKind = (typeof exportKinds)[number];

/** A net that was dropped, as the settings have it; its weights stay in the worker. */
export interface TakenNet extends NetForm {
  /** What the rows are now, where their labels became what the net takes, */
  readonly own?: OwnInfo;
  /** and the settings' word for them. */
  readonly data?: string;
  readonly notes: readonly string[];
}

/** Weights that fit by order and shape alone: how, for people to say whether that is meant. */
export interface AskedNet {
  readonly ask: string;
}

/** A text: one that is shipped, by its name, or one of the user's. */
export type TextSource = { readonly preset: string } | OwnDocuments;

export interface OwnDocuments {
  readonly name: string;
  /** One text, or several that are kept whole. */
  readonly documents: readonly string[];
  /** Of a .jsonl file the field that held them; null of a plain text. */
  readonly column: string | null;
}

/** A text as it was read. */
export interface OwnText extends TextForm {
  /** Null of the user's own. */
  readonly preset: string | null;
  /** Tokens that there are. */
  readonly vocabulary: number;
  /** In the mean. */
  readonly bytesPerToken: number;
  /** Tokens of the longest window that the text has room for. */
  readonly mostLength: number;
  /** Windows that are held out, of which `testRows` of the run are evaluated as it plays. */
  readonly held: number;
  /** Of a tokenizer.json of the user's, its name; else null. */
  readonly tokenizer: string | null;
  /** How it begins: a few characters of its first line. */
  readonly start: string;
  /** Of documents of a .jsonl file, the field that held them; else null. */
  readonly column: string | null;
}

/** What a net that writes is asked for. */
export interface Writing {
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly seed: number;
}

/** What the net makes of a text that someone types. */
export interface TextLook {
  readonly step: number;
  /** The tokens that it saw, as text. */
  readonly pieces: readonly string[];
  /** The likeliest tokens behind them. */
  readonly next: readonly { readonly text: string; readonly probability: number }[];
  /** Of each head of each attention: weights [pieces, pieces], row by row what a step looks at. */
  readonly heads: readonly { readonly layer: string; readonly head: number; readonly weights: Float32Array }[];
}

export interface OwnInfo extends Ends {
  readonly name: string;
  readonly rows: number;
  /** Of dropped rows; null of painted points, images and texts. */
  readonly table: OwnTable | null;
  readonly text?: OwnText;
}

/** How far a benchmark is, and the width from which on the GPU wins, as far as is known. */
export interface BenchNews extends BenchProgress {
  readonly crossover: number | null;
}
