import type { Shape } from "../core/ndarray.ts";
import type { LayerSpec } from "./layers/spec.ts";
import type { LossName } from "./loss-kinds.ts";

/** A model as plain data: what a model file holds, checked. sequential() and parseModel() make it. */
export interface ModelSpec extends CrossEntropySettings {
  /** Shape of one row, batch left out: [1, 28, 28]. Absent where the first layer tells it, as a linear one does, or
   * where it is an embedding and the data tell how many tokens a row has. */
  readonly input?: Shape;
  /** In the order in which they run; each reads the one before it, or those that its `from` names. */
  readonly layers: readonly LayerSpec[];
  /** What it is trained on. */
  readonly loss: LossName;
}

/**
 * Settings of crossEntropy, as torch.nn.CrossEntropyLoss has them. They belong to the model, as the loss does: training,
 * evaluation, gradients and their checks all see a model and so have the same loss.
 */
export interface CrossEntropySettings {
  /** A weight for each class; the loss of a batch is then the weighted mean. All 1 where absent. */
  readonly classWeights?: readonly number[];
  /** Share of each target that is spread over all classes alike. */
  readonly labelSmoothing?: number;
  /**
   * Target that does not count: not in the loss, not in its mean, not in accuracy. -100 where outputs have a class for each
   * of several places and this is absent; with one class a row all targets count unless it is given.
   */
  readonly ignoreIndex?: number;
}

/** Its type, or the name that a custom layer has. */
export const layerName = (layer: LayerSpec): string => (layer.type === "custom" ? layer.name : layer.type);

/** What `from` and parameters' names call the layer at `index`: its own name, or its index. */
export const calledName = (layer: LayerSpec, index: number): string =>
  (layer.type === "custom" ? layer.as : layer.name) ?? `${index}`;
