import type { EluSpec, LeakyReluSpec, PlainActivationSpec } from "./activation.ts";
import type { CustomLayer } from "./custom.ts";
import type { DropoutSpec } from "./dropout.ts";
import type { LateLayerSpec } from "./late.ts";
import type { LayerNormSpec } from "./layer-norm.ts";
import type { LinearSpec } from "./linear.ts";
import type { SoftmaxSpec } from "./softmax.ts";

/** One layer of a model file. */
export type LayerSpec =
  | LinearSpec
  | LayerNormSpec
  | DropoutSpec
  | LeakyReluSpec
  | EluSpec
  | PlainActivationSpec
  | LateLayerSpec
  | CustomLayer;

/** A layer of nets whose values are rows of numbers: what there was before there were images. */
export type DenseLayerSpec = Exclude<LayerSpec, LateLayerSpec> | SoftmaxSpec;
