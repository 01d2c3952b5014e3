// One table of layers that a graph of Keras has and what each becomes, a few lines each: so longer than a file should be.
import { brief } from "../../core/format.ts";
import { type NdArray, shapeText, sizeOf, zeros } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import { addClip } from "../net/clip.ts";
import { addLargest } from "../net/largest.ts";
import { INPUT } from "../net/wired-net.ts";
import { addActivation, functionName } from "./activations.ts";
import { CONSTANT, type Constant } from "./calls.ts";
import { flagOf, isObject, listOf, numberOf, objectOf, refuse, textOf } from "./json.ts";
import { type KerasLayer, nameOf } from "./layer.ts";
import { elementwise } from "./layers.ts";
import { axesOf } from "./normalisations.ts";
import { axisHere, channelsFirst, inAxes, inKerasOrder, type Placed, permuted, placedAs, rowOrder } from "./placed.ts";
import { MASKED } from "./topology.ts";
import { attentionReaders } from "./wired-attention.ts";
import { functionReaders } from "./wired-functions.ts";
import { normReaders } from "./wired-norms.ts";
import { added, formatOf, moved, setting, vector, type WiredKeras, type WiredReader } from "./wired-place.ts";
import { recurrentReaders } from "./wired-recurrent.ts";
import { windowReaders } from "./wired-windows.ts";

const dense: WiredReader = (layer, [x], to, where) => {
  const { net, weights } = to;
  const kernel = weights.take(layer, "kernel");
  const last = x.shape.at(-1)!;
  if (kernel.shape.length !== 2 || kernel.shape[0] !== last) {
    refuse(`${where}: a kernel of ${shapeText(kernel.shape)} for rows of ${shapeText(x.shape)}`);
  }
  const out = kernel.shape[1]!;
  net.claim(last * out, where);
  const bias = flagOf(setting(layer, "use_bias"), true, `${where}: use_bias`)
    ? vector(weights.take(layer, "bias"), out, net, where)
    : null;
  const spec: LayerSpec = { type: "linear", in: last, out, bias: bias !== null };
  const row = x.shape.length === 1;
  // Of a row the kernel's lines are moved, of anything else the values.
  const value = row ? net.reshape(x.value, [last], where) : inKerasOrder(net, x, where);
  const weight = row ? linesMoved(kernel, rowOrder(net, x)) : kernel;
  const y = net.add(spec, [value], where, { weight, ...(bias ? { bias } : {}) });
  return placedAs(
    net,
    y,
    x.shape.map((_, i) => i),
  );
};

function linesMoved(kernel: NdArray, order: Int32Array | null): NdArray {
  if (order === null) return kernel;
  const [lines, width] = kernel.shape as readonly [number, number];
  const out = zeros(kernel.shape, "f32");
  for (let i = 0; i < lines; i++) out.data.set(kernel.data.subarray(i * width, (i + 1) * width), order[i]! * width);
  return out;
}

/** Values that become one: with channels first where one of them is so, else as Keras has them. */
function together(given: readonly Placed[], to: WiredKeras, where: string) {
  const rank = given[0]!.shape.length;
  if (given.some(({ shape }) => shape.length !== rank)) {
    refuse(
      `${where} joins values of ${given.map(({ shape }) => shapeText(shape)).join(" and ")}; they must have as many axes`,
    );
  }
  const first = channelsFirst(rank, "channels_last");
  const some = rank > 1 && given.some(({ axes }) => axes.length === rank && axes.at(-1) === 0);
  const order = some ? first : first.map((_, i) => i);
  return { order, values: given.map((x) => inAxes(to.net, x, order, where)) };
}

const combine =
  (type: "add" | "multiply"): WiredReader =>
  (layer, given, to, where) => {
    const by = layer.call?.[CONSTANT] as Constant | undefined;
    if (by) {
      const [scale, shift] = type === "add" ? [1, by.value] : [by.value, 0];
      return scaled(given[0], scale, to, where, shift);
    }
    if (given.length < 2) refuse(`${where} joins one value`);
    const { order, values } = together(given, to, where);
    return placedAs(to.net, to.net.combine(type, values, where), order);
  };

const scaled = (x: Placed, by: number, { net }: WiredKeras, where: string, plus = 0): Placed => ({
  ...x,
  value: net.affine(x.value, { scale: Float64Array.of(by), shift: Float64Array.of(plus) }, 0, where),
});

/** A sum whose terms, or which itself, is scaled by a number. */
const average: WiredReader = (layer, given, to, where) =>
  scaled(combine("add")(layer, given, to, where), 1 / given.length, to, where);
const subtract: WiredReader = (layer, given, to, where) => {
  const [first, second] = given;
  const by = layer.call?.[CONSTANT] as Constant | undefined;
  if (by) return by.first ? scaled(first, -1, to, where, by.value) : scaled(first, 1, to, where, -by.value);
  if (!second || given.length !== 2) return refuse(`${where} takes two values, not ${given.length}`);
  return combine("add")(layer, [first, scaled(second, -1, to, where)], to, where);
};

/** The larger, or smaller, of values, or of one and a number. */
const extreme =
  (smaller: boolean): WiredReader =>
  (layer, given, to, where) => {
    const by = layer.call?.[CONSTANT] as Constant | undefined;
    if (by) {
      const ends = smaller ? [Number.NEGATIVE_INFINITY, by.value] : [by.value, Number.POSITIVE_INFINITY];
      const [low, high] = ends as [number, number];
      return moved(given[0], to.net, (parts) => addClip(parts, [low, high], { where, refuse }));
    }
    if (given.length < 2) refuse(`${where} compares one value`);
    const { order, values } = together(given, to, where);
    return placedAs(to.net, addLargest(to.net, values, smaller, where), order);
  };

/** Of two values the second must be a number, since no layer here divides by what the net computes. */
const divide: WiredReader = (layer, [x], to, where) => {
  const by = layer.call?.[CONSTANT] as Constant | undefined;
  if (!by || by.first) return refuse(`${where}: divides by what the net computes, which no layer here does`);
  return scaled(x, 1 / by.value, to, where);
};

const concatenate: WiredReader = (layer, given, to, where) => {
  const { order, values } = together(given, to, where);
  const rank = order.length;
  const axis = numberOf(setting(layer, "axis"), -1, `${where}: axis`);
  const at = axis < 0 ? axis + rank : axis - 1;
  if (!(at >= 0 && at < rank)) refuse(`${where}: joins along axis ${axis} of rows of ${rank} axes`);
  if (values.length === 1) return given[0];
  const y = to.net.add({ type: "concat", from: [], axis: order.indexOf(at) }, values, where);
  return placedAs(to.net, y, order);
};

const softmax = (
  type: "softmax" | "logSoftmax",
  axes: readonly number[],
  x: Placed,
  to: WiredKeras,
  where: string,
): Placed => {
  const [axis] = axes as readonly [number];
  const at = axis < 0 ? axis + x.shape.length : axis - 1;
  if (axes.length !== 1 || !(at >= 0 && at < x.shape.length))
    refuse(`${where}: works along axis ${axes.join(", ")} of ${shapeText(x.shape)}`);
  const here = axisHere(to.net, x, at, where);
  const row = x.shape.length === 1;
  // A row in another order is another row to nobody here.
  return added(here.placed, to.net, row && here.placed.axes.length === 1 ? { type } : { type, axis: here.axis }, where);
};

const prelu: WiredReader = (layer, [x], to, where) => {
  const alpha = to.weights.take(layer, "alpha");
  const rank = x.shape.length;
  const size = sizeOf(alpha.shape);
  const shared = alpha.shape.slice(0, -1).every((d) => d === 1);
  if (alpha.shape.length !== rank || (size !== 1 && (!shared || size !== x.shape.at(-1)))) {
    refuse(
      `${where}: slopes ${shapeText(alpha.shape)} for rows of ${shapeText(x.shape)}; here one for each channel: shared_axes over all places`,
    );
  }
  const order = channelsFirst(rank, "channels_last");
  const spec: LayerSpec = { type: "prelu", size };
  const weight = vector(alpha, size, to.net, where);
  return placedAs(to.net, to.net.add(spec, [inAxes(to.net, x, order, where)], where, { weight }), order);
};

const flatten: WiredReader = (layer, [x], to, where) => {
  const rank = x.shape.length;
  const last = [...x.shape.map((_, i) => i).slice(1), 0];
  const first = formatOf(layer, where) === "channels_first" && rank > 1;
  const from = first ? permuted(to.net, x, last, where) : x;
  return { ...from, shape: [sizeOf(from.shape)] };
};

const reshape: WiredReader = (layer, [x], _, where) => {
  const target = listOf(setting(layer, "target_shape"), `${where}: target_shape`, 8).map((d) =>
    numberOf(d, -1, `${where}: target_shape`),
  );
  const size = sizeOf(x.shape);
  const given = sizeOf(target.filter((d) => d !== -1));
  const shape = target.map((d) => (d === -1 ? size / given : d));
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 1) || sizeOf(shape) !== size) {
    refuse(`${where}: reshapes ${shapeText(x.shape)} to ${brief(target)}`);
  }
  return { ...x, shape };
};

const permute: WiredReader = (layer, [x], to, where) => {
  const order = listOf(setting(layer, "dims"), `${where}: dims`, 8).map((d) => numberOf(d, 0, `${where}: dims`) - 1);
  if ([...order].sort((a, b) => a - b).join() !== x.shape.map((_, i) => i).join()) {
    refuse(`${where}: dims ${brief(layer.config.dims)} are no order of the axes of ${shapeText(x.shape)}`);
  }
  return permuted(to.net, x, order, where);
};

/** Rows of a table by tokens, which the input must be. */
const embedding: WiredReader = (layer, [x], to, where) => {
  if (x.value !== INPUT) refuse(`${where} looks up what the net computes; here it must read the model's input, tokens`);
  if (flagOf(setting(layer, "mask_zero"), false, `${where}: mask_zero`)) {
    refuse(`${where}: ${MASKED}`);
  }
  const table = to.weights.take(layer, "embeddings");
  const [vocabulary, size] = table.shape as readonly [number, number];
  const said = [setting(layer, "input_dim"), setting(layer, "output_dim")];
  if (table.shape.length !== 2 || said[0] !== vocabulary || said[1] !== size) {
    refuse(`${where}: a table of ${shapeText(table.shape)} for ${brief(said[0])} tokens of ${brief(said[1])} numbers`);
  }
  to.net.claim(vocabulary * size, where);
  const y = to.net.add({ type: "embedding", vocabulary, size }, [x.value], where, { weight: table });
  return placedAs(
    to.net,
    y,
    [...x.shape, size].map((_, i) => i),
  );
};

/** Layers that act while training alone, in ways that no layer here has: predictions do without them. */
const leftOut: WiredReader = (_layer, [x], { net }, where) => {
  net.note(`${where} acts while training alone, as no layer here does: it is left out`);
  return x;
};
const LEFT_OUT = [
  ..."SpatialDropout1D SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization".split(" "),
  // Images changed at random, which train's --augment does here.
  ..."Flip Rotation Zoom Translation Shear Contrast Brightness Hue Saturation Sharpness Erasing Perspective Invert"
    .split(" ")
    .map((change) => `Random${change}`),
];
/** What a message that lists layers leaves out: those, and activations. */
const UNNAMED: readonly string[] = [
  ...LEFT_OUT,
  ...Object.keys(functionReaders),
  "ReLU",
  "LeakyReLU",
  "ELU",
  "PReLU",
  "Softmax",
  "Activation",
  "Identity",
];

/** What works on each step by itself anyway. */
const BY_STEP: readonly string[] = [
  ...["Dense", "Activation", "Dropout", "LayerNormalization", "BatchNormalization", "Softmax"],
  ...Object.keys(elementwise),
];

/** A layer for each step: layers that work along the last axis do that as they are. */
const timeDistributed: WiredReader = (outer, given, to, where) => {
  const inner = objectOf(outer.config.layer, `${where}: layer`);
  const className = textOf(inner.class_name, `${where}: layer`);
  if (!BY_STEP.includes(className)) {
    refuse(`${where}: ${brief(className)} for each step; here ${[...new Set(BY_STEP)].join(", ")}`);
  }
  const config = objectOf(inner.config, `${where}: layer`);
  const axis = setting({ ...outer, config }, "axis");
  if (axis !== undefined && `${axis}` !== "-1") refuse(`${where}: ${brief(className)} along axis ${brief(axis)}`);
  return addWired({ ...outer, className, config, stored: [...outer.stored, "layer"] }, given, to);
};

const readers: Readonly<Record<string, WiredReader>> = {
  ...windowReaders,
  ...attentionReaders,
  ...Object.fromEntries(LEFT_OUT.map((name) => [name, leftOut])),
  TimeDistributed: timeDistributed,
  ...normReaders,
  ...recurrentReaders,
  ...Object.fromEntries(
    Object.entries(elementwise).map(([name, reader]): [string, WiredReader] => [
      name,
      (layer, [x], { net }, where) => moved(x, net, (parts) => reader(layer, parts, where)),
    ]),
  ),
  Dense: dense,
  Embedding: embedding,
  Activation: (_, [x]) => x,
  PReLU: prelu,
  Softmax: (layer, [x], to, where) => softmax("softmax", axesOf(setting(layer, "axis"), [-1], where), x, to, where),
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  Add: combine("add"),
  Multiply: combine("multiply"),
  Average: average,
  Subtract: subtract,
  Concatenate: concatenate,
  Divide: divide,
  TrueDivide: divide,
  ...functionReaders,
  Maximum: extreme(false),
  Minimum: extreme(true),
  Identity: (_, [x]) => x,
};

/** Layers that only a net of any shape and wiring has. */
export const isWiredClass = (className: string, chain: Readonly<Record<string, unknown>>): boolean =>
  Object.hasOwn(readers, className) && !Object.hasOwn(chain, className);

const JOINING: readonly string[] = [
  ...["Add", "Multiply", "Average", "Subtract", "Concatenate", "Maximum", "Minimum"],
  ...Object.keys(attentionReaders),
];

/** Adds what a layer is here, its own activation included. */
export function addWired(layer: KerasLayer, given: readonly [Placed, ...Placed[]], to: WiredKeras): Placed {
  const where = nameOf(layer);
  const { className } = layer;
  if (!Object.hasOwn(readers, className)) {
    const named = Object.keys(readers).filter((name) => !UNNAMED.includes(name));
    // By the word that they share: a message is not a list of all names there are.
    const family =
      /^(Depthwise|Separable|Global|Max|Average|Zero|Batch|Group|Layer|RMS|True)+(?=[A-Z])|[12]D|Transpose$/g;
    const known = new Set(named.map((name) => name.replace(family, "")));
    return refuse(
      `${where} is not known here; known are ${[...known].join(", ")}, in one and two dimensions, and activations`,
    );
  }
  if (given.length > 1 && !JOINING.includes(className))
    refuse(`${where} takes one value, but is given ${given.length}`);
  const y = readers[className]!(layer, given, to, where);
  // That of a recurrence is within its steps.
  return Object.hasOwn(recurrentReaders, className) || className === "TimeDistributed"
    ? y
    : activated(setting(layer, "activation"), y, to, where);
}

/** An activation by its name, or as a layer of its own inside another; null adds nothing. */
function activated(value: unknown, x: Placed, to: WiredKeras, where: string): Placed {
  if (value == null) return x;
  if (isObject(value) && typeof value.class_name === "string" && Object.hasOwn(elementwise, value.class_name)) {
    const { class_name: className } = value;
    const config = objectOf(value.config, `${where}: activation`);
    const name = textOf(config.name ?? className, `${where}: activation`);
    return moved(x, to.net, (parts) =>
      elementwise[className]!({ className, name, config, path: [name], stored: [] }, parts, where),
    );
  }
  const name = functionName(value, where);
  if (name === "softmax" || name === "log_softmax") {
    return softmax(name === "softmax" ? "softmax" : "logSoftmax", [-1], x, to, where);
  }
  return moved(x, to.net, (parts) => addActivation(name, parts, where, to.version));
}
