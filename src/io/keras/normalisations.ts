import { brief } from "../../core/format.ts";
import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import { type Affine, batchNormAffine } from "../net/affine.ts";
import { flagOf, isObject, listOf, numberOf, objectOf, refuse } from "./json.ts";
import { type KerasLayer, nameOf } from "./layer.ts";
import type { Net } from "./net.ts";

/** Epsilon of layer and batch normalisation where a model does not say. */
export const EPSILON = 1e-3;
/** What a normalisation's deviation is at least. */
const SMALLEST_DEVIATION = 1e-7;
const MOST_NUMBERS = 2 ** 20;

/** The axes of a setting that is a number or a list of them, the batch's being 0. */
export function axesOf(value: unknown, fallback: readonly number[], where: string): readonly number[] {
  if (value == null) return fallback;
  return (Array.isArray(value) ? listOf(value, `${where}: axis`, 8) : [value]).map((axis) =>
    Number.isSafeInteger(axis) ? (axis as number) : refuse(`${where}: axis must be whole numbers, got ${brief(value)}`),
  );
}

export function addLayerNorm(layer: KerasLayer, { parts, weights, layout }: Net): void {
  const { config } = layer;
  const where = nameOf(layer);
  requireWholeRows(axesOf(config.axis, [-1], where), layout, where);
  if (flagOf(config.rms_scaling, false, `${where}: rms_scaling`))
    refuse(`${where}: rms_scaling, which no layer here has`);
  const gamma = flagOf(config.scale, true, `${where}: scale`) ? weights.take(layer, "gamma") : null;
  const beta = flagOf(config.center, true, `${where}: center`) ? weights.take(layer, "beta") : null;
  const given = gamma ?? beta;
  const size =
    (given ? sizeOf(given.shape) : layout.size) ?? refuse(`${where}: without scale and center its width is not known`);
  if ((layout.size ?? size) !== size) {
    refuse(`${where}: normalises ${size} values, but is given ${layout.text()}`);
  }
  parts.claim(2 * size, where);
  const order = layout.order(size);
  const placed = (values: NdArray | null, otherwise: number): NdArray => {
    if (values && sizeOf(values.shape) !== size) {
      refuse(`${where}: expected ${size} values, got an array of ${shapeText(values.shape)}`);
    }
    const out = zeros([size], "f32");
    for (let i = 0; i < size; i++) out.data[order?.[i] ?? i] = values?.data[i] ?? otherwise;
    return out;
  };
  parts.layerNorm(placed(gamma, 1), placed(beta, 0), numberOf(config.epsilon, EPSILON, `${where}: epsilon`), where);
}

/** Where a layer works along some axes only, it does so for several groups of a row's values, which no layer here does. */
export function requireWholeRows(axes: readonly number[], layout: Net["layout"], where: string): void {
  if (layout.covers(axes)) return;
  const given = layout.shape === null || layout.shape.length === 1 ? "" : ` of values of shape ${layout.text()}`;
  refuse(
    `${where}: works along axis ${axes.join(", ")}${given}, not along rows${given === "" ? "" : "; put a Flatten before it"}`,
  );
}

/** Batch normalisation as it is in prediction: by the kept mean and variance. */
export function addBatchNorm(layer: KerasLayer, net: Net): void {
  const { config } = layer;
  const where = nameOf(layer);
  const flag = (key: string): boolean => flagOf(config[key], true, `${where}: ${key}`);
  const gamma = flag("scale") ? net.weights.take(layer, "gamma").data : null;
  const beta = flag("center") ? net.weights.take(layer, "beta").data : null;
  const mean = net.weights.take(layer, "moving_mean").data;
  const variance = net.weights.take(layer, "moving_variance").data;
  const size = mean.length;
  if ([gamma, beta, variance].some((values) => values && values.length !== size)) {
    refuse(`${where}: its weights have ${size}, ${variance.length} and other lengths`);
  }
  const epsilon = numberOf(config.epsilon, EPSILON, `${where}: epsilon`);
  const { scale, shift } = batchNormAffine(gamma, beta, mean, variance, epsilon);
  net.parts.note(`${where} is taken as it predicts, by its kept mean and variance; it does not train on`);
  addAffine(scale, shift, axesOf(config.axis, [-1], where), net, where);
}

/** (x - mean) / deviation by numbers that adapt() has found or that were given; `invert` turns it around. */
export function addNormalization(layer: KerasLayer, net: Net): void {
  const where = nameOf(layer);
  const { scale, shift, axes } = normalizationOf(layer, net.weights, where);
  addAffine(scale, shift, axes, net, where);
}

/** Its numbers, and the axes that they belong to, the batch's being 0. */
export function normalizationOf(
  layer: KerasLayer,
  weights: Net["weights"],
  where: string,
): Affine & { readonly axes: readonly number[] } {
  const { config } = layer;
  // null means that all values share one mean; what is missing means the last axis.
  const axes = config.axis === null ? [] : axesOf(config.axis, [-1], where);
  let [mean, variance]: ArrayLike<number>[] = [];
  if (config.mean == null && config.variance == null) {
    mean = weights.take(layer, "mean").data;
    variance = weights.take(layer, "variance").data;
    weights.pass(layer, "count");
  } else {
    mean = numbersOf(config.mean, `${where}: mean`);
    variance = numbersOf(config.variance, `${where}: variance`);
  }
  if (mean!.length !== variance!.length) refuse(`${where}: ${mean!.length} means, but ${variance!.length} variances`);
  const deviation = Float64Array.from(variance!, (v) => Math.max(Math.sqrt(v), SMALLEST_DEVIATION));
  const inverted = flagOf(config.invert, false, `${where}: invert`);
  const scale = deviation.map((d) => (inverted ? d : 1 / d));
  const shift = Float64Array.from(mean!, (m, i) => (inverted ? m : -m * scale[i]!));
  return { scale, shift, axes };
}

/** x scale + offset. */
export function addRescaling(layer: KerasLayer, net: Net): void {
  const where = nameOf(layer);
  const { scale, shift } = rescalingOf(layer, where);
  addAffine(scale, shift, [-1], net, where);
}

export function rescalingOf({ config }: KerasLayer, where: string): Affine {
  const scale = numbersOf(config.scale, `${where}: scale`);
  const offset = config.offset == null ? Float64Array.of(0) : numbersOf(config.offset, `${where}: offset`);
  const size = Math.max(scale.length, offset.length);
  const each = (values: Float64Array): Float64Array =>
    values.length === 1
      ? new Float64Array(size).fill(values[0]!)
      : values.length === size
        ? values
        : refuse(`${where}: ${scale.length} scales, but ${offset.length} offsets`);
  return { scale: each(scale), shift: each(offset) };
}

/** An affine step of one number for all values, or of one for each place along `axes`, the batch's being 0. */
function addAffine(scale: Float64Array, shift: Float64Array, axes: readonly number[], net: Net, where: string): void {
  const { parts, layout, weights } = net;
  const rank = (layout.shape?.length ?? 1) + 1;
  const kept = axes.map((axis) => (axis < 0 ? axis + rank : axis) - 1);
  if (kept.some((axis) => axis < 0 || axis >= rank - 1)) {
    refuse(`${where}: works along axis ${axes.join(", ")} of values of shape ${layout.text()}`);
  }
  if (scale.length === 1) {
    parts.affine({ scale, shift }, where);
    return;
  }
  const size = (layout.shape === null ? scale.length : layout.size) ?? Number.POSITIVE_INFINITY;
  // The layers that it becomes part of have as many weights at least.
  if (size > Math.max(weights.size, scale.length)) {
    refuse(`${where}: normalises ${layout.text()}, more than the file has weights for`);
  }
  const wanted = layout.shape === null ? size : sizeOf(kept.map((axis) => layout.shape![axis]!));
  if (wanted !== scale.length) {
    refuse(`${where}: has ${scale.length} numbers, but works along ${wanted} places of ${layout.text()}`);
  }
  const places = layout.places(kept, size);
  const order = layout.order(size);
  const placed = (values: Float64Array): Float64Array => {
    const out = new Float64Array(size);
    for (let i = 0; i < size; i++) out[order?.[i] ?? i] = values[places[i]!]!;
    return out;
  };
  parts.affine({ scale: placed(scale), shift: placed(shift) }, where);
}

/** A number, a list of them, a list of lists; as numpy arrays are written, too. */
function numbersOf(value: unknown, what: string): Float64Array {
  const given = isObject(value) ? objectOf(value.config, what).value : value;
  const flat = Array.isArray(given) ? given.flat(8) : [given];
  if (flat.length === 0 || flat.length > MOST_NUMBERS) refuse(`${what} has ${flat.length} numbers`);
  return Float64Array.from(flat, (v) => numberOf(v, Number.NaN, what));
}
