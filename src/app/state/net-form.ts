import { sizeOf } from "../../core/ndarray.ts";
import { isDense } from "../../io/dense-layers.ts";
import { parseModel } from "../../nn/model.ts";
import type { ModelSpec } from "../../nn/model-spec.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { hiddenOf, layersText, modelLayers, netText, parseNet } from "./net.ts";
import type { Ends, Settings } from "./settings.ts";

/** What the settings say of a net. */
export type NetForm = Pick<Settings, "net" | "bias" | "graph">;

/**
 * A chain of dense layers as the page's controls have it; null where they cannot say it. Unless `exact`, numbers that they
 * have no place for, such as a slope, may differ: a net that was dropped keeps its own beside them.
 */
export function denseForm(model: ModelSpec, exact: boolean): NetForm | null {
  if (!isDense(model) || model.layers.at(-1)?.type !== "linear") return null;
  const bias = model.layers.some((l) => l.type === "linear" && l.bias);
  const net = parseNet(netText(hiddenOf(model)));
  if (!net) return null;
  const { input, shapes } = shapesOf(model);
  const shown = parseModel({ layers: modelLayers(net, sizeOf(input), sizeOf(shapes.at(-1)!), bias), loss: model.loss });
  const text = exact ? (m: ModelSpec): string => JSON.stringify(m.layers) : layersText;
  return text(shown) === text(model) ? { net, bias, graph: null } : null;
}

/** Why a net cannot train on this data; null where it can. `name` is what it is called. */
export function misfit(model: ModelSpec, ends: Ends, name: string): string | null {
  const { input, shapes } = shapesOf(model);
  const [inputs, outputs] = [sizeOf(input), sizeOf(shapes.at(-1)!)];
  if (inputs === ends.inputs && outputs === ends.outputs) return null;
  return `${name} takes ${inputs} values and gives ${outputs}, but this data has ${ends.inputs} and asks for ${ends.outputs}: choose its data first`;
}
