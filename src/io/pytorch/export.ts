import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray, reshape } from "../../core/ndarray.ts";
import { usesLengths } from "../../nn/lengths.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { classLayout, shapesOf } from "../../nn/shapes.ts";
import { type Rows, requireResident } from "../../train/data/row-source.ts";
import type { ResolvedOptions } from "../../train/run/options.ts";
import { type TrainerState, weightsOf } from "../../train/run/state.ts";
import { requireKnown } from "../known-options.ts";
import { writeSafetensors } from "../safetensors/safetensors.ts";
import { parameterTensors, writeWeights } from "../weights/weights.ts";
import { augmentPy } from "./augment-file.ts";
import { rowsPy, tensorsPy, windowsPy } from "./fixed-files.ts";
import { modelPy } from "./model-script.ts";
import { momentNames } from "./settings.ts";
import { trainPy } from "./train-script.ts";

/**
 * A run as files, by name, with which PyTorch goes on where the state is: model.py, train.py, rows.py and tensors.py (augment.py where images are changed),
 * model.safetensors and optimizer.safetensors, data.safetensors, average.safetensors where
 * a moving average is kept, and model.json for the way back.
 * Throws ChainruleError "file" for a state of another run.
 */
export function exportPytorch(options: ResolvedOptions, state: TrainerState): Map<string, string | Uint8Array> {
  requireKnown(options, "PyTorch export", []);
  const { model, optimizer } = options;
  const data = requireResident(options.data);
  const test = options.test && requireResident(options.test);
  const names = momentNames(optimizer);
  if (names.length !== state.moments.length) {
    throw new ChainruleError(
      "file",
      `the state has ${state.moments.length} arrays of the optimizer, ${optimizer.type} has ${names.length}`,
    );
  }
  const moments = names.flatMap((key, k) =>
    parameterTensors(model, state.moments[k]!).map(([name, value]): [string, NdArray] => [`${name}.${key}`, value]),
  );
  // A state has no frozen weights: they are as the run began with them.
  const all = (own: ReadonlyMap<string, NdArray>): Map<string, NdArray> => new Map([...options.weights, ...own]);
  const about = { step: String(state.step), skipped: String(state.cursor.data[3]!) };
  const { input } = shapesOf(model);
  const shaped = (x: NdArray): NdArray => reshape(x, [x.shape[0]!, ...input]);
  // A text lies there once; its windows are drawn from it.
  const text = options.batch === "full" ? undefined : data.text;
  const rows: [string, NdArray][] = text
    ? [["text", text]]
    : [
        ["x", shaped(data.x)],
        ["y", targets(model, data.y)],
      ];
  const counted = usesLengths(model) && [data, test].some((part) => part?.lengths !== undefined);
  if (counted) rows.push(["lengths", lengthsOf(data, input[0]!)]);
  if (test && counted) rows.push(["lengths_test", lengthsOf(test, input[0]!)]);
  if (test) rows.push(["x_test", shaped(test.x)], ["y_test", targets(model, test.y)]);
  return new Map<string, string | Uint8Array>([
    ["model.py", modelPy(model, counted)],
    ["train.py", trainPy({ ...options, lengths: counted, ...(text && { window: input[0]! }) })],
    ["rows.py", text ? rowsPy + windowsPy : rowsPy],
    ["tensors.py", tensorsPy],
    ...(options.augment ? [["augment.py", augmentPy] satisfies [string, string]] : []),
    ["model.json", `${JSON.stringify(model, null, 1)}\n`],
    ["model.safetensors", writeWeights(model, all(state.parameters))],
    ["optimizer.safetensors", writeSafetensors(moments, about)],
    ["data.safetensors", writeSafetensors(rows)],
    ...(state.average
      ? [["average.safetensors", writeWeights(model, all(weightsOf(state, "average")))] satisfies [string, Uint8Array]]
      : []),
  ]);
}

/** How many steps of each row count: all, where rows do not say. */
const lengthsOf = ({ x, lengths }: Rows, steps: number): NdArray =>
  lengths ?? ndarray([x.shape[0]!], "i32", new Int32Array(x.shape[0]!).fill(steps));

/** Targets as PyTorch has them: places in their shape, and what does not count by the model's own number. */
function targets(model: ModelSpec, y: NdArray): NdArray {
  if (y.dtype !== "i32") return y;
  const { places, ignoreIndex } = classLayout(model);
  const labels = y.data.map((label) => (label < 0 ? ignoreIndex! : label));
  return ndarray(y.shape.length === 1 ? y.shape : [y.shape[0]!, ...places], "i32", labels);
}
