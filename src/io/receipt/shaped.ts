import type { AddSpec, ConcatSpec, MultiplySpec } from "../../nn/layers/combine.ts";
import { each } from "../../nn/layers/dimensions.ts";
import type { FlattenSpec, PermuteSpec, ReshapeSpec } from "../../nn/layers/reshape.ts";
import type { PadSpec, UpsampleSpec } from "../../nn/layers/resize.ts";
import { back, type Line, type NumpyLayer, type Place, tuple } from "./place.ts";
import { byMatrices } from "./pool.ts";

const reshaped = (c: Place, what: string): readonly Line[] => [
  [`${c.a} = ${c.h[0]}.reshape(len(${c.h[0]}), ${c.shape.join(", ")})`, `${what}: the same numbers in another shape`],
];
const reshapedBack = (c: Place, what: string): readonly Line[] =>
  back(c, `d${c.a}.reshape(${c.h[0]}.shape)`, `${what}: and back`);

export const flattenNumpy: NumpyLayer<FlattenSpec> = {
  forward: (_, c) => reshaped(c, "flatten"),
  backward: (_, c) => reshapedBack(c, "flatten"),
};

export const reshapeNumpy: NumpyLayer<ReshapeSpec> = {
  forward: (_, c) => reshaped(c, "reshape"),
  backward: (_, c) => reshapedBack(c, "reshape"),
};

export const permuteNumpy: NumpyLayer<PermuteSpec> = {
  forward: ({ order }, c) => [
    [`${c.a} = ${c.h[0]}.transpose(0, ${order.map((axis) => axis + 1).join(", ")})`, "permute: axes in another order"],
  ],
  backward: ({ order }, c) => {
    const inverse = order.map((_, axis) => order.indexOf(axis) + 1);
    return back(c, `d${c.a}.transpose(0, ${inverse.join(", ")})`, "permute: and back");
  },
};

/** A line for each value that a layer of several reads and that needs its derivative. */
const backEach = (c: Place, code: (k: number) => string, comment: string): readonly Line[] =>
  c.h.flatMap((h, k): readonly Line[] => (c.onward[k] ? [[`d${h} = ${code(k)}`, comment]] : []));

export const addNumpy: NumpyLayer<AddSpec> = {
  forward: (_, c) => [[`${c.a} = ${c.h.join(" + ")}`, "add: their sum"]],
  backward: (_, c) => backEach(c, () => `d${c.a}`, "add: the derivative goes to each"),
};

export const multiplyNumpy: NumpyLayer<MultiplySpec> = {
  forward: (_, c) => [[`${c.a} = ${c.h.join(" * ")}`, "multiply: their product"]],
  backward: (_, c) => {
    const others = (k: number): string => c.h.filter((_, other) => other !== k).join(" * ");
    return backEach(c, (k) => `d${c.a} * ${others(k)}`, "multiply: times the others");
  },
};

export const concatNumpy: NumpyLayer<ConcatSpec> = {
  forward: ({ axis }, c) => [
    [`${c.a} = np.concatenate([${c.h.join(", ")}], axis=${axis + 1})`, "concat: one behind the other"],
  ],
  backward({ axis }, c) {
    const begins = c.shapes.map((_, k) => c.shapes.slice(0, k).reduce((sum, shape) => sum + shape[axis]!, 0));
    const before = ":, ".repeat(axis + 1);
    return backEach(
      c,
      (k) => `d${c.a}[${before}${begins[k]}:${begins[k]! + c.shapes[k]![axis]!}]`,
      "concat: to each its own",
    );
  },
};

const amountsOf = ({ amounts }: PadSpec, c: Place): readonly (readonly [number, number])[] =>
  typeof amounts === "number" ? c.shape.slice(1).map(() => [amounts, amounts] as const) : amounts;

const crops = (amounts: readonly (readonly [number, number])[]): boolean => amounts.flat().some((n) => n < 0);

/** Places along a dimension that a crop keeps, as an index. */
function kept(c: Place, amounts: readonly (readonly [number, number])[], d: number): string {
  const [before, behind] = amounts[d]!;
  return `${Math.max(-before, 0)}:${c.shapes[0]![d + 1]! - Math.max(-behind, 0)}`;
}

/** Mirrored places, as a matrix of what each place has in each. */
const mirrored = (layer: PadSpec, c: Place) => {
  const sizes = c.shapes[0]!.slice(1);
  const matrices = amountsOf(layer, c).map(
    (pair, d) => `np.pad(np.eye(${sizes[d]}), [${tuple(pair)}, (0, 0)], mode="reflect")`,
  );
  return byMatrices(c, matrices, "mirrored at the edge");
};

export const padNumpy: NumpyLayer<PadSpec> = {
  helpers: ["along"],
  forward(layer, c) {
    if (layer.mode === "reflect") return mirrored(layer, c).forward;
    const amounts = amountsOf(layer, c);
    const cut = amounts.map((_, d) => kept(c, amounts, d)).join(", ");
    const x = crops(amounts) ? `${c.h[0]}[:, :, ${cut}]` : c.h[0]!;
    const pads = amounts.map(([before, behind]) => tuple([Math.max(before, 0), Math.max(behind, 0)]));
    if (amounts.flat().every((n) => n <= 0)) return [[`${c.a} = ${x}`, "pad: places taken away"]];
    return [[`${c.a} = np.pad(${x}, [(0, 0), (0, 0), ${pads.join(", ")}])`, "pad: zeros around each channel"]];
  },
  backward(layer, c) {
    if (layer.mode === "reflect") return mirrored(layer, c).backward;
    const amounts = amountsOf(layer, c);
    const sizes = c.shapes[0]!.slice(1);
    const inside = amounts.map(([before, behind], d) => {
      const from = Math.max(before, 0);
      return `${from}:${from + sizes[d]! + Math.min(before, 0) + Math.min(behind, 0)}`;
    });
    if (crops(amounts)) {
      const around = amounts.map(([before, behind]) => tuple([Math.max(-before, 0), Math.max(-behind, 0)]));
      const d = `np.pad(d${c.a}[:, :, ${inside.join(", ")}], [(0, 0), (0, 0), ${around.join(", ")}])`;
      return back(c, d, "pad: nothing for what was taken away");
    }
    return back(c, `d${c.a}[:, :, ${inside.join(", ")}]`, "pad: what lies within");
  },
};

const grown = (layer: UpsampleSpec, c: Place) => {
  const sizes = c.shapes[0]!.slice(1);
  const scale = each(layer.scale, sizes.length);
  const nearest = (size: number, d: number): string => `np.eye(${size}).repeat(${scale[d]}, axis=0)`;
  const matrix = (size: number, d: number): string =>
    layer.mode === "nearest" ? nearest(size, d) : `between(${size}, ${scale[d]})`;
  return byMatrices(c, sizes.map(matrix), "more places");
};

export const upsampleNumpy: NumpyLayer<UpsampleSpec> = {
  helpers: ["along", "between"],
  forward: (layer, c) => grown(layer, c).forward,
  backward: (layer, c) => grown(layer, c).backward,
};
