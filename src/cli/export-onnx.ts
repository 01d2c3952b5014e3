import type { NdArray } from "../core/ndarray.ts";
import { writeOnnx } from "../io/onnx/write.ts";
import type { ModelSpec } from "../nn/model.ts";
import { requireWritable, writeWhole } from "./files.ts";

/** Writes the net to `path` as an ONNX file, and says in a sentence what is there. */
export function exportOnnx(path: string, model: ModelSpec, weights: ReadonlyMap<string, NdArray>): string {
  requireWritable(path);
  const bytes = writeOnnx(model, weights);
  writeWhole(path, bytes);
  return `${path}: ONNX, ${bytes.length} bytes, from "input" [batch, ...] to "output" without dropout`;
}
