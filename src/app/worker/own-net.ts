import { ChainruleError } from "../../core/errors.ts";
import { importNet } from "../../io/net/import.ts";
import { readNpz } from "../../io/numpy/npz.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { parseModel } from "../../nn/parse-model.ts";
import { widths } from "../../nn/shapes.ts";
import { hiddenOf, MOST_LAYERS, modelLayers, netText, parseNet } from "../state/net.ts";
import type { Ends } from "../state/settings.ts";
import { takeWeights } from "./own-weights.ts";
import { keepNet, layersText } from "./session.ts";
import type { AskedNet, DroppedFile, TakenNet } from "./types.ts";

/** Reads a net that was dropped and keeps it, where it fits the data and is one that the page can show. */
export async function takeNet(
  files: readonly DroppedFile[],
  ends: Ends,
  byOrder: boolean,
): Promise<TakenNet | AskedNet> {
  const of = (ending: RegExp): DroppedFile | undefined => files.find(({ name }) => ending.test(name));
  const [json, hdf5] = [of(/\.json$/i), of(/\.(h5|hdf5)$/i)];
  const file = of(/\.(onnx|keras)$/i) ?? json ?? hdf5;
  if (!file) return takeWeights(files[0]!, byOrder);
  const npz = of(/\.npz$/i);
  // What is dropped comes without its folder.
  const read = async (path: string): Promise<Uint8Array> => {
    const name = path.split("/").at(-1)!;
    const found = files.find((f) => f.name === name);
    return found?.bytes ?? Promise.reject(new ChainruleError("file", `${file.name} needs ${name}: drop both together`));
  };
  const arrays = npz ? await readNpz(npz.bytes) : undefined;
  const { model, weights, notes } = await importNet(
    { ...file, read, ...(arrays ? { arrays } : {}), ...(file === json && hdf5 ? { weights: hdf5.bytes } : {}) },
    { loss: ends.loss },
  );
  const { inputs, outputs } = widths(model);
  if (inputs !== ends.inputs || outputs !== ends.outputs) {
    throw new ChainruleError(
      "data",
      `${file.name} takes ${inputs} values and gives ${outputs}, but this data has ${ends.inputs} and asks for ${ends.outputs}: choose its data first`,
    );
  }
  const net = hiddenOf(model);
  const bias = model.layers.some((l) => l.type === "linear" && l.bias);
  if (!canShow(model, bias)) {
    throw new ChainruleError(
      "model",
      `${file.name}: the page has nets of at most ${MOST_LAYERS} layers that end in a linear one, with biases everywhere or nowhere, and no softmax: use chainrule import`,
    );
  }
  keepNet({ name: file.name, model, weights });
  // The page's settings have none of these.
  const left = model.labelSmoothing === undefined ? [] : [`a label smoothing of ${model.labelSmoothing} is left out`];
  return { net, bias, notes: [...notes, ...left] };
}

/** Whether the page's own settings give these very layers. */
function canShow(model: ModelSpec, bias: boolean): boolean {
  const net = parseNet(netText(hiddenOf(model)));
  if (!net) return false;
  const { inputs, outputs } = widths(model);
  const shown = parseModel({ layers: modelLayers(net, inputs, outputs, bias), loss: model.loss });
  return layersText(shown) === layersText(model);
}
