import { brief } from "../core/format.ts";
import type { Shape } from "../core/ndarray.ts";
import { assemble, nothingToTrain, objectOf } from "./assemble.ts";
import { bad, MAX_WIDTH, requireKnown } from "./layers/fields.ts";
import { type LossName, lossKinds } from "./loss-kinds.ts";
import type { CrossEntropySettings, ModelSpec } from "./model-spec.ts";
import { parameterSpecs } from "./parameter-specs.ts";

const MAX_LAYERS = 1000;

const crossEntropyFields = ["classWeights", "labelSmoothing", "ignoreIndex"] as const;

/**
 * Reads and checks a model: every field known, every layer's shape one that the next takes. Types of layers that only some
 * nets have must be known already: see loadLayerTypes().
 */
export function parseModel(json: unknown): ModelSpec {
  return readModel(json, false);
}

/** The same, where `open` lets fields be left out that the layer before tells. */
export function readModel(json: unknown, open: boolean): ModelSpec {
  const model = objectOf(json, "a model");
  const known = ["input", "layers", "loss", ...crossEntropyFields, "name", "description"];
  requireKnown(model, known, "model");
  if (!Array.isArray(model.layers) || model.layers.length === 0)
    bad('model: "layers" must be a list of at least one layer');
  const list = model.layers as unknown[];
  if (list.length > MAX_LAYERS) bad(`model: ${list.length} layers, more than ${MAX_LAYERS}`);
  const loss = model.loss;
  if (typeof loss !== "string" || !Object.hasOwn(lossKinds, loss)) {
    bad(`model: unknown loss ${brief(loss)}; known are ${Object.keys(lossKinds).join(", ")}`);
  }
  const input = inputOf(model.input);
  const { layers, shapes } = assemble(list, input, open);
  const outputs = shapes.at(-1)!;
  const spec: ModelSpec = {
    ...(input && { input }),
    layers,
    loss: loss as LossName,
    ...crossEntropySettings(model, loss as LossName, outputs),
  };
  if (loss === "crossEntropy") requireClasses(outputs);
  if (parameterSpecs(spec).length === 0) nothingToTrain();
  return spec;
}

function inputOf(input: unknown): Shape | undefined {
  if (input === undefined) return undefined;
  const fits = (d: unknown): boolean => typeof d === "number" && Number.isInteger(d) && d >= 1 && d <= MAX_WIDTH;
  if (!Array.isArray(input) || input.length === 0 || input.length > 6 || !input.every(fits)) {
    bad(`model: "input" must be the shape of one row, such as [1, 28, 28] or [4], got ${brief(input)}`);
  }
  return [...(input as number[])];
}

function requireClasses(outputs: Shape): void {
  if (classesOf(outputs) === 1) {
    if (outputs.length > 1)
      bad(`model: crossEntropy of outputs [${outputs.join(", ")}] has one class a place: always 0`);
    bad('model: crossEntropy of one output is always 0: two classes are "bce" of one output, or two outputs');
  }
}

/** As classLayout has it: behind steps, before places. */
const classesOf = (outputs: Shape): number => outputs.at(outputs.length === 2 ? -1 : 0)!;

function crossEntropySettings(model: Record<string, unknown>, loss: LossName, shape: Shape): CrossEntropySettings {
  const { classWeights, labelSmoothing, ignoreIndex } = model;
  const given = crossEntropyFields.find((field) => model[field] !== undefined);
  if (given && loss !== "crossEntropy") bad(`model: "${given}" is for the loss crossEntropy, this model has ${loss}`);
  if (labelSmoothing !== undefined) {
    if (typeof labelSmoothing !== "number" || !(labelSmoothing >= 0 && labelSmoothing < 1)) {
      bad(`model: "labelSmoothing" must be at least 0 and below 1, got ${JSON.stringify(labelSmoothing)}`);
    }
  }
  if (classWeights !== undefined) {
    const outputs = classesOf(shape);
    if (!Array.isArray(classWeights) || classWeights.length !== outputs) {
      const got = Array.isArray(classWeights) ? `${classWeights.length}` : JSON.stringify(classWeights);
      bad(`model: "classWeights" must be a list of ${outputs} numbers, one for each class, got ${got}`);
    }
    const wrong = (classWeights as unknown[]).findIndex((w) => typeof w !== "number" || !(w > 0 && Number.isFinite(w)));
    if (wrong >= 0) {
      const value = JSON.stringify((classWeights as unknown[])[wrong]);
      bad(`model: "classWeights" must be positive numbers, got ${value} for class ${wrong}`);
    }
  }
  if (ignoreIndex !== undefined && !(Number.isInteger(ignoreIndex) && Math.abs(ignoreIndex as number) < 2 ** 31)) {
    bad(`model: "ignoreIndex" must be a whole number, a target that does not count, got ${brief(ignoreIndex)}`);
  }
  return {
    ...(ignoreIndex === undefined ? {} : { ignoreIndex: ignoreIndex as number }),
    ...(classWeights === undefined ? {} : { classWeights: classWeights as readonly number[] }),
    ...(labelSmoothing === undefined ? {} : { labelSmoothing: labelSmoothing as number }),
  };
}

/** Throws ChainruleError("model") where there is none at all. */
export function requireModel(model: ModelSpec): void {
  if (Array.isArray(model?.layers)) return;
  bad("a model is needed: sequential([...], { loss }), or an object with layers and a loss");
}

/** The model again, checked and copied, so that what the caller changes later does not reach it. */
export function copyModel(model: ModelSpec): ModelSpec {
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));
  requireModel(model);
  const layers = model.layers.map((layer) => (layer?.type === "custom" ? layer : copy(layer)));
  return parseModel({ ...copy({ ...model, layers: [] }), layers });
}
