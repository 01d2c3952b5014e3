import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import { importNet } from "../../io/net/import.ts";
import { readNpz } from "../../io/numpy/npz.ts";
import { loadWeights } from "../../io/weights/load.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { modelWarnings } from "../../nn/model-warnings.ts";
import { parseModel } from "../../nn/parse-model.ts";
import { misfit } from "../state/net-form.ts";
import { formOf } from "../state/net-link.ts";
import { type Ends, OWN } from "../state/settings.ts";
import { endsOf, fitLabels } from "./fit-labels.ts";
import { takeWeights } from "./own-weights.ts";
import { current, keepNet, rowsNow } from "./session.ts";
import { twoOutputs } from "./two-outputs.ts";
import type { AskedNet, DroppedFile, TakenNet } from "./types.ts";

/** A net out of files. */
interface ReadNet {
  readonly model: ModelSpec;
  /** What it begins from; null where the files hold none. */
  readonly weights: ReadonlyMap<string, NdArray> | null;
  readonly notes: readonly string[];
}

/** Reads a net that was dropped and keeps it, where it fits the data. */
export async function takeNet(
  files: readonly DroppedFile[],
  ends: Ends,
  byOrder: boolean,
): Promise<TakenNet | AskedNet> {
  const of = (ending: RegExp): DroppedFile | undefined => files.find(({ name }) => ending.test(name));
  const [json, hdf5] = [of(/\.json$/i), of(/\.(h5|hdf5)$/i)];
  const file = of(/\.(onnx|keras)$/i) ?? json ?? hdf5;
  if (!file) return takeWeights(files[0]!, byOrder);
  const own = file === json ? ownModel(json) : null;
  const found = own ? await readOwn(own, ends, of(/\.(safetensors|npz|pth?|ckpt|pth\.tar)$/i)) : await imported();
  const classes = ends.loss === "crossEntropy" && ends.outputs === 2;
  const read = (classes && twoOutputs(found)) || found;
  const rows = rowsNow();
  const labels = rows && fitLabels(rows.split, read.model);
  const asked = labels ? endsOf(labels.split.train) : ends;
  const wrong = misfit(read.model, asked, file.name);
  if (wrong) throw new ChainruleError("data", wrong);
  // The loss is the data's, and the page's settings have none of its settings.
  const { classWeights, labelSmoothing, ...model } = read.model;
  const form = await formOf(model, current().settings);
  const fitted = labels && (await import("./own-data.ts")).keepRows(labels.split, rows.info);
  if (read.weights) keepNet({ name: file.name, model, weights: read.weights });
  return {
    ...form,
    ...(fitted ? { own: fitted, data: OWN } : {}),
    notes: [
      ...read.notes,
      ...(labels ? [labels.note] : []),
      ...(read.model.loss === asked.loss ? [] : [`the loss is ${asked.loss}, in place of ${read.model.loss}`]),
      ...(read.weights ? [] : [`${file.name} came without weights: drop them with it`]),
      ...(labelSmoothing === undefined ? [] : [`a label smoothing of ${labelSmoothing} is left out`]),
      ...(classWeights === undefined ? [] : ["class weights are left out"]),
    ],
  };

  async function imported(): Promise<ReadNet> {
    const npz = of(/\.npz$/i);
    // What is dropped comes without its folder.
    const beside = async (path: string): Promise<Uint8Array> => {
      const name = path.split("/").at(-1)!;
      const found = files.find((f) => f.name === name);
      return (
        found?.bytes ?? Promise.reject(new ChainruleError("file", `${file!.name} needs ${name}: drop both together`))
      );
    };
    const arrays = npz ? await readNpz(npz.bytes) : undefined;
    const net = {
      ...file!,
      read: beside,
      ...(arrays ? { arrays } : {}),
      ...(file === json && hdf5 ? { weights: hdf5.bytes } : {}),
    };
    try {
      return await importNet(net, { loss: ends.loss });
    } catch (error) {
      // One output is refused as classes, unless the file itself tells that it is the logit of two, or gives a number.
      const told = await importNet(net, {}).catch(() => null);
      const rows = rowsNow();
      if (told && (twoOutputs(told) || (rows && fitLabels(rows.split, told.model)))) return told;
      throw error;
    }
  }
}

/** Chainrule's own model file, told by its list of layers; null for another library's JSON, or for none. */
function ownModel({ bytes }: DroppedFile): Readonly<Record<string, unknown>> | null {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(json?.layers) ? json : null;
  } catch {
    return null;
  }
}

async function readOwn(json: object, ends: Ends, weights: DroppedFile | undefined): Promise<ReadNet> {
  const model = parseModel({ loss: ends.loss, ...json });
  const loaded = weights ? await loadWeights(weights.name, weights.bytes, model) : { weights: null, notes: [] };
  return { model, weights: loaded.weights, notes: [...modelWarnings(model), ...loaded.notes] };
}
