import type { LayerSpec } from "../../nn/layers/spec.ts";
import { addCelu, addClip } from "../net/clip.ts";
import { addActivation } from "./activations.ts";
import { flagOf, numberOf, refuse } from "./json.ts";
import type { KerasLayer } from "./layer.ts";
import { added, moved, setting, type WiredReader } from "./wired-place.ts";

/** What computes the same as an activation of that name. */
const named =
  (name: string): WiredReader =>
  (_, [x], to, where) =>
    moved(x, to.net, (parts) => addActivation(name, parts, where, to.version));

/** A layer made of the function's settings. */
const layer =
  (make: (given: (key: string, usual: number) => number, layer: KerasLayer, where: string) => LayerSpec): WiredReader =>
  (of, [x], { net }, where) =>
    added(
      x,
      net,
      make((key, usual) => numberOf(setting(of, key), usual, `${where}: ${key}`), of, where),
      where,
    );

/**
 * Functions of keras.ops in the place of layers, as Keras 3 has them in a model that calls them. Their usual settings are
 * not those of layers and activations: GELU is its approximation by tanh.
 */
export const functionReaders: Readonly<Record<string, WiredReader>> = {
  Relu: named("relu"),
  Relu6: named("relu6"),
  Sigmoid: named("sigmoid"),
  Tanh: named("tanh"),
  Silu: named("silu"),
  Softplus: named("softplus"),
  Selu: named("selu"),
  HardSigmoid: named("hard_sigmoid"),
  HardSilu: named("hard_silu"),
  HardTanh: named("hard_tanh"),
  LogSigmoid: named("log_sigmoid"),
  Gelu: layer((_, of, where) =>
    flagOf(setting(of, "approximate"), true, `${where}: approximate`) ? { type: "geluTanh" } : { type: "gelu" },
  ),
  LeakyRelu: layer((given) => ({ type: "leakyRelu", slope: given("negative_slope", 0.2) })),
  Elu: layer((given) => ({ type: "elu", alpha: given("alpha", 1) })),
  Celu: (of, [x], { net }, where) =>
    moved(x, net, (parts) => addCelu(parts, numberOf(setting(of, "alpha"), 1, `${where}: alpha`), { where, refuse })),
  Clip: (of, [x], { net }, where) => {
    const end = (key: string): number => numberOf(setting(of, key), Number.NaN, `${where}: ${key}`);
    return moved(x, net, (parts) => addClip(parts, [end("x_min"), end("x_max")], { where, refuse }));
  },
  Negative: (_, [x], { net }, where) =>
    moved(x, net, (parts) => parts.affine({ scale: Float64Array.of(-1), shift: Float64Array.of(0) }, where)),
};
