import { type Shape, sizeOf, zeros } from "../../core/ndarray.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { partsOf } from "../shared/wasm-plan.ts";
import { mergedAxes } from "./axes.ts";
import { part } from "./pad.ts";
import { placeInWalk, placeOnChip, scatterPlan } from "./strided.ts";

/** Settings of concat. */
export interface ConcatAttrs {
  /** The axis along which the inputs lie one behind the other. */
  readonly axis: number;
}

type Shaped = Pick<TensorSpec, "shape">;

/** Places of each input along the axis: [first, first of the next]. */
const stretches = (inputs: readonly Shaped[], axis: number): readonly (readonly [number, number])[] => {
  let at = 0;
  return inputs.map(({ shape }) => {
    const from = at;
    at += shape[axis]!;
    return [from, at] as const;
  });
};

const joined = (inputs: readonly Shaped[], axis: number): Shape =>
  inputs[0]!.shape.with(
    axis,
    inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0),
  );

/** For each input, where its elements go: blocks of `inner`, `stride` from one to the next. */
function blocks(inputs: readonly Shaped[], { axis }: ConcatAttrs) {
  const all = joined(inputs, axis);
  const behind = sizeOf(all.slice(axis + 1));
  const stride = all[axis]! * behind;
  return stretches(inputs, axis).map(([from, to]) => {
    const inner = (to - from) * behind;
    const axes = mergedAxes([
      { size: sizeOf(all.slice(0, axis)), stride },
      { size: inner, stride: 1 },
    ]);
    return { inner, stride, walk: { start: from * behind, axes } };
  });
}

/** Two or more values one behind the other along an axis; all other axes are of one size. */
export const concat: Op<ConcatAttrs> = {
  name: "concat",
  infer(inputs, { axis }) {
    const [first] = inputs as readonly [TensorSpec];
    const fits = (x: TensorSpec): boolean =>
      x.dtype === first.dtype &&
      x.shape.length === first.shape.length &&
      x.shape.every((size, k) => k === axis || size === first.shape[k]);
    if (inputs.length < 2 || !(axis in first.shape) || !inputs.every(fits)) {
      wrongShapes(concat, inputs, `two or more inputs that differ at most along axis ${axis}`);
    }
    return [{ shape: joined(inputs, axis), dtype: first.dtype }];
  },
  reference(inputs, attrs) {
    const y = zeros(joined(inputs, attrs.axis), inputs[0]!.dtype);
    for (const [k, { walk }] of blocks(inputs, attrs).entries()) {
      inputs[k]!.data.forEach((v, i) => {
        y.data[placeInWalk(walk, i)] = v;
      });
    }
    return [y];
  },
  wasm: (inputs, _outputs, attrs) => ({
    calls: blocks(inputs, attrs).map(({ inner, stride, walk }, k) => {
      const size = sizeOf(inputs[k]!.shape);
      return { fn: "blocks", args: [input(k), output(0), size, walk.start, inner, stride], parts: partsOf(size) };
    }),
  }),
  onChip(w, inputs, [y], attrs) {
    for (const [k, { walk }] of blocks(inputs, attrs).entries()) {
      w.eachOf(inputs[k]!, (i) => w.add(`${y!.at(placeOnChip(w, walk, i))} = ${inputs[k]!.at(i)};`));
    }
  },
  gradient: (g, { inputs, attrs: { axis } }, [dy]) =>
    stretches(inputs, axis).map(([from], k) =>
      g.one(
        part,
        [dy!],
        { from: dy!.shape.map((_, a) => (a === axis ? from : 0)), shape: inputs[k]!.shape },
        `d ${inputs[k]!.name}`,
      ),
    ),
  kernels: [
    {
      name: "concat/strided",
      plan: (inputs, [y], attrs, caps) => ({
        launches: blocks(inputs, attrs).flatMap(({ walk }, k) => {
          const count = attrs.axis === 0 ? 1 : y!.shape[0]!;
          const rows = { count, x: sizeOf(inputs[k]!.shape) / count, y: sizeOf(y!.shape) / count };
          return scatterPlan(concat, k, walk, rows, caps).launches;
        }),
      }),
    },
  ],
};
