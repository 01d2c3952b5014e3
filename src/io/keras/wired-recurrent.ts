import { brief } from "../../core/format.ts";
import { type NdArray, ndarray, shapeText } from "../../core/ndarray.ts";
import type { RecurrentSpec } from "../../nn/layers/recurrent-passes.ts";
import type { Value } from "../net/wired-net.ts";
import { flagOf, numberOf, objectOf, refuse } from "./json.ts";
import type { KerasLayer } from "./layer.ts";
import { inKerasOrder, type Placed, placedAs } from "./placed.ts";
import { setting, turned, vector, type WiredKeras, type WiredReader } from "./wired-place.ts";

/** Keras's classes: the gates here, for each the place that it has there, and the functions that it must have. */
const KINDS = {
  // i f c o, as here.
  LSTM: { type: "lstm", order: [0, 1, 2, 3] },
  // z r h: here r z n.
  GRU: { type: "gru", order: [1, 0, 2] },
  SimpleRNN: { type: "rnn", order: [0] },
} as const;
type KerasClass = keyof typeof KINDS;

/** Settings that change what a recurrence computes and that no layer here has. */
const REFUSED = {
  go_backwards: "it goes from the last step to the first alone",
  stateful: "it keeps its state from one batch to the next",
  return_state: "its state comes out, too",
  time_major: "its steps come before rows",
} as const;

function requirePlain(layer: KerasLayer, where: string): void {
  for (const [key, what] of Object.entries(REFUSED)) {
    if (flagOf(setting(layer, key), false, `${where}: ${key}`))
      refuse(`${where}: ${key}: ${what}, which no layer here does`);
  }
  if (layer.className === "GRU" && !flagOf(setting(layer, "reset_after"), true, `${where}: reset_after`)) {
    refuse(
      `${where}: reset_after false, where the reset gate acts before the product; here it acts behind, as in PyTorch`,
    );
  }
}

/** What a sum goes through: of an rnn tanh or relu, of gates sigmoid beside. */
function nonlinearity(layer: KerasLayer, where: string): "tanh" | "relu" {
  const given = setting(layer, "activation") ?? "linear";
  const gate = layer.className === "SimpleRNN" ? "sigmoid" : (setting(layer, "recurrent_activation") ?? "linear");
  const fits = given === "tanh" || (given === "relu" && layer.className === "SimpleRNN");
  if (!fits) return refuse(`${where}: activation ${brief(given)}; here tanh, or in a SimpleRNN relu`);
  if (gate !== "sigmoid") return refuse(`${where}: recurrent_activation ${brief(gate)}; here sigmoid`);
  return given as "tanh" | "relu";
}

/** A matrix [rows, gates h] or vector [gates h] as [gates h, rows] or [gates h], gates in the order here. */
function ordered(array: NdArray, order: readonly number[], net: WiredKeras["net"], where: string): NdArray {
  const matrix = array.shape.length === 2;
  const own = matrix ? turned(array, [1, 0], net, where) : vector(array, array.shape[0]!, net, where);
  const stretch = own.data.length / order.length;
  const out = new Float32Array(own.data.length);
  for (const [k, from] of order.entries())
    out.set(own.data.subarray(from * stretch, (from + 1) * stretch), k * stretch);
  return ndarray(own.shape, "f32", out);
}

/** The arrays of one direction by the names that they have here. */
function arraysOf(layer: KerasLayer, inputs: number, suffix: string, to: WiredKeras, where: string) {
  const { net, weights } = to;
  const { order } = KINDS[layer.className as KerasClass];
  const kernel = weights.take(layer, "kernel");
  const state = weights.take(layer, "recurrent_kernel");
  const width = kernel.shape[1] ?? 0;
  const h = width / order.length;
  if (kernel.shape.length !== 2 || kernel.shape[0] !== inputs || !Number.isSafeInteger(h) || h < 1) {
    refuse(`${where}: a kernel of ${shapeText(kernel.shape)} for steps of ${inputs} values`);
  }
  if (state.shape.join() !== `${h},${width}`) {
    refuse(`${where}: a recurrent kernel of ${shapeText(state.shape)}, where it must be ${shapeText([h, width])}`);
  }
  const arrays: Record<string, NdArray> = {
    [`weight_ih_${suffix}`]: ordered(kernel, order, net, where),
    [`weight_hh_${suffix}`]: ordered(state, order, net, where),
  };
  const bias = flagOf(setting(layer, "use_bias"), true, `${where}: use_bias`);
  if (bias) {
    const given = weights.take(layer, "bias");
    const two = layer.className === "GRU";
    if (given.shape.join() !== (two ? `2,${width}` : `${width}`)) {
      refuse(
        `${where}: a bias of ${shapeText(given.shape)}, where it must be ${shapeText(two ? [2, width] : [width])}`,
      );
    }
    net.claim(width, where);
    const part = (k: number): NdArray =>
      ndarray([width], "f32", two || k === 0 ? given.data.slice(k * width, (k + 1) * width) : new Float32Array(width));
    // The others have one bias where PyTorch has two that are added: the second is 0.
    arrays[`bias_ih_${suffix}`] = ordered(part(0), order, net, where);
    arrays[`bias_hh_${suffix}`] = ordered(part(1), order, net, where);
  }
  return { arrays, h, bias };
}

/** A layer's arrays lie in a cell of its own in Keras 3's files. */
const inCell = (layer: KerasLayer, ...inside: readonly string[]): KerasLayer => ({
  ...layer,
  stored: [...layer.stored, ...inside, "cell"],
});

function noteDropout(layer: KerasLayer, { net }: WiredKeras, where: string): void {
  const rates = ["dropout", "recurrent_dropout"].filter(
    (key) => numberOf(setting(layer, key), 0, `${where}: ${key}`) > 0,
  );
  if (rates.length > 0)
    net.note(`${where}: ${rates.join(" and ")} within a recurrence are left out: no layer here has them`);
}

/** How both directions become one value. */
const MERGES = ["concat", "sum", "mul", "ave"] as const;
type Merge = (typeof MERGES)[number];

/** Both directions [steps, 2 h] as they are asked for: of all steps, or of that one which each reaches last. */
function merged(y: Value, steps: number, h: number, all: boolean, merge: Merge, to: WiredKeras, where: string): Placed {
  const { net } = to;
  if (all && merge === "concat") return placedAs(net, y, [0, 1]);
  const half = (k: number): Value => {
    const own = net.extend(y, [steps, 2 * h], 1, -k * h, (k - 1) * h, where);
    if (all) return own;
    // The way back ends at the first step.
    const one = k === 0 ? net.add({ type: "lastStep" }, [own], where) : net.slice(own, [steps, h], 0, 0, 1, where);
    return net.reshape(one, [h], where);
  };
  const both = [half(0), half(1)] as const;
  const order = all ? [0, 1] : [0];
  if (merge === "concat") return placedAs(net, net.add({ type: "concat", from: [], axis: 0 }, both, where), order);
  const made = net.combine(merge === "mul" ? "multiply" : "add", both, where);
  const half2 = { scale: Float64Array.of(0.5), shift: Float64Array.of(0) };
  return placedAs(net, merge === "ave" ? net.affine(made, half2, 0, where) : made, order);
}

function added(
  layer: KerasLayer,
  passes: readonly KerasLayer[],
  x: Placed,
  to: WiredKeras,
  where: string,
  merge: Merge = "concat",
): Placed {
  const { net } = to;
  requirePlain(layer, where);
  noteDropout(layer, to, where);
  const through = nonlinearity(layer, where);
  if (x.shape.length !== 2) refuse(`${where} takes [steps, values], but is given ${shapeText(x.shape)}`);
  const inputs = x.shape[1]!;
  const made = passes.map((pass, d) => arraysOf(pass, inputs, d === 0 ? "l0" : "l0_reverse", to, where));
  const { h, bias } = made[0]!;
  if (made.some((m) => m.h !== h || m.bias !== bias)) refuse(`${where}: its two directions are not alike`);
  const { type } = KINDS[layer.className as KerasClass];
  const fields = { in: inputs, out: h, layers: 1, bidirectional: passes.length > 1, bias };
  const spec = { type, ...fields, ...(type === "rnn" ? { nonlinearity: through } : {}) } as RecurrentSpec;
  const arrays = Object.assign({}, ...made.map((m) => m.arrays)) as Record<string, NdArray>;
  const y = net.add(spec, [inKerasOrder(net, x, where)], where, arrays);
  const all = flagOf(setting(layer, "return_sequences"), false, `${where}: return_sequences`);
  if (passes.length > 1) return merged(y, x.shape[0]!, h, all, merge, to, where);
  if (all) return placedAs(net, y, [0, 1]);
  return placedAs(net, net.add({ type: "lastStep" }, [y], where), [0]);
}

const recurrent: WiredReader = (layer, [x], to, where) => added(layer, [inCell(layer)], x, to, where);

const bidirectional: WiredReader = (outer, [x], to, where) => {
  const inner = objectOf(outer.config.layer, `${where}: layer`);
  const className = inner.class_name;
  if (typeof className !== "string" || !Object.hasOwn(KINDS, className)) {
    return refuse(`${where}: both directions of ${brief(className)}; here of ${Object.keys(KINDS).join(", ")}`);
  }
  const merge = MERGES.find((mode) => mode === setting(outer, "merge_mode"));
  if (!merge) return refuse(`${where}: merge_mode ${brief(setting(outer, "merge_mode"))}; here ${MERGES.join(", ")}`);
  const config = objectOf(inner.config, `${where}: layer`);
  const name = typeof config.name === "string" ? config.name : className.toLowerCase();
  const direction = (which: "forward" | "backward"): KerasLayer => ({
    ...outer,
    className,
    config,
    path: [...outer.path, `${which}_${name}`],
    name: `${which}_${name}`,
    stored: [...outer.stored, `${which}_layer`, "cell"],
  });
  return added({ ...outer, className, config }, [direction("forward"), direction("backward")], x, to, where, merge);
};

export const recurrentReaders: Readonly<Record<string, WiredReader>> = {
  LSTM: recurrent,
  GRU: recurrent,
  SimpleRNN: recurrent,
  Bidirectional: bidirectional,
};
