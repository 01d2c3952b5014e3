import { type NdArray, ndarray, shapeText, sizeOf } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { flagOf, numberOf, refuse } from "./json.ts";
import type { KerasLayer } from "./layer.ts";
import { axesOf, EPSILON, normalizationOf, rescalingOf } from "./normalisations.ts";
import { axisHere, inAxes, inKerasOrder, type Placed, placedAs } from "./placed.ts";
import { setting, vector, type WiredKeras, type WiredReader } from "./wired-place.ts";

/** Keras's axis, the batch's being 0, as an axis of a row. */
function rowAxis(axis: number, { shape }: Placed, where: string): number {
  const at = axis < 0 ? axis + shape.length : axis - 1;
  return at >= 0 && at < shape.length
    ? at
    : refuse(`${where}: works along axis ${axis} of rows of ${shapeText(shape)}`);
}

/** Scale and shift, where the layer has them; what it lacks of the two changes nothing. */
function scales(
  layer: KerasLayer,
  size: number,
  { net, weights }: WiredKeras,
  where: string,
): Readonly<Record<string, NdArray>> {
  const has = (key: string): boolean => flagOf(setting(layer, key), true, `${where}: ${key}`);
  const [scale, center] = [has("scale"), has("center")];
  const filled = (value: number): NdArray => {
    net.claim(size, where);
    return ndarray([size], "f32", new Float32Array(size).fill(value));
  };
  const weight = scale ? vector(weights.take(layer, "gamma"), size, net, where) : null;
  const bias = center ? vector(weights.take(layer, "beta"), size, net, where) : null;
  return weight || bias ? { weight: weight ?? filled(1), bias: bias ?? filled(0) } : {};
}

/** The value with the channels of `axis` first. */
function channelsOf(layer: KerasLayer, x: Placed, to: WiredKeras, where: string) {
  const axes = axesOf(setting(layer, "axis"), [-1], where);
  if (axes.length !== 1) refuse(`${where}: works along several axes, ${axes.join(", ")}; here along one`);
  const axis = rowAxis(axes[0]!, x, where);
  const order = [axis, ...x.shape.map((_, i) => i).filter((i) => i !== axis)];
  return { value: inAxes(to.net, x, order, where), order, size: x.shape[axis]! };
}

const epsilonOf = (layer: KerasLayer, where: string): number =>
  numberOf(setting(layer, "epsilon"), EPSILON, `${where}: epsilon`);

const batchNorm: WiredReader = (layer, [x], to, where) => {
  const { net, weights } = to;
  const { value, order, size } = channelsOf(layer, x, to, where);
  const affine = scales(layer, size, to, where);
  const running_mean = vector(weights.take(layer, "moving_mean"), size, net, where);
  const running_var = vector(weights.take(layer, "moving_variance"), size, net, where);
  // Keras says what is kept, layers here what is taken of a batch.
  const momentum = Number((1 - numberOf(setting(layer, "momentum"), 0.99, `${where}: momentum`)).toPrecision(6));
  const arrays = { ...affine, running_mean, running_var, num_batches_tracked: ndarray([1], "f32", [0]) };
  const spec: LayerSpec = {
    type: "batchNorm",
    size,
    eps: epsilonOf(layer, where),
    momentum,
    affine: "weight" in affine,
  };
  return placedAs(net, net.add(spec, [value], where, arrays), order);
};

const groupNorm: WiredReader = (layer, [x], to, where) => {
  const { value, order, size } = channelsOf(layer, x, to, where);
  const affine = scales(layer, size, to, where);
  const given = numberOf(setting(layer, "groups"), 32, `${where}: groups`);
  const spec: LayerSpec = {
    type: "groupNorm",
    groups: given === -1 ? size : given,
    size,
    eps: epsilonOf(layer, where),
    affine: "weight" in affine,
  };
  return placedAs(to.net, to.net.add(spec, [value], where, affine), order);
};

const layerNorm: WiredReader = (layer, [x], to, where) => {
  const { net } = to;
  if (flagOf(setting(layer, "rms_scaling"), false, `${where}: rms_scaling`)) {
    refuse(`${where}: rms_scaling, which no layer norm here has`);
  }
  const rank = x.shape.length;
  const axes = axesOf(setting(layer, "axis"), [-1], where)
    .map((axis) => rowAxis(axis, x, where))
    .sort((a, b) => a - b);
  if (axes.some((axis, i) => axis !== rank - axes.length + i)) {
    refuse(`${where}: works along axes of ${shapeText(x.shape)} that are not the last ones`);
  }
  const shape = x.shape.slice(rank - axes.length);
  const size = sizeOf(shape);
  const affine = scales(layer, size, to, where);
  if (!affine.weight) net.claim(2 * size, where);
  const whole = (value: number): NdArray => ndarray([size], "f32", new Float32Array(size).fill(value));
  const arrays = { weight: { ...(affine.weight ?? whole(1)), shape }, bias: { ...(affine.bias ?? whole(0)), shape } };
  const spec: LayerSpec = { type: "layerNorm", size: shape.length === 1 ? size : shape, eps: epsilonOf(layer, where) };
  const value = net.add(spec, [inKerasOrder(net, x, where)], where, arrays);
  return placedAs(
    net,
    value,
    x.shape.map((_, i) => i),
  );
};

const rmsNorm: WiredReader = (layer, [x], { net, weights }, where) => {
  const axes = axesOf(setting(layer, "axis"), [-1], where).map((axis) => rowAxis(axis, x, where));
  if (axes.length !== 1 || axes[0] !== x.shape.length - 1) {
    refuse(`${where}: works along axes of ${shapeText(x.shape)} that are not the last one alone`);
  }
  const size = x.shape.at(-1)!;
  const weight = vector(weights.take(layer, "scale"), size, net, where);
  const eps = numberOf(setting(layer, "epsilon"), 1e-6, `${where}: epsilon`);
  const value = net.add({ type: "rmsNorm", size, eps }, [inKerasOrder(net, x, where)], where, { weight });
  return placedAs(
    net,
    value,
    x.shape.map((_, i) => i),
  );
};

/** x scale + shift along one axis, or by one number. */
function affine(
  x: Placed,
  of: ReturnType<typeof rescalingOf>,
  axes: readonly number[],
  to: WiredKeras,
  where: string,
): Placed {
  const one = of.scale.length === 1;
  if (!one && axes.length !== 1) refuse(`${where}: works along ${axes.length} axes; here along one`);
  const { placed, axis } = axisHere(to.net, x, one ? 0 : rowAxis(axes[0]!, x, where), where);
  return { ...placed, value: to.net.affine(placed.value, of, axis, where) };
}

export const normReaders: Readonly<Record<string, WiredReader>> = {
  BatchNormalization: batchNorm,
  GroupNormalization: groupNorm,
  LayerNormalization: layerNorm,
  RMSNormalization: rmsNorm,
  Rescaling: (layer, [x], to, where) => affine(x, rescalingOf(layer, where), [-1], to, where),
  Normalization: (layer, [x], to, where) => {
    const { axes, ...of } = normalizationOf(layer, to.weights, where);
    return affine(x, of, axes, to, where);
  },
};
