import type { AdaptiveAvgPoolSpec } from "../../nn/layers/adaptive-pool.ts";
import { each } from "../../nn/layers/dimensions.ts";
import type { AvgPoolSpec, MaxPoolSpec } from "../../nn/layers/pool.ts";
import { back, type Line, type NumpyLayer, type Place, tuple } from "./place.ts";

/** What the functions of windows take. */
function numbers(layer: MaxPoolSpec | AvgPoolSpec, { shapes, shape }: Place) {
  const sizes = shapes[0]!.slice(1);
  const count = shape.slice(1);
  const dims = sizes.length;
  const [kernel, stride, before] = [layer.kernel, layer.stride, layer.padding].map((v) => each(v, dims)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const dilation = each("dilation" in layer ? layer.dilation : 1, dims);
  const pads = sizes.map((size, d) => {
    const reach = (count[d]! - 1) * stride[d]! + dilation[d]! * (kernel[d]! - 1) + 1 - size - before[d]!;
    return tuple([before[d]!, Math.max(reach, 0)]);
  });
  return {
    sizes: tuple(sizes),
    kernel: tuple(kernel),
    count: tuple(count),
    stride: tuple(stride),
    before: tuple(before),
    pads: `[${pads.join(", ")}]`,
    dilation: tuple(dilation),
  };
}

export const maxPoolNumpy: NumpyLayer<MaxPoolSpec> = {
  helpers: ["windows", "put_back"],
  forward(layer, c) {
    const n = numbers(layer, c);
    const code = `windows(${c.h[0]}, ${n.kernel}, ${n.count}, ${n.stride}, ${n.pads}, ${n.dilation}, -np.inf)`;
    return [
      [`seen${c.i} = ${code}`, "largest values: what each place of a window meets,"],
      [`${c.a} = seen${c.i}.max(axis=0)`, "and the largest of it"],
    ];
  },
  backward(layer, c) {
    if (!c.onward[0]) return [];
    const n = numbers(layer, c);
    const places = `np.arange(len(seen${c.i})).reshape(-1, ${c.shape.map(() => 1).join(", ")}, 1)`;
    return [
      [`won${c.i} = ${places} == seen${c.i}.argmax(axis=0)`, "the first of equals has won"],
      ...back(
        c,
        `put_back(won${c.i} * d${c.a}, ${n.sizes}, ${n.kernel}, ${n.stride}, ${n.pads}, ${n.dilation})`,
        "largest values: all to the one that won",
      ),
    ];
  },
};

export const avgPoolNumpy: NumpyLayer<AvgPoolSpec> = {
  helpers: ["windows", "put_back", "counted"],
  forward(layer, c) {
    const n = numbers(layer, c);
    const around = layer.countPadding ? n.before : tuple(c.shapes[0]!.slice(1).map(() => 0));
    return [
      [
        `places${c.i} = counted(${n.sizes}, ${n.kernel}, ${n.count}, ${n.stride}, ${n.before}, ${around}).astype(real)`,
        "means: how many places each counts,",
      ],
      [
        `${c.a} = windows(${c.h[0]}, ${n.kernel}, ${n.count}, ${n.stride}, ${n.pads}, ${n.dilation}, 0).sum(axis=0) / places${c.i}`,
        "and their sum over that",
      ],
    ];
  },
  backward(layer, c) {
    const n = numbers(layer, c);
    const taps = each(layer.kernel, c.shape.length - 1).reduce((a, b) => a * b, 1);
    const code = `put_back(np.stack([d${c.a} / places${c.i}] * ${taps}), ${n.sizes}, ${n.kernel}, ${n.stride}, ${n.pads}, ${n.dilation})`;
    return back(c, code, "means: the same share to each");
  },
};

/** A product with a matrix along each axis of places, and the way back by its transpose. */
export function byMatrices(
  c: Place,
  matrices: readonly string[],
  what: string,
): { forward: readonly Line[]; backward: readonly Line[] } {
  const steps = (from: string, turned: string): string =>
    matrices.reduce((code, _, d) => `along(${code}, m${c.i}_${d}${turned}, ${d + 2})`, from);
  return {
    forward: [
      ...matrices.map((m, d): Line => [`m${c.i}_${d} = ${m}`, `${what}: what each place has in each, axis ${d + 2}`]),
      [`${c.a} = ${steps(c.h[0]!, "")}`, `${what}, one axis after the other`],
    ],
    backward: back(c, steps(`d${c.a}`, ".T"), `${what}: back by the same shares`),
  };
}

const adaptive = (layer: AdaptiveAvgPoolSpec, c: Place) => {
  const sizes = c.shapes[0]!.slice(1);
  const out = each(layer.out, sizes.length);
  return byMatrices(
    c,
    sizes.map((size, d) => `shares(${size}, ${out[d]})`),
    "means of windows that cover all",
  );
};

export const adaptiveAvgPoolNumpy: NumpyLayer<AdaptiveAvgPoolSpec> = {
  helpers: ["along", "shares"],
  forward: (layer, c) => adaptive(layer, c).forward,
  backward: (layer, c) => adaptive(layer, c).backward,
};
