import type { ConvSpec } from "../../nn/layers/conv.ts";
import { attrsOf, spanOf } from "../../nn/layers/conv-fields.ts";
import type { ConvTransposeSpec } from "../../nn/layers/conv-transpose.ts";
import { back, type Line, type NumpyLayer, type Place, perChannel, tuple } from "./place.ts";

type Convolution = ConvSpec | ConvTransposeSpec;

/** Numbers of the larger side of a convolution: `wide` places become `count` windows. */
function numbers(layer: Convolution, wide: readonly number[], count: readonly number[]) {
  const { stride, padding, dilation, groups } = attrsOf(layer);
  const spans = spanOf(layer);
  // Behind, zeros as far as the last window reaches; places that no window meets stay at 0.
  const pads = padding.map(([before], d) => {
    const reach = (count[d]! - 1) * stride[d]! + spans[d]! - wide[d]! - before;
    return [before, Math.max(reach, 0)] as const;
  });
  const rest = `${tuple(stride)}, [${pads.map((pad) => tuple(pad)).join(", ")}], ${tuple(dilation)}, ${groups}`;
  return { rest, wide: tuple(wide), count: tuple(count) };
}

const withBias = ({ bias }: Convolution, c: Place, code: string, comment: string): readonly Line[] =>
  bias
    ? [[`${c.a} = ${code} + b${c.i}${perChannel(c.shape)}`, `${comment}; and the bias`]]
    : [[`${c.a} = ${code}`, comment]];

const biasGradient = ({ bias }: Convolution, c: Place): readonly Line[] => {
  const over = tuple([0, ...c.shape.slice(1).map((_, d) => d + 2)]);
  return bias ? [[`db${c.i} = d${c.a}.sum(axis=${over})`, "the bias acts as it is, at every place"]] : [];
};

export const convNumpy: NumpyLayer<ConvSpec> = {
  helpers: ["conv", "conv_dx", "conv_dw"],
  forward(layer, c) {
    const n = numbers(layer, c.shapes[0]!.slice(1), c.shape.slice(1));
    return withBias(layer, c, `conv(${c.h[0]}, W${c.i}, ${n.count}, ${n.rest})`, "convolution");
  },
  backward(layer, c) {
    const n = numbers(layer, c.shapes[0]!.slice(1), c.shape.slice(1));
    return back(c, `conv_dx(d${c.a}, W${c.i}, ${n.wide}, ${n.rest})`, "convolution: back through the same kernel");
  },
  products(layer, c) {
    const n = numbers(layer, c.shapes[0]!.slice(1), c.shape.slice(1));
    const code = `dW${c.i} = conv_dw(${c.h[0]}, d${c.a}, W${c.i}.shape, ${n.rest})`;
    return [[code, "value in front times derivative behind"], ...biasGradient(layer, c)];
  },
};

/** The way back of a convolution, taken forward: what it gives is what that one would read. */
export const convTransposeNumpy: NumpyLayer<ConvTransposeSpec> = {
  helpers: ["conv", "conv_dx", "conv_dw"],
  forward(layer, c) {
    const n = numbers(layer, c.shape.slice(1), c.shapes[0]!.slice(1));
    const code = `conv_dx(${c.h[0]}, W${c.i}, ${n.wide}, ${n.rest})`;
    return withBias(layer, c, code, "transposed convolution: the way back of one, taken forward");
  },
  backward(layer, c) {
    const n = numbers(layer, c.shape.slice(1), c.shapes[0]!.slice(1));
    return back(c, `conv(d${c.a}, W${c.i}, ${n.count}, ${n.rest})`, "transposed convolution: the convolution itself");
  },
  products(layer, c) {
    const n = numbers(layer, c.shape.slice(1), c.shapes[0]!.slice(1));
    const code = `dW${c.i} = conv_dw(d${c.a}, ${c.h[0]}, W${c.i}.shape, ${n.rest})`;
    return [[code, "derivative behind times value in front"], ...biasGradient(layer, c)];
  },
};
