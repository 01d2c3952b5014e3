/**
 * Files: weights and batches in safetensors and npz, data sets in CSV, IDX, safetensors, npz and npy; files too large for
 * memory, row by row; how rows are split and prepared, and new rows prepared alike; checkpoints of runs; receipts of a
 * step for numpy, runs for PyTorch; nets in ONNX, and out of ONNX, TensorFlow.js and Keras (`.keras`, `.h5`).
 *
 * @module chainrule/io
 */
export type { ByteSource } from "../core/byte-source.ts";
export type { CsvOptions } from "../data/csv.ts";
export type { TableFormat } from "../data/csv-format.ts";
export type { Reading } from "../data/csv-looks.ts";
export type { Column, DataSplit, Dataset, DroppedRows, Scaling, TableFacts } from "../data/dataset.ts";
export {
  type NewRows,
  type Preprocessing,
  parsePreprocessing,
  prepareCsv,
  prepareRows,
  preprocessingOf,
  preprocessingText,
} from "../data/preprocessing.ts";
export { splitBySeed, splitThreeWays, type ThreeWay } from "../data/split.ts";
export { standardise } from "../data/standardise.ts";
export { type BytesNotice, noticeText, type TableNotice } from "../data/table-notice.ts";
export type { Task } from "../data/task.ts";
export { textPreset } from "../data/text/presets.ts";
export { readDocuments, readText } from "../data/text/read-text.ts";
export {
  type Text,
  type TextChoice,
  type TextRows,
  type TextSplit,
  textRows,
} from "../data/text/text-data.ts";
export {
  byteTokenizer,
  characterTokenizer,
  type EncodeOptions,
  type TokenDecoder,
  type Tokenizer,
  type TokenizerRecord,
} from "../data/text/tokenizer.ts";
export { tokenizerOf } from "../data/text/tokenizer-record.ts";
export {
  type Checkpoint,
  type DeviceRecord,
  decodeCheckpoint,
  deviceRecord,
  encodeCheckpoint,
} from "./checkpoint/checkpoint.ts";
export type { Packed } from "./checkpoint/packed.ts";
export { identityDifferences, type Json, type RunIdentity, runIdentity } from "./checkpoint/run-identity.ts";
export {
  type CheckpointStore,
  Checkpoints,
  type RefusedSlot,
  restoreCheckpoint,
  type Slot,
} from "./checkpoint/slots.ts";
export type { BytesAs } from "./dataset/image-arrays.ts";
export { type ImageFolderOptions, loadImageFolder } from "./dataset/images/folder.ts";
export type { DecodedImage } from "./dataset/images/image.ts";
export { decodeImage, type ImageReading } from "./dataset/images/read.ts";
export { type LoadFileOptions, loadDataFile } from "./dataset/load.ts";
export { openRowFile, type RowFile, type RowFileOptions } from "./dataset/row-file.ts";
export { importNet, type NetFile } from "./net/import.ts";
export type { ImportedNet, ImportOptions } from "./net/net-parts.ts";
export { readNpy, writeNpy } from "./numpy/npy.ts";
export { readNpz, writeNpz } from "./numpy/npz.ts";
export { type OnnxOptions, writeOnnx } from "./onnx/write.ts";
export { exportPytorch } from "./pytorch/export.ts";
export { readStateDict, type StateDict } from "./pytorch/state-dict/read.ts";
export { makeReceipt, type Receipt } from "./receipt/receipt.ts";
export { readSafetensors, type Safetensors, writeSafetensors } from "./safetensors/safetensors.ts";
export { type LoadedWeights, type LoadWeightsOptions, loadWeights } from "./weights/load.ts";
export { readWeights, writeWeights } from "./weights/weights.ts";
